package io.n0stack.n0core.kvm.qapi;

/**
 * What a guest's reboot does.
 *
 * @since 0.1
 */
public enum RebootAction {
  /** The guest is reset. */
  RESET,
  /** The guest is powered off. */
  SHUTDOWN
}
