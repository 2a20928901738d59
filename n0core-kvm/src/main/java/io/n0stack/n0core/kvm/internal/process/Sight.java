package io.n0stack.n0core.kvm.internal.process;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.monitor.Monitors;
import io.n0stack.n0core.kvm.internal.monitor.Silence;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.Pauses;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What a look at a machine's process and monitor found.
 *
 * @param state what it is doing
 * @param pid QEMU's process id, empty if none runs
 * @param run its launch, the last one if none runs; empty if it was never launched
 * @param reason what stopped a machine that is FAILED or CRASHED, as far as is known
 */
public record Sight(
    MachineState state, Optional<Long> pid, Optional<Run> run, Optional<String> reason) {
  private static final int LOG_LINE = 200;
  // QEMU logs it before anything else that it does then, see qemu_kill_report in its
  // softmmu/runstate.c.
  private static final String TOLD_TO_END = "terminating on signal";
  private static final Duration COMING_UP = Duration.ofSeconds(30);

  /**
   * Looks. If the guest has powered itself off, that is noted in the launch's directory, because
   * QEMU would forget it when the host is restarted.
   *
   * @param name the machine's name
   * @param directory its directory
   * @param monitors the connections
   * @param limit the time allowed to its monitor
   * @return what was found
   * @throws N0Exception UNAVAILABLE or BUSY if it cannot be seen, with why
   */
  public static Sight of(
      String name, MachineDirectory directory, Monitors monitors, Duration limit) {
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
    if (directory.memory().saved()) {
      return new Sight(MachineState.SAVED, pid, run, Optional.empty()); // it only has to end yet
    }
    try {
      Sight seen = ask(name, run.get(), pid.get(), monitors, limit);
      monitors.answered(run.get());
      return seen;
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.CANCELLED) {
        throw e;
      }
      if (run.get().alive().isEmpty()) {
        return dead(directory, run); // it died while we looked
      }
      monitors.silent(run.get());
      throw Silence.of(name, run.get(), pid.get(), e);
    }
  }

  private static Sight ask(String name, Run run, long pid, Monitors monitors, Duration limit) {
    if (Silence.stopped(pid)) {
      throw Silence.stopped(name, pid);
    }
    awaitMonitor(name, run, limit);
    // All of the look is to fit into the limit, also if it greets late and is given a quarter more.
    Duration wait = limit.multipliedBy(4).dividedBy(5);
    try (Monitor monitor = monitors.toLook(name, run, monitors.patience(run, wait))) {
      String status = monitor.status();
      MachineState state = Monitor.state(status);
      if (state == MachineState.SHUTDOWN && !run.off()) {
        requireOwnDoing(name, run, wait);
        run.markOff();
      }
      Optional<String> reason = state == MachineState.FAILED
          ? Optional.of(status + (status.equals("io-error") ? failedDisks(monitor) : ""))
          : Optional.empty();
      return new Sight(state, Optional.of(pid), Optional.of(run), reason);
    }
  }

  /**
   * A QEMU that a signal has told to end says on its way out, too, that it is shut down. That is no doing of its guest, and
   * what has crashed must not be taken for off.
   */
  private static void requireOwnDoing(String name, Run run, Duration limit) {
    if (QemuProcess.tail(run.log()).contains(TOLD_TO_END)) {
      String operation = "look at machine \"" + name + "\"";
      boolean unused = Pauses.until(operation, limit, () -> run.alive().isEmpty());
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, name, operation + ": a signal has told its QEMU to end");
    }
  }

  /**
   * Says whether QEMU runs.
   *
   * @return true if it does
   */
  public boolean alive() {
    return pid.isPresent();
  }

  /**
   * Ends the QEMU of a machine that is off but whose process is still there.
   *
   * @param cx progress
   * @param id the machine
   * @param qemu ends processes
   * @return where it is now
   */
  public Sight ended(Context cx, ResourceId id, QemuProcess qemu) {
    if (!alive() || state == MachineState.PREPARED) {
      return this;
    }
    Run living = run.orElseThrow();
    cx.step("end qemu", () -> qemu.within(cx.remaining()).end(id, living));
    return new Sight(state, Optional.empty(), run, Optional.empty());
  }

  private static String failedDisks(Monitor monitor) {
    String disks = monitor.execute("query-block").list("").stream()
        .filter(disk ->
            disk.find("/io-status").isPresent() && !disk.text("/io-status").equals("ok"))
        .map(Sight::disk)
        .collect(Collectors.joining(", "));
    return disks.isEmpty() ? "" : ": " + disks;
  }

  private static String disk(QmpResult disk) {
    String status = disk.text("/io-status");
    String node = disk.find("/inserted/node-name").isPresent()
        ? disk.text("/inserted/node-name")
        : disk.find("/qdev").isPresent() ? disk.text("/qdev") : "unnamed";
    return node + (status.equals("nospace") ? " (no space left)" : "");
  }

  /** QEMU takes its lock a moment before it makes its monitors; later nobody brings them back. */
  private static void awaitMonitor(String name, Run run, Duration limit) {
    if (run.reachable()) {
      return;
    }
    Instant since = run.seen().orElseGet(Instant::now);
    if (Duration.between(since, Instant.now()).abs().compareTo(COMING_UP) < 0) {
      Pauses.until(
          "look at machine \"" + name + "\"",
          limit,
          () -> run.reachable() || run.alive().isEmpty());
    }
  }

  private static Sight dead(MachineDirectory directory, Optional<Run> run) {
    Run latest = run.orElse(directory.last());
    if (!directory.started()) {
      return new Sight(
          MachineState.PREPARED, Optional.empty(), Optional.of(latest), Optional.empty());
    }
    if (directory.memory().saved()) {
      return new Sight(MachineState.SAVED, Optional.empty(), Optional.of(latest), Optional.empty());
    }
    if (latest.off()) {
      return new Sight(
          MachineState.SHUTDOWN, Optional.empty(), Optional.of(latest), Optional.empty());
    }
    return new Sight(
        MachineState.CRASHED, Optional.empty(), Optional.of(latest), lastWords(latest));
  }

  private static Optional<String> lastWords(Run run) {
    if (!Files.exists(run.log())) {
      return Optional.empty();
    }
    String said = QemuProcess.tail(run.log());
    String line = said.substring(said.lastIndexOf('\n') + 1);
    return line.isBlank()
        ? Optional.empty()
        : Optional.of("qemu: " + line.substring(Math.max(0, line.length() - LOG_LINE)));
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
}
