package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.ComputeDriver;
import io.n0stack.n0core.api.compute.MachineSnapshot;
import io.n0stack.n0core.api.compute.MachineSnapshot.Consistency;
import io.n0stack.n0core.api.compute.MachineSnapshot.Content;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatistics;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.MachineUsage;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Machines that are only words in memory, to try the kit on, with or without a flaw. */
final class FakeMachines implements ComputeDriver, MachineSnapshots, MachineStatistics {
  private final FakeHost host;
  private final Flaw flaw;
  private final FakeScreen screen;
  private final FakeMigration migration;

  FakeMachines(FakeHost host, Flaw flaw) {
    this.host = host;
    this.flaw = flaw;
    screen = new FakeScreen(host, flaw);
    migration = new FakeMigration(host, flaw);
  }

  @Override
  public <C> Optional<C> capability(Class<C> type) {
    if (type.isInstance(screen)) {
      return Optional.of(type.cast(screen));
    }
    return type.isInstance(migration)
        ? Optional.of(type.cast(migration))
        : ComputeDriver.super.capability(type);
  }

  @Override
  public Descriptor<MachineSpec, MachineStatus> describe() {
    return new Descriptor<>(KIND, "fake", MachineSpec.class, MachineStatus.class);
  }

  @Override
  public Fingerprint probe() {
    return Fingerprint.healthy(Map.of(), Map.of());
  }

  @Override
  public Set<ResourceId> list() {
    return Set.copyOf(host.machines.keySet());
  }

  @Override
  public Observed<MachineStatus> observe(ResourceId id) {
    FakeHost.Machine machine = host.machines.get(id);
    if (machine == null) {
      return Observed.absent();
    }
    boolean process = Set.of(MachineState.RUNNING, MachineState.PAUSED).contains(machine.state)
        || flaw == Flaw.SAVED_RUNS_ON;
    return Observed.complete(MachineStatus.of(
        machine.state,
        process ? Optional.of(1L) : Optional.empty(),
        Accelerator.TCG,
        Path.of("/log")));
  }

  @Override
  public void apply(Context cx, ResourceId id, MachineSpec desired) {
    FakeHost.Machine machine = host.machines.computeIfAbsent(id, any -> new FakeHost.Machine());
    machine.spec = Optional.of(desired);
    if (migration.leavesAlone(machine)) {
      return;
    }
    if (machine.state == MachineState.PREPARED
        || (machine.state == MachineState.SAVED && flaw == Flaw.APPLY_WAKES_SAVED)) {
      machine.state = MachineState.RUNNING;
    }
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    host.machines.remove(id);
  }

  @Override
  public void power(Context cx, ResourceId id, PowerAction action) {
    FakeHost.Machine machine = host.require(id);
    MachineState state = machine.state;
    Set<MachineState> on = Set.of(MachineState.RUNNING, MachineState.PAUSED);
    switch (action) {
      case BOOT -> machine.state = MachineState.RUNNING;
      case HARD_SHUTDOWN, SHUTDOWN -> {
        if (state != MachineState.SAVED || flaw != Flaw.SHUTDOWN_KEEPS_MEMORY) {
          machine.state = MachineState.SHUTDOWN;
        }
      }
      case SAVE -> {
        FakeHost.require(id, on.contains(state) || state == MachineState.SAVED);
        machine.state = MachineState.SAVED;
      }
      case PAUSE -> {
        FakeHost.require(id, on.contains(state));
        machine.state = MachineState.PAUSED;
      }
      case RESUME, REBOOT, HARD_REBOOT -> {
        FakeHost.require(id, on.contains(state));
        machine.state = MachineState.RUNNING;
      }
    }
  }

  @Override
  public List<MachineSnapshot> snapshots(ResourceId id) {
    FakeHost.Machine machine = host.require(id);
    return flaw == Flaw.FORGETS_SNAPSHOTS ? List.of() : List.copyOf(machine.snapshots.values());
  }

  @Override
  public void takeSnapshot(Context cx, ResourceId id, String name, Content content) {
    FakeHost.Machine machine = host.require(id);
    MachineSnapshot fresh = new MachineSnapshot(name, content, Instant.now(), Consistency.CRASH);
    boolean off = machine.state == MachineState.SHUTDOWN;
    FakeHost.require(id, content == Content.DISKS || !off);
    MachineSnapshot found = machine.snapshots.get(name);
    if (found != null && found.content() != content && flaw != Flaw.REPLACES_SNAPSHOTS) {
      throw new N0Exception(Code.ALREADY_EXISTS, id.toString(), "it holds something else");
    }
    machine.snapshots.putIfAbsent(name, fresh);
  }

  @Override
  public void revertToSnapshot(Context cx, ResourceId id, String name) {
    FakeHost.Machine machine = host.require(id);
    MachineSnapshot found = machine.snapshots.get(name);
    if (found == null) {
      throw new N0Exception(Code.NOT_FOUND, id.toString(), "there is no such snapshot");
    }
    boolean off = machine.state == MachineState.SHUTDOWN;
    FakeHost.require(
        id, off == (found.content() == Content.DISKS) || flaw == Flaw.REVERTS_UNDER_GUESTS);
    if (machine.state == MachineState.PAUSED && flaw == Flaw.REVERT_RESUMES) {
      machine.state = MachineState.RUNNING;
    }
    if (flaw == Flaw.REVERT_DROPS_LATER) {
      machine.snapshots.values().removeIf(other -> other.taken().isAfter(found.taken()));
    }
  }

  @Override
  public void deleteSnapshot(Context cx, ResourceId id, String name) {
    host.require(id).snapshots.remove(name);
  }

  @Override
  public MachineUsage usage(ResourceId id) {
    FakeHost.Machine machine = host.require(id);
    FakeHost.require(id, machine.state != MachineState.SHUTDOWN || flaw == Flaw.COUNTS_WHAT_IS_OFF);
    machine.used += flaw == Flaw.COUNTS_BACKWARDS ? -1 : 1;
    Duration used = Duration.ofMillis(1000 + machine.used);
    return new MachineUsage(
        used, List.of(used), 1 << 20, Optional.empty(), Map.of(), List.of(), List.of());
  }
}
