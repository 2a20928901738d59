package io.n0stack.n0core.kvm.qapi;

/**
 * How the dirty rate is measured.
 *
 * @since 0.1
 */
public enum DirtyRateMode {
  /** By looking at some pages twice. */
  PAGE_SAMPLING,
  /** By KVM's dirty ring. */
  DIRTY_RING,
  /** By a bitmap. */
  DIRTY_BITMAP
}
