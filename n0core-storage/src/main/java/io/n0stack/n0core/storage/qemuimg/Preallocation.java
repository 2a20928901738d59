package io.n0stack.n0core.storage.qemuimg;

/**
 * What is allocated when an image is made or grown.
 *
 * @since 0.1
 */
public enum Preallocation {
  /** Nothing. */
  OFF,
  /** The tables of a qcow2 image; the file stays sparse. Not for raw. */
  METADATA,
  /** All blocks, by {@code fallocate(2)}. */
  FALLOC,
  /** All blocks, by writing zeros. */
  FULL
}
