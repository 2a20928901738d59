package io.n0stack.n0core.kvm.qapi;

/**
 * What the expired watchdog does.
 *
 * @since 0.1
 */
public enum WatchdogAction {
  /** The guest is reset. */
  RESET,
  /** The guest is asked to power off. */
  SHUTDOWN,
  /** The guest is powered off. */
  POWEROFF,
  /** The guest is stopped. */
  PAUSE,
  /** A message is printed. */
  DEBUG,
  /** Nothing. */
  NONE,
  /** The guest gets a non-maskable interrupt. */
  INJECT_NMI
}
