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
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.api.compute.Screen;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.kvm.internal.AcceleratorProbe;
import io.n0stack.n0core.kvm.internal.BlockAccess;
import io.n0stack.n0core.kvm.internal.HostFacts;
import io.n0stack.n0core.kvm.internal.Limits;
import io.n0stack.n0core.kvm.internal.MachineDirectory;
import io.n0stack.n0core.kvm.internal.MachineRecord;
import io.n0stack.n0core.kvm.internal.Monitors;
import io.n0stack.n0core.kvm.internal.PowerSwitch;
import io.n0stack.n0core.kvm.internal.QemuProcess;
import io.n0stack.n0core.kvm.internal.Run;
import io.n0stack.n0core.kvm.internal.Screens;
import io.n0stack.n0core.kvm.internal.SerialConsole;
import io.n0stack.n0core.kvm.internal.Sight;
import io.n0stack.n0core.kvm.internal.SnapshotKeeper;
import io.n0stack.n0core.kvm.internal.SpecRules;
import io.n0stack.n0core.kvm.internal.Startup;
import io.n0stack.n0core.kvm.internal.Usage;
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
  private final KvmConfig config;
  private final QemuProcess qemu;
  private final AcceleratorProbe acceleratorProbe;
  private final HostFacts host;
  private final Startup startup;
  private final PowerSwitch power;
  private final BlockAccess blocks;
  private final SnapshotKeeper snapshots;
  private final Screens screens;
  private final SerialConsole consoles = new SerialConsole();
  private final Monitors monitors = new Monitors();

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
    qemu = new QemuProcess(config.qemu(), limits, monitors);
    acceleratorProbe = new AcceleratorProbe(config.qemu());
    host = new HostFacts(config.qemu());
    startup = new Startup(qemu, this::automatic);
    power = new PowerSwitch(qemu, startup);
    snapshots = new SnapshotKeeper(config.directory(), qemu, power, this::settled);
    screens = new Screens(config.directory(), monitors, config.monitorTimeout());
    blocks = new BlockAccess(config.directory(), limits, monitors);
  }

  private Accelerator automatic() {
    return config.accelerator() == Accelerator.AUTO
        ? acceleratorProbe.best()
        : config.accelerator();
  }

  /** Returns what else it can do: power, serial console, and {@link BlockMonitor}. */
  @Override
  public <C> Optional<C> capability(Class<C> type) {
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
      Sight seen = Sight.of(id.name(), directory, monitors, config.monitorTimeout());
      boolean complete = record.isPresent()
          && directory.started()
          && !directory.deleting()
          && !seen.wronglyOff()
          && !power.unsettled(directory, seen)
          && complete(seen.state(), record.get().spec().powerPolicy());
      return new Observed.Present<>(status(directory, seen), complete);
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

  private static MachineStatus status(MachineDirectory directory, Sight seen) {
    Run run = seen.run().orElse(directory.last());
    return new MachineStatus(
        seen.state(), seen.pid(), run.accelerator(), run.serialLog(), seen.reason(), List.of());
  }

  @Override
  public void apply(Context cx, ResourceId id, MachineSpec desired) {
    requireMachine(id);
    SpecRules.check(desired);
    MachineDirectory directory = directory(id);
    Optional<MachineRecord> found = requireStamp(id, directory);
    MachineRecord record;
    if (directory.deleting()) {
      remove(cx, id, directory);
      found = Optional.empty();
    }
    if (found.isEmpty()) {
      record = new MachineRecord(id, desired);
      cx.step("create the machine directory", () -> directory.create(record));
    } else {
      directory.sweep();
      record = changed(cx, directory, found.get(), desired);
    }
    Sight seen = settled(cx, id, directory);
    if (seen.wronglyOff()) {
      cx.step("note that the machine is on", seen.run().orElseThrow()::markOn);
    }
    if (!directory.started() || !complete(seen.state(), desired.powerPolicy())) {
      Sight ready = directory.started() ? power.ended(cx, id, seen) : seen;
      startup.bringUp(cx, directory, record, ready);
    }
  }

  private static MachineRecord changed(
      Context cx, MachineDirectory directory, MachineRecord stored, MachineSpec desired) {
    List<String> fixed = stored.fixedFieldsChangedBy(desired);
    if (directory.memory().saved() && !fixed.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          stored.id().toString(),
          "change " + fixed + " of " + stored.id()
              + ": it is saved; boot it, or forget its memory by HARD_SHUTDOWN, first");
    }
    if (!fixed.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          stored.id().toString(),
          "change " + stored.id() + ": " + fixed
              + " cannot be changed; delete it and create it anew");
    }
    MachineRecord updated = stored.withPowerPolicy(desired.powerPolicy());
    if (!updated.equals(stored)) {
      cx.step("record the power policy", () -> directory.replace(updated));
    }
    return updated;
  }

  @Override
  public Change change(String component, MachineSpec from, MachineSpec to) {
    return component.equals("powerPolicy") ? Change.LIVE : Change.REJECTED;
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
