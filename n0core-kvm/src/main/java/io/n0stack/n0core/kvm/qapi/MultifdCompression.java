package io.n0stack.n0core.kvm.qapi;

/**
 * How several connections compress.
 *
 * @since 0.1
 */
public enum MultifdCompression {
  /** Not. */
  NONE,
  /** By zlib. */
  ZLIB,
  /** By Zstandard. */
  ZSTD
}
