package io.n0stack.n0core.kvm.internal.snapshot;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.compute.MachineSnapshot.Consistency;
import io.n0stack.n0core.api.compute.MachineSnapshot.Content;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.monitor.Freezer;
import io.n0stack.n0core.kvm.internal.monitor.GuestAgents;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.monitor.Movable;
import io.n0stack.n0core.kvm.internal.process.QemuProcess;
import io.n0stack.n0core.kvm.internal.process.Sight;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.internal.record.SnapshotRecord;
import io.n0stack.n0core.kvm.internal.record.SnapshotRecord.Stage;
import io.n0stack.n0core.kvm.internal.record.SnapshotRecords;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes, reverts to and deletes snapshots, and brings to an end what was cut short. */
public final class SnapshotWork {
  private static final Logger LOG = LoggerFactory.getLogger(SnapshotWork.class);

  private final QemuProcess qemu;
  private final Freezer freezer;

  /**
   * Creates it.
   *
   * @param qemu connects to processes
   * @param agents the agents in guests
   */
  public SnapshotWork(QemuProcess qemu, GuestAgents agents) {
    this.qemu = qemu;
    freezer = new Freezer(agents);
  }

  /**
   * A machine and where it is.
   *
   * @param directory the machine's directory
   * @param machine what it is
   * @param seen where it is
   */
  public record Place(MachineDirectory directory, MachineRecord machine, Sight seen) {
    ResourceId id() {
      return machine.id();
    }

    Run run() {
      return seen.run().orElseThrow();
    }

    SnapshotRecords records() {
      return directory.snapshots();
    }
  }

  private static DiskImages images(Context cx, Place place) {
    return new DiskImages(cx, place.id(), place.machine().spec());
  }

  private Monitor connect(Context cx, Place place) {
    return qemu.within(cx.remaining()).connect(place.id(), place.run());
  }

  void take(Context cx, Place place, SnapshotRecord fresh) {
    if (place.seen().alive()) {
      try (Monitor monitor = connect(cx, place)) {
        SnapshotDisks disks = new SnapshotDisks(place.id(), monitor).requireCapable();
        if (disks.haveAny(fresh)) {
          throw new N0Exception(
              N0Exception.Code.ALREADY_EXISTS,
              place.id().toString(),
              "take snapshot \"" + fresh.name() + "\" of " + place.id()
                  + ": a disk has a foreign one named " + fresh.tag());
        }
        if (fresh.snapshot().content() == Content.MEMORY) {
          Movable.require(
              "take a snapshot of MEMORY of", place.id(), place.machine().spec(), monitor);
        }
        note(cx, place, fresh);
        try {
          takeAlive(cx, place, disks, fresh);
        } catch (N0Exception e) {
          undo(cx, place, fresh, e);
          throw e;
        }
      }
    } else {
      DiskImages images = images(cx, place).requireCapable();
      note(cx, place, fresh);
      cx.step("take the snapshot", () -> images.take(cx, fresh.tag()));
      note(cx, place, fresh.with(Consistency.EXACT).at(Stage.TAKEN));
    }
  }

  private void takeAlive(Context cx, Place place, SnapshotDisks disks, SnapshotRecord fresh) {
    if (fresh.snapshot().content() == Content.MEMORY) {
      cx.step("take the snapshot", () -> disks.takeMemory(cx, fresh));
      note(cx, place, fresh.with(Consistency.EXACT).at(Stage.TAKEN));
      return;
    }
    boolean frozen = Freezer.alone(place.id(), () -> takeQuietly(cx, place, disks, fresh));
    Consistency consistency = frozen ? Consistency.FROZEN : Consistency.CRASH;
    note(cx, place, fresh.with(consistency).at(Stage.TAKEN));
  }

