package io.n0stack.n0core.kvm.qapi;

/**
 * Whether a new medium can be written.
 *
 * @since 0.1
 */
public enum ReadOnlyMode {
  /** As the one before. */
  RETAIN,
  /** No. */
  READ_ONLY,
  /** Yes. */
  READ_WRITE
}
