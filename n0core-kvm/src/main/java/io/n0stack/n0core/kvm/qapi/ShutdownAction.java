package io.n0stack.n0core.kvm.qapi;

/**
 * What a guest's power-off does.
 *
 * @since 0.1
 */
public enum ShutdownAction {
  /** QEMU ends. */
  POWEROFF,
  /** QEMU stays, in state SHUTDOWN. */
  PAUSE
}
