package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.ComputeDriver;
import io.n0stack.n0core.api.compute.Console;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatistics;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.api.compute.Screen;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Disruption;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.kvm.guest.GuestAccess;
import io.n0stack.n0core.kvm.internal.console.Screens;
import io.n0stack.n0core.kvm.internal.console.SerialConsole;
import io.n0stack.n0core.kvm.internal.device.Changes;
import io.n0stack.n0core.kvm.internal.device.Devices;
import io.n0stack.n0core.kvm.internal.host.AcceleratorProbe;
import io.n0stack.n0core.kvm.internal.host.HostFacts;
import io.n0stack.n0core.kvm.internal.migration.QemuMigration;
import io.n0stack.n0core.kvm.internal.monitor.AgentAccess;
import io.n0stack.n0core.kvm.internal.monitor.BlockAccess;
import io.n0stack.n0core.kvm.internal.monitor.GuestAgents;
import io.n0stack.n0core.kvm.internal.monitor.Limits;
import io.n0stack.n0core.kvm.internal.monitor.Monitors;
import io.n0stack.n0core.kvm.internal.power.PowerSwitch;
import io.n0stack.n0core.kvm.internal.power.Startup;
import io.n0stack.n0core.kvm.internal.process.Boarding;
import io.n0stack.n0core.kvm.internal.process.QemuProcess;
import io.n0stack.n0core.kvm.internal.process.Seeds;
import io.n0stack.n0core.kvm.internal.process.Sight;
import io.n0stack.n0core.kvm.internal.process.SpecRules;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.MachineRecord.Unfinished;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.internal.snapshot.SnapshotKeeper;
import io.n0stack.n0core.kvm.internal.usage.Usage;
import java.nio.channels.ByteChannel;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Makes machines that are QEMU processes in sessions of their own. All it knows is in one directory
 * per machine and in QEMU itself; the processes do not notice when the agent dies or is replaced.
 *
 * @since 0.1
 */
public final class QemuMachineDriver implements ComputeDriver, Console {
  private static final Set<PowerAction> TURNING_OFF =
      Set.of(PowerAction.SHUTDOWN, PowerAction.HARD_SHUTDOWN);

  private final KvmConfig config;
  private final Boarding boarding;
  private final SpecRules rules;
  private final QemuProcess qemu;
  private final AcceleratorProbe acceleratorProbe;
  private final HostFacts host;
  private final Startup startup;
  private final PowerSwitch power;
  private final BlockAccess blocks;
  private final QemuMigration migration;
  private final SnapshotKeeper snapshots;
  private final Screens screens;
  private final SerialConsole consoles = new SerialConsole();
  private final Monitors monitors = new Monitors();
  private final GuestAgents agents;

  /**
   * Creates a driver. Touches nothing.
   *
   * @param config where machines are and how they are made
   */
  public QemuMachineDriver(KvmConfig config) {
    this.config = config;
    Limits limits = new Limits(
        config.monitorTimeout(),
        config.commandTimeout(),
        config.launchTimeout(),
        config.endTimeout());
    Patience patience = config.patience();
    agents = new GuestAgents(patience.guestAgent(), patience.freeze());
    boarding = new Boarding(config.directory(), config.launch().settings());
    rules = new SpecRules(boarding);
    qemu = new QemuProcess(config.qemu(), limits, boarding, monitors);
    acceleratorProbe = new AcceleratorProbe(config.qemu());
    host = new HostFacts(config.qemu());
    startup = new Startup(qemu, this::automatic, patience.unplug());
    power = new PowerSwitch(qemu, startup, agents, patience.buttonPeriod());
    snapshots = new SnapshotKeeper(config.directory(), qemu, this::settled, agents);
    screens = new Screens(config.directory(), monitors, config.monitorTimeout());
    blocks = new BlockAccess(config.directory(), limits, monitors, agents);
    migration = new QemuMigration(config.directory(), qemu, limits, rules, monitors);
  }

  private Accelerator automatic() {
    return config.accelerator() == Accelerator.AUTO
        ? acceleratorProbe.best()
        : config.accelerator();
  }

