package io.n0stack.n0core.kvm.qapi;

/**
 * Whether the dirty rate was measured.
 *
 * @since 0.1
 */
public enum DirtyRateStatus {
  /** Not asked for. */
  UNSTARTED,
  /** Not yet ready. */
  MEASURING,
  /** Ready. */
  MEASURED
}