  private boolean takeQuietly(Context cx, Place place, SnapshotDisks disks, SnapshotRecord fresh) {
    boolean frozen = false;
    try {
      frozen = place.seen().state() == MachineState.RUNNING
          && disks.guestListens(place.run())
          && cx.step(
              "freeze the guest", () -> freezer.freeze(place.id(), place.run(), place.records()));
      cx.step("take the snapshot", () -> disks.takeDisks(fresh));
      if (frozen) {
        cx.step("thaw the guest", () -> freezer.thaw(place.id(), place.run(), place.records()));
      }
    } catch (N0Exception e) {
      // Also if it was interrupted while it froze, or cancelled before it thawed.
      if (place.records().frozen()) {
        freezer.thaw(place.id(), place.run(), place.records());
      }
      throw e;
    }
    return frozen;
  }

  private static void note(Context cx, Place place, SnapshotRecord record) {
    String step = switch (record.stage()) {
      case TAKING -> "record the snapshot";
      case TAKEN -> "note that the snapshot is complete";
      case REVERTING, REVERTING_RUNNING -> "note that the machine is set back";
      case DELETING -> "note that the snapshot is deleted";
    };
    cx.step(step, () -> place.records().write(record));
  }

  /** What cannot be undone now, because it may yet be going on, is left to the next call. */
  private void undo(Context cx, Place place, SnapshotRecord record, N0Exception why) {
    if (why.code() == N0Exception.Code.CANCELLED || why instanceof OperationTimeoutException) {
      return;
    }
    try {
      finish(cx, place, record);
    } catch (N0Exception e) {
      why.addSuppressed(e);
    }
  }

  void revertMemory(Context cx, Place place, SnapshotRecord record) {
    boolean running = place.seen().state() == MachineState.RUNNING;
    try (Monitor monitor = connect(cx, place)) {
      SnapshotDisks disks = new SnapshotDisks(place.id(), monitor).requireCapable();
      requireOn(place, record, disks.have(record));
      disks.requireRevertible();
      SnapshotRecord begun = record.at(running ? Stage.REVERTING_RUNNING : Stage.REVERTING);
      note(cx, place, begun);
      try {
        cx.step("set the machine back", () -> disks.load(cx, record));
      } catch (N0Exception e) {
        undo(cx, place, begun, e);
        throw e;
      }
      note(cx, place, record);
    }
  }

  void revertDisks(Context cx, Place place, SnapshotRecord record) {
    DiskImages images = images(cx, place).requireCapable();
    requireOn(place, record, images.have(cx, record.tag()));
    images.requireWritable();
    images.requireRevertible(cx);
    note(cx, place, record.at(Stage.REVERTING));
    cx.step("set the disks back", () -> images.revert(cx, record.tag()));
    note(cx, place, record);
  }

  private static void requireOn(Place place, SnapshotRecord record, boolean there) {
    if (!there) {
      throw new N0Exception(
          N0Exception.Code.NOT_FOUND,
          place.id().toString(),
          "revert " + place.id() + " to \"" + record.name() + "\": not all of its disks have it");
    }
  }

  void delete(Context cx, Place place, SnapshotRecord record) {
    note(cx, place, record.at(Stage.DELETING));
    cx.step("delete the snapshot", () -> remove(cx, place, record));
  }

  private void remove(Context cx, Place place, SnapshotRecord record) {
    if (place.seen().alive()) {
      try (Monitor monitor = connect(cx, place)) {
        SnapshotDisks.awaitJob(cx, monitor, record);
        SnapshotDisks disks = new SnapshotDisks(place.id(), monitor);
        if (disks.haveAny(record)) {
          disks.delete(cx, record);
        }
      }
    } else {
      images(cx, place).delete(cx, record.tag());
    }
    place.records().remove(record);
  }

