package io.n0stack.n0core.kvm.qapi;

/**
 * How bytes are written as text.
 *
 * @since 0.1
 */
public enum TextFormat {
  /** As UTF-8; what is not UTF-8 is lost. */
  UTF8,
  /** As base64. */
  BASE64
}
