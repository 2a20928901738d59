package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Console;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatistics;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.Power;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.compute.Screen;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import io.n0stack.n0core.api.storage.ExternalSnapshots;
import io.n0stack.n0core.api.storage.Snapshots;
import io.n0stack.n0core.api.storage.VolumeBackups;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ByteChannel;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** What drivers can do beyond the life of a resource. */
final class CapabilityCases<S extends Spec, T> {
  private static final Set<N0Exception.Code> NOT_FOUND = Set.of(N0Exception.Code.NOT_FOUND);

  private final Bench<S, T> bench;

  CapabilityCases(Bench<S, T> bench) {
    this.bench = bench;
  }

  private interface Contract<C> {
    void run(C capability, ResourceId id);
  }

  void advertisedCapabilitiesWork() {
    ResourceId id = bench.fresh();
    bench.with(driver -> {
      driver.apply(bench.context(), id, bench.fixture.capableSpec());
      exercise(driver, id, Power.class, (power, machine) -> power(driver, power, machine));
      MachineCases<S, T> machines = new MachineCases<>(bench, driver);
      exercise(driver, id, Power.class, machines::save);
      exercise(driver, id, MachineSnapshots.class, machines::snapshots);
      exercise(driver, id, MachineStatistics.class, machines::statistics);
      exercise(driver, id, Screen.class, new ScreenCases<>(bench, driver)::screen);
      exercise(driver, id, Migration.class, new MigrationCases<>(bench, driver)::migration);
      exercise(driver, id, Console.class, this::console);
      exercise(driver, id, Snapshots.class, (s, volume) -> snapshots(driver, s, volume));
      exercise(
          driver, id, ExternalSnapshots.class, (s, volume) -> externalSnapshots(driver, s, volume));
      exercise(driver, id, VolumeMaintenance.class, (m, volume) -> maintenance(driver, m, volume));
      exercise(driver, id, VolumeBackups.class, new BackupCases<>(bench, driver)::backups);
      bench.fixture.exercises().forEach((type, exercise) -> {
        bench.trying(Topic.CAPABILITIES);
        bench.holds("offers " + type.getSimpleName(), driver.capability(type).isPresent());
        exercise.run(driver, bench.context(), id);
      });
      driver.delete(bench.context(), id);
    });
  }

  private <C> void exercise(
      Driver<S, T> driver, ResourceId id, Class<C> type, Contract<C> contract) {
    driver.capability(type).ifPresent(capability -> {
      bench.trying(Topic.CAPABILITIES);
      contract.run(capability, id);
    });
  }

  private void power(Driver<S, T> driver, Power power, ResourceId id) {
    bench.refused(
        "power of nothing",
        NOT_FOUND,
        () -> power.power(bench.context(), bench.fresh(driver), PowerAction.BOOT));
    power(driver, power, id, PowerAction.PAUSE, MachineState.PAUSED);
    power(driver, power, id, PowerAction.RESUME, MachineState.RUNNING);
    power(driver, power, id, PowerAction.HARD_REBOOT, MachineState.RUNNING);
    power(driver, power, id, PowerAction.HARD_SHUTDOWN, MachineState.SHUTDOWN);
    bench.refused(
        "pause of what is off",
        Set.of(N0Exception.Code.PRECONDITION),
        () -> power.power(bench.context(), id, PowerAction.PAUSE));
    power(driver, power, id, PowerAction.BOOT, MachineState.RUNNING);
  }

  private void power(
      Driver<S, T> driver, Power power, ResourceId id, PowerAction action, MachineState expected) {
    Optional<N0Exception.Code> code = Bench.code(() -> power.power(bench.context(), id, action));
    if (code.equals(Optional.of(N0Exception.Code.UNSUPPORTED))) {
      return;
    }
    bench.same("failure of " + action, code, Optional.empty());
    bench.same(
        "state after " + action,
        ((MachineStatus) bench.complete(driver, id, "after " + action)).state(),
        expected);
  }

