package io.n0stack.n0core.kvm.qapi;

/**
 * What statistics are about.
 *
 * @since 0.1
 */
public enum StatsTarget {
  /** The whole machine. */
  VM,
  /** Each processor. */
  VCPU
}
