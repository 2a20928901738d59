package io.n0stack.n0core.kvm.qapi;

/**
 * When a mirror copies what the guest writes.
 *
 * @since 0.1
 */
public enum CopyMode {
  /** Some time later. */
  BACKGROUND,
  /** Before the guest's write ends. */
  WRITE_BLOCKING
}
