package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSnapshot;
import io.n0stack.n0core.api.compute.MachineSnapshot.Content;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatistics;
import io.n0stack.n0core.api.compute.MachineUsage;
import io.n0stack.n0core.api.compute.Power;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What compute drivers can do beyond power and a console: save machines, take snapshots of them, count. */
final class MachineCases<S extends Spec, T> {
  private static final Set<N0Exception.Code> NOT_FOUND = Set.of(N0Exception.Code.NOT_FOUND);
  private static final Set<N0Exception.Code> PRECONDITION = Set.of(N0Exception.Code.PRECONDITION);
  private static final Optional<N0Exception.Code> UNSUPPORTED =
      Optional.of(N0Exception.Code.UNSUPPORTED);

  private final Bench<S, T> bench;
  private final Driver<S, T> driver;

  MachineCases(Bench<S, T> bench, Driver<S, T> driver) {
    this.bench = bench;
    this.driver = driver;
  }

  void save(Power power, ResourceId id) {
    if (Bench.code(() -> act(power, id, PowerAction.SAVE)).equals(UNSUPPORTED)) {
      bench.machine(driver, id, MachineState.RUNNING, "after refusing to save");
      return;
    }
    saved(id, "after saving");
    act(power, id, PowerAction.SAVE);
    saved(id, "after saving again");
    bench.with(
        other -> bench.machine(other, id, MachineState.SAVED, "saved, seen by a new instance"));
    driver.apply(bench.context(), id, bench.fixture.capableSpec());
    saved(id, "after applying what is saved");
    bench.refused("pause of what is saved", PRECONDITION, () -> act(power, id, PowerAction.PAUSE));
    act(power, id, PowerAction.BOOT);
    bench.machine(driver, id, MachineState.RUNNING, "after booting what was saved");
    act(power, id, PowerAction.SAVE);
    act(power, id, PowerAction.HARD_SHUTDOWN);
    bench.machine(driver, id, MachineState.SHUTDOWN, "after forgetting the memory");
    bench.refused("saving what is off", PRECONDITION, () -> act(power, id, PowerAction.SAVE));
    act(power, id, PowerAction.BOOT);
    bench.machine(driver, id, MachineState.RUNNING, "after booting what was forgotten");
  }

  private void saved(ResourceId id, String at) {
    bench.same(
        "process " + at, bench.machine(driver, id, MachineState.SAVED, at).pid(), Optional.empty());
  }

  private void act(Power power, ResourceId id, PowerAction action) {
    power.power(bench.context(), id, action);
  }

  private void act(ResourceId id, PowerAction action) {
    driver.capability(Power.class).ifPresent(power -> act(power, id, action));
  }

  void snapshots(MachineSnapshots snapshots, ResourceId id) {
    ResourceId nothing = bench.fresh(driver);
    bench.refused("snapshots of nothing", NOT_FOUND, () -> snapshots.snapshots(nothing));
    bench.refused("a snapshot of nothing", NOT_FOUND, () -> take(snapshots, nothing, "one"));
    bench.refused(
        "a snapshot named \"../One\"",
        Set.of(N0Exception.Code.INVALID),
        () -> take(snapshots, id, "../One"));
    Optional<N0Exception.Code> code = Bench.code(() -> take(snapshots, id, "one"));
    if (code.equals(UNSUPPORTED)) {
      bench.same("snapshots after refusing one", snapshots.snapshots(id), List.of());
      return;
    }
    bench.same("failure of a snapshot", code, Optional.empty());
    take(snapshots, id, "one");
    bench.refused(
        "a snapshot of memory in the place of one of disks",
        Set.of(N0Exception.Code.ALREADY_EXISTS),
        () -> snapshots.takeSnapshot(bench.context(), id, "one", Content.MEMORY));
    bench.machine(driver, id, MachineState.RUNNING, "after a snapshot");
    memory(snapshots, id);
    offline(snapshots, id);
    bench.refused(
        "reverting to no snapshot",
        NOT_FOUND,
        () -> snapshots.revertToSnapshot(bench.context(), id, "none"));
    for (String name : List.of("one", "one", "two")) {
      snapshots.deleteSnapshot(bench.context(), id, name);
    }
    bench.same("snapshots after deleting all", snapshots.snapshots(id), List.of());
    bench.machine(driver, id, MachineState.RUNNING, "after deleting all snapshots");
  }

