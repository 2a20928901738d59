package io.n0stack.n0core.kvm.qapi;

/**
 * The type of an option's parameter.
 *
 * @since 0.1
 */
public enum OptionType {
  /** A text. */
  STRING,
  /** On or off. */
  BOOLEAN,
  /** A number. */
  NUMBER,
  /** A number of bytes. */
  SIZE
}
