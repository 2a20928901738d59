package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSnapshot;
import io.n0stack.n0core.api.compute.MachineSnapshot.Consistency;
import io.n0stack.n0core.api.compute.MachineSnapshot.Content;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.SnapshotRecord.Stage;
import java.nio.file.Path;
import java.time.Instant;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The snapshots of machines. Thread-safe, as far as a machine is worked on by one at a time. */
public final class SnapshotKeeper implements MachineSnapshots {
  private static final Set<MachineState> ALIVE =
      EnumSet.of(MachineState.RUNNING, MachineState.PAUSED);
  private static final Set<MachineState> OFF =
      EnumSet.of(MachineState.SHUTDOWN, MachineState.CRASHED);

  /** Looks at a machine after bringing to an end what was cut short. */
  @FunctionalInterface
  public interface Look {
    /**
     * Looks.
     *
     * @param cx progress
     * @param id the machine
     * @param directory its directory
     * @return where it is
     */
    Sight settled(Context cx, ResourceId id, MachineDirectory directory);
  }

  private final Path machines;
  private final SnapshotWork work;
  private final PowerSwitch power;
  private final Look look;

  /**
   * Creates it.
   *
   * @param machines where all machines are
   * @param qemu connects to processes
   * @param power ends those of machines that are off
   * @param look looks at machines
   */
  public SnapshotKeeper(Path machines, QemuProcess qemu, PowerSwitch power, Look look) {
    this.machines = machines;
    this.work = new SnapshotWork(qemu);
    this.power = power;
    this.look = look;
  }

  @Override
  public List<MachineSnapshot> snapshots(ResourceId machine) {
    MachineDirectory directory = new MachineDirectory(machines, machine.uid());
    directory.require(machine);
    return directory.snapshots().all().stream()
        .filter(record -> record.stage() == Stage.TAKEN)
        .map(SnapshotRecord::snapshot)
        .toList();
  }

  @Override
  public void takeSnapshot(Context cx, ResourceId machine, String name, Content content) {
    MachineSnapshot.requireName(name);
    SnapshotWork.Place place = place(cx, machine);
    Optional<SnapshotRecord> found = place.records().find(name);
    if (found.isPresent()) {
      if (found.get().snapshot().content() != content) {
        throw new N0Exception(
            N0Exception.Code.ALREADY_EXISTS,
            machine.toString(),
            "take snapshot \"" + name + "\" of " + machine + ": one of that name holds "
                + found.get().snapshot().content());
      }
      return;
    }
    Set<MachineState> allowed = EnumSet.copyOf(ALIVE);
    if (content == Content.DISKS) {
      allowed.addAll(OFF);
    }
    require(machine, "take a snapshot of " + content, place.seen().state(), allowed);
    MachineSnapshot snapshot = new MachineSnapshot(name, content, Instant.now(), Consistency.CRASH);
    work.take(cx, ended(cx, place), new SnapshotRecord(snapshot, Stage.TAKING));
  }

  @Override
  public void revertToSnapshot(Context cx, ResourceId machine, String name) {
    MachineSnapshot.requireName(name);
    SnapshotWork.Place place = place(cx, machine);
    SnapshotRecord record = place
        .records()
        .find(name)
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.NOT_FOUND,
            machine.toString(),
            "revert " + machine + " to \"" + name + "\": there is no such snapshot"));
    MachineState state = place.seen().state();
    if (record.snapshot().content() == Content.MEMORY) {
      require(machine, "revert to \"" + name + "\", which has memory,", state, ALIVE);
      work.revertMemory(cx, place, record);
    } else {
      require(machine, "revert to \"" + name + "\", which has no memory,", state, OFF);
      work.revertDisks(cx, ended(cx, place), record);
    }
  }

  @Override
  public void deleteSnapshot(Context cx, ResourceId machine, String name) {
    MachineSnapshot.requireName(name);
    SnapshotWork.Place place = place(cx, machine);
    Optional<SnapshotRecord> record = place.records().find(name);
    if (record.isPresent()) {
      work.delete(cx, ended(cx, place), record.get());
    }
  }

  private SnapshotWork.Place place(Context cx, ResourceId machine) {
    MachineDirectory directory = new MachineDirectory(machines, machine.uid());
    MachineRecord record = directory.require(machine);
    return new SnapshotWork.Place(directory, record, look.settled(cx, machine, directory));
  }

  /** The QEMU of a guest that has powered itself off still has its disks open. */
  private SnapshotWork.Place ended(Context cx, SnapshotWork.Place place) {
    return OFF.contains(place.seen().state())
        ? new SnapshotWork.Place(
            place.directory(), place.machine(), power.ended(cx, place.id(), place.seen()))
        : place;
  }

  private static void require(
      ResourceId id, String what, MachineState state, Set<MachineState> allowed) {
    if (!allowed.contains(state)) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          id.toString(),
          what + " of " + id + ": it is " + state + ", must be one of " + allowed);
    }
  }
}
