package io.n0stack.n0core.kvm.qapi;

/**
 * How a device's last requests ended.
 *
 * @since 0.1
 */
public enum IoStatus {
  /** Well. */
  OK,
  /** With an error. */
  FAILED,
  /** For want of space. */
  NOSPACE
}
