package io.n0stack.n0core.kvm.internal.snapshot;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSnapshot;
import io.n0stack.n0core.api.compute.MachineSnapshot.Consistency;
import io.n0stack.n0core.api.compute.MachineSnapshot.Content;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.monitor.GuestAgents;
import io.n0stack.n0core.kvm.internal.process.QemuProcess;
import io.n0stack.n0core.kvm.internal.process.Sight;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.MachineRecord.Unfinished;
import io.n0stack.n0core.kvm.internal.record.SnapshotRecord;
import io.n0stack.n0core.kvm.internal.record.SnapshotRecord.Stage;
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
  private final QemuProcess qemu;
  private final Look look;

  /**
   * Creates it.
   *
   * @param machines where all machines are
   * @param qemu connects to processes, and ends those of machines that are off
   * @param look looks at machines
   * @param agents the agents in guests
   */
  public SnapshotKeeper(Path machines, QemuProcess qemu, Look look, GuestAgents agents) {
    this.machines = machines;
    this.work = new SnapshotWork(qemu, agents);
    this.qemu = qemu;
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
    Optional<String> board =
        content == Content.MEMORY ? Optional.of(board(place, name)) : Optional.empty();
    MachineSnapshot snapshot = new MachineSnapshot(name, content, Instant.now(), Consistency.CRASH);
    work.take(cx, ended(cx, place), new SnapshotRecord(snapshot, Stage.TAKING, board));
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
      requireBoard(record, place);
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
    SnapshotWork.Place place =
        new SnapshotWork.Place(directory, record, look.settled(cx, machine, directory));
    work.requireSettled(cx, place);
    return place;
  }

  /** The QEMU of a guest that has powered itself off still has its disks open. */
  private SnapshotWork.Place ended(Context cx, SnapshotWork.Place place) {
    return OFF.contains(place.seen().state())
        ? new SnapshotWork.Place(
            place.directory(), place.machine(), place.seen().ended(cx, place.id(), qemu))
        : place;
  }

  /** Describes a board on which nothing is missing or left over. */
  private static String board(SnapshotWork.Place place, String name) {
    if (place.machine().unfinished() != Unfinished.NONE) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          place.id().toString(),
          "take or revert to \"" + name + "\" of " + place.id()
              + ": a change of it is unfinished, so that its guest has another board than its spec"
              + " says; apply it first");
    }
    return place.machine().board();
  }

  /** QEMU would find out too late, when the disks are set back, or never. */
  private static void requireBoard(SnapshotRecord record, SnapshotWork.Place place) {
    String now = board(place, record.name());
    record.board().filter(then -> !then.equals(now)).ifPresent(then -> {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          place.id().toString(),
          "revert " + place.id() + " to \"" + record.name()
              + "\": its memory belongs to a board of " + then + ", must be the one of now, "
              + now);
    });
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