  private void take(MachineSnapshots snapshots, ResourceId id, String name) {
    snapshots.takeSnapshot(bench.context(), id, name, Content.DISKS);
  }

  private void memory(MachineSnapshots snapshots, ResourceId id) {
    snapshots.takeSnapshot(bench.context(), id, "two", Content.MEMORY);
    bench.same("snapshots", names(snapshots, id), List.of("one", "two"));
    bench.same(
        "contents of the snapshots",
        snapshots.snapshots(id).stream().map(MachineSnapshot::content).toList(),
        List.of(Content.DISKS, Content.MEMORY));
    bench.with(other -> bench.same(
        "snapshots seen by a new instance",
        names(other.capability(MachineSnapshots.class).orElseThrow(), id),
        List.of("one", "two")));
    bench.refused(
        "setting back the disks under a guest",
        PRECONDITION,
        () -> snapshots.revertToSnapshot(bench.context(), id, "one"));
    snapshots.revertToSnapshot(bench.context(), id, "two");
    bench.machine(driver, id, MachineState.RUNNING, "after going back to its memory");
    if (driver.capability(Power.class).isPresent()) {
      act(id, PowerAction.PAUSE);
      snapshots.revertToSnapshot(bench.context(), id, "two");
      bench.machine(driver, id, MachineState.PAUSED, "paused, after going back to its memory");
      act(id, PowerAction.RESUME);
    }
  }

  private void offline(MachineSnapshots snapshots, ResourceId id) {
    if (driver.capability(Power.class).isEmpty()) {
      return;
    }
    act(id, PowerAction.HARD_SHUTDOWN);
    bench.refused(
        "a snapshot of the memory of what is off",
        PRECONDITION,
        () -> snapshots.takeSnapshot(bench.context(), id, "three", Content.MEMORY));
    snapshots.revertToSnapshot(bench.context(), id, "one");
    bench.machine(driver, id, MachineState.SHUTDOWN, "off, after setting back the disks");
    bench.same("snapshots after going back to one", names(snapshots, id), List.of("one", "two"));
    act(id, PowerAction.BOOT);
    bench.machine(driver, id, MachineState.RUNNING, "after setting back the disks");
  }

  private static List<String> names(MachineSnapshots snapshots, ResourceId id) {
    return snapshots.snapshots(id).stream().map(MachineSnapshot::name).toList();
  }

  void statistics(MachineStatistics statistics, ResourceId id) {
    bench.refused("use of nothing", NOT_FOUND, () -> statistics.usage(bench.fresh(driver)));
    Object identity = bench.fixture.identity(bench.complete(driver, id, "before counting"));
    MachineUsage before = statistics.usage(id);
    MachineUsage after = statistics.usage(id);
    bench.holds("memory is used", after.residentBytes() > 0);
    bench.holds("there is a virtual CPU", !after.vcpuTimes().isEmpty());
    bench.holds(
        "time does not run backwards: " + before + " " + after,
        !before.cpuTime().isNegative() && after.cpuTime().compareTo(before.cpuTime()) >= 0);
    bench.same(
        "disks that are counted",
        after.disks().stream().map(MachineUsage.Disk::name).toList(),
        before.disks().stream().map(MachineUsage.Disk::name).toList());
    bench.same(
        "the machine, which only was looked at",
        bench.fixture.identity(bench.complete(driver, id, "after counting")),
        identity);
    if (driver.capability(Power.class).isPresent()) {
      act(id, PowerAction.HARD_SHUTDOWN);
      bench.refused("use of what is off", PRECONDITION, () -> statistics.usage(id));
      act(id, PowerAction.BOOT);
    }
  }
}
