package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.N0Exception;
import java.util.UUID;

/**
 * The source's statement that it has given a machine away.
 *
 * @param token what the target named this attempt
 * @param guest RUNNING if the guest is to go on, PAUSED if it stood still before
 * @since 0.1
 */
public record MigrationRelease(UUID token, MachineState guest) {
  /** Checks the state. */
  public MigrationRelease {
    if (guest != MachineState.RUNNING && guest != MachineState.PAUSED) {
      throw N0Exception.invalid("guest", guest, "must be RUNNING or PAUSED");
    }
  }
}
