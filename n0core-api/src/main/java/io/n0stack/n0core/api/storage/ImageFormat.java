package io.n0stack.n0core.api.storage;

/**
 * The format of a volume or image. Recorded when it is made and never guessed afterwards, since a
 * guest can write any header into a raw volume.
 *
 * @since 0.1
 */
public enum ImageFormat {
  /** QEMU's copy-on-write format, version 3. */
  QCOW2,
  /** Plain bytes. */
  RAW
}
