package io.n0stack.n0core.kvm.qapi;

/**
 * The format of a screenshot.
 *
 * @since 0.1
 */
public enum ScreenFormat {
  /** Portable pixmap. */
  PPM,
  /** Portable network graphics. */
  PNG
}
