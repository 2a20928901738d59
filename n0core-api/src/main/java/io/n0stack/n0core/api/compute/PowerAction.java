package io.n0stack.n0core.api.compute;

/**
 * What can be done to a machine's power.
 *
 * @since 0.1
 */
public enum PowerAction {
  /** Starts a machine that is off, or lets a saved one go on; does nothing to one that runs or is paused. */
  BOOT,
  /** Asks the guest to shut down (ACPI), waits until it has, and starts it again. */
  REBOOT,
  /** Resets the machine without asking the guest, as the reset button does. */
  HARD_REBOOT,
  /** Asks the guest to shut down (ACPI) and waits until it has; does nothing to one that is off. */
  SHUTDOWN,
  /** Ends the machine without asking the guest, as pulling the plug does. */
  HARD_SHUTDOWN,
  /** Stops the virtual CPUs; memory stays. */
  PAUSE,
  /** Lets a paused machine go on. */
  RESUME,
  /**
   * Writes the memory to a file and ends the machine; the next {@link #BOOT} goes on where the guest was, and a
   * {@link #HARD_SHUTDOWN} forgets the memory.
   */
  SAVE
}
