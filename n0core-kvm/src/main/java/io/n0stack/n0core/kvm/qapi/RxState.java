package io.n0stack.n0core.kvm.qapi;

/**
 * Which addresses a network card lets through.
 *
 * @since 0.1
 */
public enum RxState {
  /** Those in its table. */
  NORMAL,
  /** None. */
  NONE,
  /** All. */
  ALL
}
