package io.n0stack.n0core.kvm.qapi;

/**
 * Why the guest was powered off or reset.
 *
 * @since 0.1
 */
public enum ShutdownCause {
  /** QEMU does not say. */
  NONE,
  /** An error of the host. */
  HOST_ERROR,
  /** The command {@code quit}. */
  HOST_QMP_QUIT,
  /** The command {@code system_reset}. */
  HOST_QMP_SYSTEM_RESET,
  /** A signal to QEMU's process. */
  HOST_SIGNAL,
  /** The display's user. */
  HOST_UI,
  /** The guest powered itself off. */
  GUEST_SHUTDOWN,
  /** The guest reset itself. */
  GUEST_RESET,
  /** The guest panicked. */
  GUEST_PANIC,
  /** A part of the guest was reset. */
  SUBSYSTEM_RESET,
  /** A snapshot was loaded. */
  SNAPSHOT_LOAD
}
