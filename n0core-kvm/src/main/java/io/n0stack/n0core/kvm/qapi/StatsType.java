package io.n0stack.n0core.kvm.qapi;

/**
 * How a value counts.
 *
 * @since 0.1
 */
public enum StatsType {
  /** It only grows. */
  CUMULATIVE,
  /** It is as of now. */
  INSTANT,
  /** It is the highest ever. */
  PEAK,
  /** It is a list of counts in steps of equal width. */
  LINEAR_HISTOGRAM,
  /** It is a list of counts in steps of doubled width. */
  LOG2_HISTOGRAM
}