  /**
   * Brings to an end what a process that died has begun: thaws the guest, completes or removes
   * snapshots. What merely takes room on the disks, and cannot be removed now, is left on record: it is in nobody's
   * way.
   *
   * @param cx progress
   * @param place the machine
   * @throws N0Exception BUSY or UNAVAILABLE if the machine could not be set back whole
   */
  public void settle(Context cx, Place place) {
    SnapshotRecords records = place.records();
    if (records.frozen()) {
      cx.step("thaw the guest", () -> thawMarked(place));
    }
    for (SnapshotRecord record : records.all()) {
      try {
        settleOne(cx, place, record);
      } catch (N0Exception e) {
        boolean inTheWay = record.stage() != Stage.TAKING && record.stage() != Stage.DELETING;
        if (inTheWay
            || e.code() == N0Exception.Code.CANCELLED
            || e instanceof OperationTimeoutException) {
          throw e;
        }
        LOG.warn(
            "{}: snapshot \"{}\" stays half done: {}", place.id(), record.name(), e.getMessage());
      }
    }
  }

  /**
   * Refuses to go on while a snapshot is half done that {@link #settle} had to leave.
   *
   * @throws N0Exception why it cannot be brought to an end
   */
  void requireSettled(Context cx, Place place) {
    place.records().all().forEach(record -> settleOne(cx, place, record));
  }

  private void settleOne(Context cx, Place place, SnapshotRecord record) {
    if (record.stage() != Stage.TAKEN) {
      cx.step(
          "bring snapshot \"" + record.name() + "\" to an end", () -> finish(cx, place, record));
    }
  }

  private void finish(Context cx, Place place, SnapshotRecord record) {
    if (record.stage() != Stage.TAKEN && !place.seen().alive()) {
      images(cx, place).mend(cx);
    }
    switch (record.stage()) {
      case TAKEN -> {}
      case DELETING -> remove(cx, place, record);
      case TAKING -> {
        if (complete(cx, place, record)) {
          place.records().write(record.at(Stage.TAKEN));
        } else {
          remove(cx, place, record);
        }
      }
      case REVERTING, REVERTING_RUNNING -> {
        if (place.seen().alive()) {
          goOn(cx, place, record);
        } else {
          // Also of a snapshot with memory, when the guest to which that was to be given is no
          // more.
          images(cx, place).revert(cx, record.tag());
        }
        place.records().write(record.at(Stage.TAKEN));
      }
    }
  }

  /** Whoever has frozen it may be at work yet, and thaw it himself. */
  private void thawMarked(Place place) {
    boolean unused = Freezer.alone(place.id(), () -> {
      if (place.records().frozen()) {
        freezer.thaw(place.id(), place.run(), place.records());
      }
      return true;
    });
  }

  private boolean complete(Context cx, Place place, SnapshotRecord record) {
    if (!place.seen().alive()) {
      return record.snapshot().content() == Content.DISKS
          && images(cx, place).have(cx, record.tag());
    }
    try (Monitor monitor = connect(cx, place)) {
      return SnapshotDisks.awaitJob(cx, monitor, record).isEmpty()
          && new SnapshotDisks(place.id(), monitor).have(record);
    }
  }

  /**
   * Sets back again what was set back by half: a load that failed leaves the guest standing still, and on disks
   * that are not those of its memory it must not go on.
   */
  private void goOn(Context cx, Place place, SnapshotRecord record) {
    try (Monitor monitor = connect(cx, place)) {
      boolean failed = !SnapshotDisks.failedLoads(cx, monitor, record).isEmpty();
      if (failed) {
        loadAgain(cx, place, monitor, record);
      }
      if (record.stage() == Stage.REVERTING_RUNNING && monitor.state() == MachineState.PAUSED) {
        monitor.execute("cont");
      }
      if (failed) {
        new SnapshotDisks(place.id(), monitor).forgetLoads(cx, record);
      }
    }
  }

  private static void loadAgain(Context cx, Place place, Monitor monitor, SnapshotRecord record) {
    try {
      new SnapshotDisks(place.id(), monitor).load(cx, record);
    } catch (N0Exception e) {
      throw new N0Exception(
          e.code(),
          place.id().toString(),
          "bring to an end that " + place.id() + " is set back to \"" + record.name()
              + "\": its guest stands still by half, until that succeeds or it is turned off hard: "
              + e.getMessage(),
          e);
    }
  }
}
