package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineState;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * What a look at a machine's process and monitor found.
 *
 * @param state what it is doing
 * @param pid QEMU's process id, empty if none runs
 * @param run its launch, the last one if none runs; empty if it was never launched
 */
public record Sight(MachineState state, Optional<Long> pid, Optional<Run> run) {
  /**
   * Looks. If the guest has powered itself off, that is noted in the launch's directory, because
   * QEMU would forget it when the host is restarted.
   *
   * @param name the machine's name
   * @param directory its directory
   * @param limit the time allowed to its monitor
   * @return what was found
   * @throws N0Exception UNAVAILABLE or BUSY if it cannot be seen
   */
  public static Sight of(String name, MachineDirectory directory, Duration limit) {
    List<Run> runs = directory.runs();
    if (runs.size() > 1) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          name,
          "look at machine \"" + name + "\": it has " + runs.size() + " launch directories");
    }
    Optional<Run> run = runs.stream().findFirst();
    Optional<Long> pid = run.flatMap(Run::alive);
    if (run.isEmpty() || pid.isEmpty()) {
      return dead(directory, run);
    }
    awaitMonitor(name, run.get(), limit);
    try (Monitor monitor = Monitor.toLook(name, run.get(), limit)) {
      MachineState state = monitor.state();
      if (state == MachineState.SHUTDOWN) {
        run.get().markOff();
      }
      return new Sight(state, pid, run);
    } catch (N0Exception e) {
      if (e.code() != N0Exception.Code.CANCELLED && run.get().alive().isEmpty()) {
        return dead(directory, run); // it died while we looked
      }
      throw e;
    }
  }

  /** QEMU takes its lock a moment before it makes its monitors. */
  private static void awaitMonitor(String name, Run run, Duration limit) {
    Pauses.until(
        "look at machine \"" + name + "\"",
        limit,
        () -> Files.exists(run.rescueMonitor()) || run.alive().isEmpty());
  }

  private static Sight dead(MachineDirectory directory, Optional<Run> run) {
    Run latest = run.orElse(directory.last());
    MachineState state;
    if (!directory.started()) {
      state = MachineState.PREPARED;
    } else {
      state = latest.off() ? MachineState.SHUTDOWN : MachineState.CRASHED;
    }
    return new Sight(state, Optional.empty(), Optional.of(latest));
  }

  /**
   * Says whether it runs although a shutdown that was abandoned has marked it as off. The mark would
   * hide a crash.
   *
   * @return true if {@link Run#markOn} is to be called
   */
  public boolean wronglyOff() {
    return (state == MachineState.RUNNING || state == MachineState.PAUSED)
        && run.filter(Run::off).isPresent();
  }

  /**
   * Says whether QEMU runs.
   *
   * @return true if it does
   */
  public boolean alive() {
    return pid.isPresent();
  }
}
