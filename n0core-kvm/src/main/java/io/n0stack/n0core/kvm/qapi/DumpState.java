package io.n0stack.n0core.kvm.qapi;

/**
 * What has become of a dump.
 *
 * @since 0.1
 */
public enum DumpState {
  /** None was asked for. */
  NONE,
  /** It is being written. */
  ACTIVE,
  /** It is complete. */
  COMPLETED,
  /** It failed. */
  FAILED
}
