package io.n0stack.n0core.api.compute;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A machine as it is on the host.
 *
 * @param state what it is doing
 * @param pid process id of its emulator; empty if none runs
 * @param accelerator what executes the guest's instructions; {@link Accelerator#AUTO} until it was
 *     first started
 * @param serialLog absolute path of the file that collects what the guest wrote to its first serial
 *     port since it was last started
 * @param reason what stopped it if it is FAILED or CRASHED, as far as is known, such as {@code guest-panicked},
 *     {@code io-error: disk-data}, {@code watchdog}; empty otherwise
 * @param unplugging the disks, NICs and CD-ROM drives, as {@code disk:VOLUME}, {@code nic:PORT} and {@code cd:NAME},
 *     that the guest was asked to release and has not yet; of a drive that stays, its medium
 * @since 0.1
 */
public record MachineStatus(
    MachineState state,
    Optional<Long> pid,
    Accelerator accelerator,
    Path serialLog,
    Optional<String> reason,
    List<String> unplugging) {
  /** Copies the list. */
  public MachineStatus {
    unplugging = List.copyOf(unplugging);
  }

  /**
   * Describes a machine that nothing is unusual about.
   *
   * @param state what it is doing
   * @param pid process id of its emulator; empty if none runs
   * @param accelerator what executes the guest's instructions
   * @param serialLog absolute path of the file that collects its serial output
   * @return a status without a reason and without anything being unplugged
   */
  public static MachineStatus of(
      MachineState state, Optional<Long> pid, Accelerator accelerator, Path serialLog) {
    return new MachineStatus(state, pid, accelerator, serialLog, Optional.empty(), List.of());
  }
}
