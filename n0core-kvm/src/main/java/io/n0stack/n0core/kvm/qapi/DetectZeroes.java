package io.n0stack.n0core.kvm.qapi;

/**
 * What is done when the guest writes zeroes.
 *
 * @since 0.1
 */
public enum DetectZeroes {
  /** Zeroes are written. */
  OFF,
  /** The image is told that they are zeroes. */
  ON,
  /** The space is freed if the image allows. */
  UNMAP
}
