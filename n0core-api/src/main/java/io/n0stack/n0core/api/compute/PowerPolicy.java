package io.n0stack.n0core.api.compute;

/**
 * When the agent starts a machine by itself. A machine is always started once, when it is created.
 *
 * @since 0.1
 */
public enum PowerPolicy {
  /** Whenever it is not running, for whatever reason. */
  ALWAYS_ON,
  /**
   * When its process died or the host was restarted while it ran. After a shutdown by the guest or by
   * {@link PowerAction} it stays off.
   */
  RESTART_ON_FAILURE,
  /** Never; only {@link PowerAction#BOOT} does. */
  MANUAL
}
