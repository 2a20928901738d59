package io.n0stack.n0core.kvm.qapi;

/**
 * What QEMU is doing with the guest.
 *
 * @since 0.1
 */
public enum RunState {
  /** A debugger has stopped the guest. */
  DEBUG,
  /** The guest's state is awaited from another host. */
  INMIGRATE,
  /** The accelerator failed; the guest is stopped. */
  INTERNAL_ERROR,
  /** A disk failed; the guest is stopped. */
  IO_ERROR,
  /** The guest was stopped on request. */
  PAUSED,
  /** The guest's state was sent away; it is stopped. */
  POSTMIGRATE,
  /** The guest has not yet started. */
  PRELAUNCH,
  /** The guest is stopped for the last part of a migration. */
  FINISH_MIGRATE,
  /** A snapshot is being loaded. */
  RESTORE_VM,
  /** The guest runs. */
  RUNNING,
  /** A snapshot is being saved. */
  SAVE_VM,
  /** The guest has powered itself off. */
  SHUTDOWN,
  /** The guest sleeps. */
  SUSPENDED,
  /** The watchdog stopped the guest. */
  WATCHDOG,
  /** The guest's kernel panicked. */
  GUEST_PANICKED,
  /** The guest is being replicated. */
  COLO
}