  private void console(Console console, ResourceId id) {
    bench.refused(
        "console of nothing",
        NOT_FOUND,
        () -> console.openSerial(ResourceId.fresh(id.kind(), "nothing")));
    for (int i = 0; i < 2; i++) { // a client that has left must not be in the way of the next
      try (ByteChannel channel = console.openSerial(id)) {
        bench.holds("console is open", channel.isOpen());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private void snapshots(Driver<S, T> driver, Snapshots snapshots, ResourceId id) {
    Object before = bench.fixture.contents();
    Optional<N0Exception.Code> code =
        Bench.code(() -> snapshots.createSnapshot(bench.context(), id, "one"));
    if (code.equals(Optional.of(N0Exception.Code.UNSUPPORTED))) {
      bench.same("contents after refusing a snapshot", bench.fixture.contents(), before);
      return;
    }
    bench.same("failure of a snapshot", code, Optional.empty());
    snapshots.createSnapshot(bench.context(), id, "two");
    snapshots.createSnapshot(bench.context(), id, "one");
    bench.same("snapshots", snapshots.snapshots(id), List.of("one", "two"));
    bench.with(other -> bench.same(
        "snapshots seen by a new instance",
        other.capability(Snapshots.class).orElseThrow().snapshots(id),
        List.of("one", "two")));
    snapshots.revertToSnapshot(bench.context(), id, "one");
    bench.complete(driver, id, "after reverting");
    bench.refused(
        "reverting to no snapshot",
        NOT_FOUND,
        () -> snapshots.revertToSnapshot(bench.context(), id, "none"));
    snapshots.deleteSnapshot(bench.context(), id, "one");
    snapshots.deleteSnapshot(bench.context(), id, "one");
    bench.same("snapshots after deleting one", snapshots.snapshots(id), List.of("two"));
    bench.refused(
        "snapshots of nothing", NOT_FOUND, () -> snapshots.snapshots(bench.fresh(driver)));
  }

  private void externalSnapshots(Driver<S, T> driver, ExternalSnapshots snapshots, ResourceId id) {
    Object before = bench.fixture.contents();
    Optional<N0Exception.Code> code =
        Bench.code(() -> snapshots.createExternalSnapshot(bench.context(), id, "first"));
    if (code.equals(Optional.of(N0Exception.Code.UNSUPPORTED))) {
      bench.same("contents after refusing an external snapshot", bench.fixture.contents(), before);
      return;
    }
    bench.same("failure of an external snapshot", code, Optional.empty());
    snapshots.createExternalSnapshot(bench.context(), id, "second");
    snapshots.createExternalSnapshot(bench.context(), id, "first");
    bench.complete(driver, id, "with external snapshots");
    bench.with(other -> bench.same(
        "external snapshots seen by a new instance",
        other.capability(ExternalSnapshots.class).orElseThrow().externalSnapshots(id),
        List.of("first", "second")));
    bench.refused(
        "reverting to no external snapshot",
        NOT_FOUND,
        () -> snapshots.revertToExternalSnapshot(bench.context(), id, "none"));
    snapshots.revertToExternalSnapshot(bench.context(), id, "first");
    bench.same(
        "external snapshots after reverting", snapshots.externalSnapshots(id), List.of("first"));
    snapshots.deleteExternalSnapshot(bench.context(), id, "first");
    snapshots.deleteExternalSnapshot(bench.context(), id, "first");
    bench.same("external snapshots after deleting all", snapshots.externalSnapshots(id), List.of());
    bench.complete(driver, id, "after external snapshots");
    bench.refused(
        "external snapshots of nothing",
        NOT_FOUND,
        () -> snapshots.externalSnapshots(bench.fresh(driver)));
  }

  private void maintenance(Driver<S, T> driver, VolumeMaintenance maintenance, ResourceId id) {
    bench.holds("volume is sound", maintenance.check(bench.context(), id).sound());
    long size = ((VolumeStatus) bench.complete(driver, id, "after a check")).sizeBytes();
    Object before = bench.fixture.contents();
    bench.refused(
        "shrinking to its own size",
        Set.of(N0Exception.Code.INVALID),
        () -> maintenance.shrink(bench.context(), id, size));
    bench.same("contents after refusing to shrink", bench.fixture.contents(), before);
    bench.refused(
        "check of nothing",
        NOT_FOUND,
        () -> maintenance.check(bench.context(), bench.fresh(driver)));
  }
}
