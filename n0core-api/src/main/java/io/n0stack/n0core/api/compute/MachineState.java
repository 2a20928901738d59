package io.n0stack.n0core.api.compute;

/**
 * What a machine is doing. A machine whose monitor does not answer has no state: it is observed as
 * {@link io.n0stack.n0core.api.driver.Observed.Unknown}.
 *
 * @since 0.1
 */
public enum MachineState {
  /** Made but never started yet; half of its devices may be missing. */
  PREPARED,
  /** The guest runs. */
  RUNNING,
  /** The guest stands still and can be resumed. */
  PAUSED,
  /** Off, by the guest or on request. */
  SHUTDOWN,
  /** Off with its memory in a file; the next boot goes on where the guest was. */
  SAVED,
  /** Off because its process died. */
  CRASHED,
  /** Stopped by an I/O error, a guest panic or an error of the emulator. */
  FAILED
}
