package io.n0stack.n0core.api.compute;

/**
 * What executes a guest's instructions.
 *
 * @since 0.1
 */
public enum Accelerator {
  /** KVM where a guest really boots under it, else TCG. */
  AUTO,
  /** The processor, through {@code /dev/kvm}. */
  KVM,
  /** QEMU's translator; works everywhere, slowly. */
  TCG
}
