package io.n0stack.n0core.api.compute;

import java.nio.file.Path;
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
 * @since 0.1
 */
public record MachineStatus(
    MachineState state, Optional<Long> pid, Accelerator accelerator, Path serialLog) {}
