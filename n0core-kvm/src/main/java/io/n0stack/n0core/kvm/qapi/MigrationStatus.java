package io.n0stack.n0core.kvm.qapi;

/**
 * How far a migration is.
 *
 * @since 0.1
 */
public enum MigrationStatus {
  /** None was begun. */
  NONE,
  /** It is being prepared. */
  SETUP,
  /** It is being cancelled. */
  CANCELLING,
  /** It was cancelled; the guest is here. */
  CANCELLED,
  /** Memory is being sent. */
  ACTIVE,
  /** The guest runs at the target and fetches memory from here. */
  POSTCOPY_ACTIVE,
  /** The connection was lost in that state. */
  POSTCOPY_PAUSED,
  /** The connection is being restored. */
  POSTCOPY_RECOVER,
  /** The state was sent or received completely. */
  COMPLETED,
  /** It failed; the guest is here. */
  FAILED,
  /** The guest is being replicated. */
  COLO,
  /** The guest is stopped and waits for {@code migrate-continue}. */
  PRE_SWITCHOVER,
  /** The devices' state is being sent. */
  DEVICE,
  /** It waits for the guest to let go of a device. */
  WAIT_UNPLUG
}
