package io.n0stack.n0core.kvm.internal.monitor;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.BlockUse;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The way to the block devices of running machines, for storage drivers. Thread-safe. */
public final class BlockAccess implements BlockMonitor {
  private final Path machines;
  private final Limits limits;
  private final Monitors monitors;
  private final Freezer freezer;

  /** What one machine says. */
  private record Looked(BlockUse use, boolean writes) {}

  /**
   * Creates it. Touches nothing.
   *
   * @param machines the directory of all machines
   * @param limits the time allowed
   * @param monitors the connections
   * @param agents the agents in guests
   */
  public BlockAccess(Path machines, Limits limits, Monitors monitors, GuestAgents agents) {
    this.machines = machines;
    this.limits = limits;
    this.monitors = monitors;
    this.freezer = new Freezer(agents);
  }

  @Override
  public BlockUse use(Path file, Duration timeout) {
    Rules.absolutePath("file", file);
    long end = System.nanoTime() + timeout.toNanos();
    BlockUse found = new BlockUse.Closed();
    try {
      for (ResourceId id : MachineDirectory.list(machines)) {
        Optional<Run> run = running(id);
        if (run.isEmpty()) {
          continue;
        }
        // One that is silent leaves the others half of the time.
        Duration left = Duration.ofNanos(end - System.nanoTime()).dividedBy(2);
        Looked seen = left.isNegative() || left.isZero()
            ? new Looked(new BlockUse.Unknown("there was no time left to ask " + id), false)
            : look(id, run.get(), file, left);
        if (seen.writes()) {
          return seen.use();
        }
        // Who reads it may be told, unless another could be writing.
        if (seen.use() instanceof BlockUse.Unknown || found instanceof BlockUse.Closed) {
          found = seen.use();
        }
      }
    } catch (N0Exception e) {
      return unknown(e);
    }
    return found;
  }

  private Looked look(ResourceId id, Run run, Path file, Duration limit) {
    try {
      return ask(id, run, file, monitors.patience(run, least(limit)));
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.CANCELLED) {
        throw e;
      }
      // It may have ended while we looked.
      return new Looked(run.alive().isEmpty() ? new BlockUse.Closed() : unknown(e), false);
    }
  }

  private Looked ask(ResourceId id, Run run, Path file, Duration limit) {
    Optional<Long> stopped = run.alive().filter(Silence::stopped);
    if (stopped.isPresent()) {
      throw Silence.stopped(id.name(), stopped.get());
    }
    try (Monitor monitor = monitors.toLook(id.name(), run, limit)) {
      boolean open = false;
      for (QmpResult node :
          monitor.execute("query-named-block-nodes", Map.of("flat", true)).list("")) {
        if (node.text("/file").equals(file.toString())) {
          open = true;
          if (!node.flag("/ro")) {
            return new Looked(new BlockUse.Open(id), true);
          }
        }
      }
      return new Looked(open ? new BlockUse.Open(id) : new BlockUse.Closed(), false);
    }
  }

  private static BlockUse unknown(N0Exception e) {
    if (e.code() == N0Exception.Code.CANCELLED) {
      throw e;
    }
    return new BlockUse.Unknown(String.valueOf(e.getMessage()));
  }

  @Override
  public BlockSession connect(ResourceId machine, Duration timeout) {
    Run run = running(machine)
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.PRECONDITION,
            machine.toString(),
            "connect to " + machine + ": it is not running"));
    Limits within = new Limits(least(timeout), limits.command(), limits.launch(), limits.end());
    Monitor monitor = monitors.toChange(machine.name(), run, within);
    boolean ready = false;
    try {
      QmpBlockSession session = new QmpBlockSession(
          machine, new MachineDirectory(machines, machine.uid()), run, monitor, freezer);
      ready = true;
      return session;
    } finally {
      if (!ready) {
        monitor.close();
      }
    }
  }

  private Duration least(Duration timeout) {
    return Limits.least(limits.monitor(), timeout);
  }

  /** Finds the launch that is alive; one that cannot be told dead counts. */
  private Optional<Run> running(ResourceId id) {
    List<Run> runs = new MachineDirectory(machines, id.uid()).runs();
    return runs.stream().filter(run -> run.alive().isPresent()).findFirst();
  }
}