  /** Returns what else it can do: all of the api for machines, {@link BlockMonitor}, {@link GuestAccess}. */
  @Override
  public <C> Optional<C> capability(Class<C> type) {
    if (type == Migration.class) {
      return Optional.of(type.cast(migration));
    }
    if (type == MachineSnapshots.class) {
      return Optional.of(type.cast(snapshots));
    }
    if (type == MachineStatistics.class) {
      return Optional.of(
          type.cast(new Usage(config.directory(), monitors, config.monitorTimeout())));
    }
    if (type == Screen.class) {
      return Optional.of(type.cast(screens));
    }
    if (type == GuestAccess.class) {
      return Optional.of(type.cast(
          new AgentAccess(config.directory(), config.monitorTimeout(), monitors, agents)));
    }
    return type == BlockMonitor.class
        ? Optional.of(type.cast(blocks))
        : ComputeDriver.super.capability(type);
  }

  @Override
  public Descriptor<MachineSpec, MachineStatus> describe() {
    return new Descriptor<>(KIND, "qemu", MachineSpec.class, MachineStatus.class);
  }

  @Override
  public Fingerprint probe() {
    try {
      MachineDirectory.requireVisible(config.directory());
      return host.fingerprint(automatic());
    } catch (N0Exception e) {
      return Fingerprint.unhealthy(String.valueOf(e.getMessage()));
    }
  }

  @Override
  public Set<ResourceId> list() {
    return MachineDirectory.list(config.directory());
  }

  @Override
  public Observed<MachineStatus> observe(ResourceId id) {
    if (!id.kind().equals(KIND)) {
      return Observed.absent();
    }
    try {
      MachineDirectory directory = directory(id);
      Optional<ResourceId> bare = directory.bare();
      Optional<MachineRecord> record = directory.read();
      Optional<ResourceId> stamp = record.map(MachineRecord::id).or(() -> bare);
      if (stamp.isEmpty()) {
        stamp = directory.bare(); // a deletion may have come as far while we looked
      }
      if (stamp.isEmpty()) {
        return Observed.absent();
      }
      requireStamp(id, stamp.get());
      // First of all: also of a machine that does not answer, which may write all the same.
      directory.runs().stream().filter(run -> run.alive().isPresent()).forEach(boarding::boundLogs);
      Sight seen = Sight.of(id.name(), directory, monitors, config.monitorTimeout());
      Devices.Requests requests = requests(id, seen);
      if (record.isEmpty() && directory.halfReserved().isPresent()) {
        return QemuMigration.cutShort(status(directory, seen, List.of()));
      }
      boolean complete = record.isPresent()
          && directory.started()
          && !directory.deleting()
          && !directory.unswept()
          && !seen.wronglyOff()
          && record.get().unfinished() == Unfinished.NONE
          && !power.unsettled(directory, seen)
          && !requests.released()
          && complete(seen.state(), record.get().spec().powerPolicy());
      return migration.seen(
          id, new Observed.Present<>(status(directory, seen, requests.pending()), complete));
    } catch (N0Exception e) {
      return Observed.unknown(String.valueOf(e.getMessage()));
    }
  }

  private static boolean complete(MachineState state, PowerPolicy policy) {
    return switch (state) {
      case RUNNING, PAUSED -> true;
      case SHUTDOWN, SAVED, FAILED -> policy != PowerPolicy.ALWAYS_ON;
      case CRASHED -> policy == PowerPolicy.MANUAL;
      case PREPARED -> false;
    };
  }

  private Devices.Requests requests(ResourceId id, Sight seen) {
    return seen.alive() && seen.run().isPresent()
        ? Devices.requests(id.name(), seen.run().get(), monitors, config.monitorTimeout())
        : new Devices.Requests(List.of(), false);
  }

  private MachineStatus status(MachineDirectory directory, Sight seen, List<String> unplugging) {
    Run run = seen.run().orElse(directory.last());
    if (!seen.alive()) {
      boarding.tidy(run);
    }
    return new MachineStatus(
        seen.state(), seen.pid(), run.accelerator(), run.serialLog(), seen.reason(), unplugging);
  }

