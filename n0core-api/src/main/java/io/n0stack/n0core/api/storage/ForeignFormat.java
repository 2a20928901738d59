package io.n0stack.n0core.api.storage;

/**
 * A format that no volume has, and only a conversion reads.
 *
 * @since 0.1
 */
public enum ForeignFormat {
  /** VMware's, of one file: {@code monolithicSparse} or {@code streamOptimized}. */
  VMDK,
  /** VirtualBox's. */
  VDI,
  /** Hyper-V's. */
  VHDX
}
