package io.n0stack.n0core.kvm.qapi;

/**
 * How fully a processor model is spelled out.
 *
 * @since 0.1
 */
public enum CpuExpansion {
  /** In features that mean the same in every version. */
  STATIC,
  /** In all features that can be named. */
  FULL
}