  @Override
  public void apply(Context cx, ResourceId id, MachineSpec desired) {
    requireMachine(id);
    rules.check(desired);
    Seeds.require(cx, desired);
    MachineDirectory directory = directory(id);
    Optional<MachineRecord> found = requireStamp(id, directory);
    if (directory.deleting()) {
      remove(cx, id, directory);
      found = Optional.empty();
    }
    if (found.isEmpty()) {
      requireNotReserved(id, directory);
      MachineRecord fresh = new MachineRecord(id, desired);
      cx.step("create the machine directory", () -> directory.create(fresh));
    }
    // Also of one that was not there: it may have been expected from another host meanwhile.
    if (migration.away(cx, id, desired)) {
      return;
    }
    directory.sweep();
    Sight seen = settled(cx, id, directory);
    MachineRecord record = changed(cx, directory, directory.require(id), desired, seen);
    if (seen.wronglyOff()) {
      cx.step("note that the machine is on", seen.run().orElseThrow()::markOn);
    }
    converge(cx, directory, record, seen);
  }

  private static void requireNotReserved(ResourceId id, MachineDirectory directory) {
    if (directory.halfReserved().isPresent()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          id.toString(),
          "create " + id + ": it was expected from another host, where it may run, and its"
              + " reservation was cut short; expect it again, or delete it");
    }
  }

  private void converge(Context cx, MachineDirectory directory, MachineRecord record, Sight seen) {
    boolean restart = record.unfinished() == Unfinished.RESTART;
    if (restart && seen.state() == MachineState.RUNNING) {
      power.act(cx, directory, record, seen, PowerAction.REBOOT);
    } else if (!directory.started()
        || restart
        || !complete(seen.state(), record.spec().powerPolicy())) {
      Sight ready = directory.started() ? seen.ended(cx, record.id(), qemu) : seen;
      startup.bringUp(cx, directory, record, ready);
    } else if (hasGuest(seen)) {
      startup.change(cx, directory, record, seen.run().orElseThrow());
    }
  }

  private static boolean hasGuest(Sight seen) {
    return seen.state() == MachineState.RUNNING
        || seen.state() == MachineState.PAUSED
        || (seen.state() == MachineState.FAILED && seen.alive());
  }

  private static MachineRecord changed(
      Context cx,
      MachineDirectory directory,
      MachineRecord stored,
      MachineSpec desired,
      Sight seen) {
    if (stored.spec().equals(desired)) {
      return stored;
    }
    List<String> differences = MachineRecord.differences(stored.spec(), desired);
    boolean policyOnly = differences.equals(List.of("powerPolicy"));
    if (seen.state() == MachineState.SAVED && !policyOnly) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          stored.id().toString(),
          "change " + differences + " of " + stored.id()
              + ": it is saved; boot it, or forget its memory by HARD_SHUTDOWN, first");
    }
    List<String> restarts = hasGuest(seen) ? Changes.restarts(stored, desired) : List.of();
    Unfinished rest = hasGuest(seen) ? Unfinished.DEVICES : Unfinished.NONE;
    if (!restarts.isEmpty()) {
      requireRestart(cx, stored.id(), restarts, seen.state());
      rest = Unfinished.RESTART;
    } else if (policyOnly) {
      rest = stored.unfinished();
    }
    MachineRecord updated = stored.wanting(desired, rest);
    cx.step("record the change", () -> directory.replace(updated));
    return updated;
  }

  private static void requireRestart(
      Context cx, ResourceId id, List<String> restarts, MachineState state) {
    if (cx.disruption() != Disruption.RESTART) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          id.toString(),
          "change " + id + ": " + restarts + " can be changed only by a restart, which is not"
              + " allowed");
    }
    if (state == MachineState.PAUSED) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          id.toString(),
          "change " + id + ": " + restarts
              + " can be changed only by a restart, and a guest that is"
              + " PAUSED cannot shut down; resume it first");
    }
  }

  @Override
  public Change change(String component, MachineSpec from, MachineSpec to) {
    return Changes.of(component, from, to);
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    requireMachine(id);
    MachineDirectory directory = directory(id);
    requireStamp(id, directory);
    if (!directory.leftovers()) {
      return;
    }
    for (Run run : directory.runs()) {
      cx.step("end qemu", () -> qemu.within(cx.remaining()).end(id, run));
    }
    cx.step("rename the machine directory aside", directory::doom);
    remove(cx, id, directory);
  }

  private void remove(Context cx, ResourceId id, MachineDirectory directory) {
    cx.step("remove the machine directory", () -> {
      // A launch may have got its lock after we looked for it and before the directory was renamed.
      QemuProcess bounded = qemu.within(cx.remaining());
      for (Run run : directory.runs()) {
        bounded.kill(id, run);
      }
      bounded.kill(id, directory.last());
      directory.remove();
    });
  }

  @Override
  public void power(Context cx, ResourceId machine, PowerAction action) {
    MachineDirectory directory = directory(machine);
    MachineRecord record = directory.require(machine);
    migration.requireSettled(machine, action.toString());
    if (record.unfinished() == Unfinished.RESTART && TURNING_OFF.contains(action)) {
      // Whoever turns it off wants it off: the change waits for the next boot.
      MachineRecord waiting = record.finished();
      cx.step("give up the restart", () -> directory.replace(waiting));
      record = waiting;
    }
    if (action == PowerAction.HARD_SHUTDOWN && directory.started()) {
      // The plug can also be pulled from a machine whose monitor is silent.
      Optional<Run> run =
          directory.runs().stream().filter(r -> r.alive().isPresent()).findFirst();
      if (run.isPresent()) {
        startup.turnOff(cx, machine, run.get());
        power.forget(cx, directory);
        return;
      }
    }
    Sight seen = settled(cx, machine, directory);
    power.act(cx, directory, record, seen, action);
  }

  @Override
  public ByteChannel openSerial(ResourceId machine) {
    return openSerial(machine, 0);
  }

  @Override
  public ByteChannel openSerial(ResourceId machine, long replayBytes) {
    Rules.range("replayBytes", replayBytes, 0, Long.MAX_VALUE);
    MachineDirectory directory = directory(machine);
    directory.require(machine);
    Optional<Run> run =
        directory.runs().stream().filter(r -> r.alive().isPresent()).findFirst();
    if (run.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          machine.toString(),
          "open the console of " + machine + ": it is off");
    }
    return consoles.open(machine, run.get(), replayBytes, config.monitorTimeout());
  }

  private Sight settled(Context cx, ResourceId id, MachineDirectory directory) {
    Sight seen = look(cx, id, directory);
    if (!power.unsettled(directory, seen)) {
      return seen;
    }
    power.settle(cx, directory, directory.require(id), seen);
    return look(cx, id, directory);
  }

  private Sight look(Context cx, ResourceId id, MachineDirectory directory) {
    return Sight.of(
        id.name(), directory, monitors, Limits.least(config.monitorTimeout(), cx.remaining()));
  }

  /** Hangs up. Machines are not touched. */
  @Override
  public void close() {
    screens.close();
    migration.close();
    monitors.close();
  }

  private MachineDirectory directory(ResourceId id) {
    return new MachineDirectory(config.directory(), id.uid());
  }

  private static void requireMachine(ResourceId id) {
    if (!id.kind().equals(KIND)) {
      throw N0Exception.invalid("kind", id.kind(), "must be " + KIND);
    }
  }

  private static Optional<MachineRecord> requireStamp(ResourceId id, MachineDirectory directory) {
    Optional<MachineRecord> record = directory.read();
    record.map(MachineRecord::id).or(directory::bare).ifPresent(stamp -> requireStamp(id, stamp));
    return record;
  }

  private static void requireStamp(ResourceId id, ResourceId stamp) {
    if (!stamp.equals(id)) {
      throw new N0Exception(
          N0Exception.Code.ALREADY_EXISTS,
          id.toString(),
          "find " + id + ": uid " + id.uid() + " is stamped " + stamp);
    }
  }
}
