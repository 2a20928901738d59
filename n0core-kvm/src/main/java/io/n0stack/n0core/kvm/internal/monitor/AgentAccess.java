package io.n0stack.n0core.kvm.internal.monitor;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.guest.GuestAccess;
import io.n0stack.n0core.kvm.guest.GuestAgent;
import io.n0stack.n0core.kvm.guest.GuestAgentOptions;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.nio.file.Path;
import java.time.Duration;

/** The way to the agents in guests, for callers of the driver. Thread-safe. */
public final class AgentAccess implements GuestAccess {
  private final Path machines;
  private final Duration limit;
  private final Monitors monitors;
  private final GuestAgents agents;

  /**
   * Creates it. Touches nothing.
   *
   * @param machines the directory of all machines
   * @param limit the time allowed to ask a machine whether there is an agent
   * @param monitors the connections
   * @param agents the agents, which the driver itself asks too
   */
  public AgentAccess(Path machines, Duration limit, Monitors monitors, GuestAgents agents) {
    this.machines = machines;
    this.limit = limit;
    this.monitors = monitors;
    this.agents = agents;
  }

  @Override
  public GuestAgent open(ResourceId machine, GuestAgentOptions options) {
    MachineDirectory directory = new MachineDirectory(machines, machine.uid());
    directory.require(machine);
    // One that cannot be told dead counts.
    Run run = directory.runs().stream()
        .filter(launch -> launch.alive().isPresent())
        .findFirst()
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.PRECONDITION,
            machine.toString(),
            "open the guest agent of " + machine + ": it is off"));
    return agents.connect(
        machine.name(), run, options.withPort(() -> listens(machine.name(), run)));
  }

  private boolean listens(String name, Run run) {
    try (Monitor monitor = monitors.toLook(name, run, limit)) {
      return GuestAgents.listens(monitor, run);
    }
  }
}
