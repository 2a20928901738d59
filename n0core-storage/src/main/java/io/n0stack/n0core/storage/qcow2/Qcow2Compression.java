package io.n0stack.n0core.storage.qcow2;

/**
 * How an image compresses clusters, if it compresses any.
 *
 * @since 0.1
 */
public enum Qcow2Compression {
  /** Deflate; each QEMU can read it. */
  ZLIB,
  /** Zstandard; QEMU 5.1 and later can read it. */
  ZSTD
}
