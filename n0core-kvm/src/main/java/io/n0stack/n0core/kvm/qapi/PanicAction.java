package io.n0stack.n0core.kvm.qapi;

/**
 * What a guest's panic does.
 *
 * @since 0.1
 */
public enum PanicAction {
  /** The guest is stopped. */
  PAUSE,
  /** QEMU ends. */
  SHUTDOWN,
  /** QEMU ends with a failure. */
  EXIT_FAILURE,
  /** Nothing. */
  NONE
}
