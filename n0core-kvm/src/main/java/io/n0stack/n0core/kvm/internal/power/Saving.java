package io.n0stack.n0core.kvm.internal.power;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.monitor.Movable;
import io.n0stack.n0core.kvm.internal.process.QemuProcess;
import io.n0stack.n0core.kvm.internal.process.Sight;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.Pauses;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.internal.record.SavedMemory;
import io.n0stack.n0core.kvm.qmp.QmpException;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Moves a guest from QEMU into a file and back. Wherever it is cut short, the guest is in one of them: in QEMU
 * until the file is marked as complete, in the file until QEMU is about to run it.
 */
public final class Saving {
  private static final String DESCRIPTOR = "n0-memory";
  private static final long BYTES_PER_SECOND = 1L << 40; // no limit, QEMU's own is 128 MiB/s
  private static final int POLL_MILLIS = 10;
  private static final Duration UNDO = Duration.ofSeconds(10);
  private static final Set<String> ENDED = Set.of("completed", "failed", "cancelled", "none");

  private final QemuProcess qemu;

  /**
   * Creates it.
   *
   * @param qemu ends processes
   */
  public Saving(QemuProcess qemu) {
    this.qemu = qemu;
  }

  /**
   * Saves a guest and ends its QEMU. If it cannot be saved it goes on as it was.
   *
   * @param cx progress, cancellation, deadline
   * @param directory the machine's directory
   * @param record what it is
   * @param seen where it is: running or paused
   * @throws N0Exception EXHAUSTED if there is no room; UNAVAILABLE if QEMU cannot; UNSUPPORTED if a device
   *     cannot be saved, before anything is touched
   */
  void save(Context cx, MachineDirectory directory, MachineRecord record, Sight seen) {
    ResourceId id = record.id();
    SavedMemory memory = directory.memory();
    Run run = seen.run().orElseThrow();
    try (Monitor monitor = qemu.within(cx.remaining()).connect(id, run)) {
      Movable.require("save", id, record.spec(), monitor);
    }
    SavedMemory.Was was =
        seen.state() == MachineState.RUNNING ? SavedMemory.Was.RUNNING : SavedMemory.Was.PAUSED;
    cx.step("note that the machine is being saved", () -> memory.begin(was));
    try {
      cx.step("write the memory", () -> write(cx, memory, id, run));
    } catch (N0Exception e) {
      undo(memory, id, run, e);
      throw e;
    }
    cx.step("note that the machine is saved", memory::commit);
    cx.step("end qemu", () -> qemu.within(cx.remaining()).end(id, run));
  }

  private void write(Context cx, SavedMemory memory, ResourceId id, Run run) {
    try (Monitor monitor = qemu.within(cx.remaining()).connect(id, run);
        OpenFile file = OpenFile.fresh(memory.file())) {
      monitor.execute("stop");
      prepare(monitor);
      monitor.execute("getfd", Map.of("fdname", DESCRIPTOR), file.descriptor());
      start(monitor, id);
      await(cx, monitor, "save " + id);
    }
  }

  private static void start(Monitor monitor, ResourceId id) {
    try {
      monitor.execute("migrate", Map.of("uri", "fd:" + DESCRIPTOR));
    } catch (QmpException e) {
      monitor.execute("closefd", Map.of("fdname", DESCRIPTOR));
      N0Exception why = new N0Exception(
          N0Exception.Code.PRECONDITION, id.toString(), "save " + id + ": " + e.description());
      why.initCause(e);
      throw why;
    }
  }

  /** What a live migration that failed has left would hold up or slow down this one. */
  private static void prepare(Monitor monitor) {
    monitor.execute("migrate-set-parameters", Map.of("max-bandwidth", BYTES_PER_SECOND));
    monitor.execute(
        "migrate-set-capabilities",
        Map.of(
            "capabilities",
            List.of("pause-before-switchover", "postcopy-ram", "auto-converge", "multifd").stream()
                .map(name -> Map.of("capability", name, "state", false))
                .toList()));
  }

  private static void await(Context cx, Monitor monitor, String operation) {
    while (true) {
      QmpResult seen = monitor.execute("query-migrate");
      String status = status(seen);
      if (status.equals("completed")) {
        return;
      }
      if (ENDED.contains(status)) {
        String why = seen.find("/error-desc").isPresent() ? seen.text("/error-desc") : status;
        throw new N0Exception(
            why.contains("No space left on device")
                ? N0Exception.Code.EXHAUSTED
                : N0Exception.Code.UNAVAILABLE,
            operation,
            operation + ": " + why);
      }
      if (cx.remaining().isZero()) {
        throw new OperationTimeoutException(operation, Duration.ZERO);
      }
      cx.progress(fraction(seen), operation);
      Pauses.pause(operation, POLL_MILLIS);
    }
  }

  private static String status(QmpResult migration) {
    return migration.find("/status").isPresent() ? migration.text("/status") : "none";
  }

  private static double fraction(QmpResult seen) {
    if (seen.find("/ram/total").isEmpty()) {
      return 0;
    }
    double total = Math.max(1, seen.unsigned("/ram/total").doubleValue());
    double rest = seen.unsigned("/ram/remaining").doubleValue();
    return Math.min(1, Math.max(0, 1 - rest / total));
  }

  /** Also of a call that was cancelled or whose time is over, hence without its context. */
  private void undo(SavedMemory memory, ResourceId id, Run run, N0Exception why) {
    boolean interrupted = Thread.interrupted();
    try {
      takeBack(qemu, memory, id, run);
    } catch (N0Exception e) {
      why.addSuppressed(e); // the mark is still there: the next apply or power action does it
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static void takeBack(QemuProcess qemu, SavedMemory memory, ResourceId id, Run run) {
    if (run.alive().isPresent()) {
      try (Monitor monitor = qemu.connect(id, run)) {
        if (!ENDED.contains(status(monitor.execute("query-migrate")))) {
          monitor.execute("migrate_cancel");
        }
        boolean ended = Pauses.until(
            "take back " + id,
            UNDO,
            () -> ENDED.contains(status(monitor.execute("query-migrate"))));
        if (!ended) {
          throw new OperationTimeoutException("take back " + id, UNDO);
        }
        goOn(memory, monitor);
      }
    }
    memory.abandon();
  }

  private static void goOn(SavedMemory memory, Monitor monitor) {
    if (memory.was() == SavedMemory.Was.RUNNING && monitor.state() == MachineState.PAUSED) {
      monitor.execute("cont");
    }
  }

  /**
   * Brings to an end what an earlier process has begun: a saving that was not completed is taken back; a QEMU
   * whose guest is in the file is ended; a guest that was restored goes on.
   *
   * @param cx progress
   * @param directory the machine's directory
   * @param id the machine
   * @param seen where it is
   */
  void settle(Context cx, MachineDirectory directory, ResourceId id, Sight seen) {
    SavedMemory memory = directory.memory();
    QemuProcess bounded = qemu.within(cx.remaining());
    Run run = seen.run().orElseGet(directory::last);
    if (memory.saved()) {
      cx.step("end qemu", () -> bounded.end(id, run));
    } else if (memory.saving()) {
      cx.step("take back what is not saved", () -> takeBack(bounded, memory, id, run));
    } else if (memory.restored()) {
      cx.step("let the guest go on", () -> {
        if (run.alive().isPresent()) {
          try (Monitor monitor = bounded.connect(id, run)) {
            goOn(memory, monitor);
          }
        }
      });
      cx.step("remove the saved memory", memory::finish);
    }
  }

  /**
   * Gives a saved guest to a QEMU that waits for it, and lets it go on if it was running.
   *
   * @param cx progress, cancellation, deadline
   * @param directory the machine's directory
   * @param id the machine
   * @param run the launch, with all its devices
   * @param monitor its monitor
   */
  void restore(Context cx, MachineDirectory directory, ResourceId id, Run run, Monitor monitor) {
    SavedMemory memory = directory.memory();
    cx.step("read the memory", () -> read(cx, memory, id, run, monitor));
    // From here on the disks may change, and the file fits them no more.
    cx.step("use up the saved memory", memory::useUp);
    cx.step("let the guest go on", () -> goOn(memory, monitor));
    cx.step("remove the saved memory", memory::finish);
  }

  private static void read(
      Context cx, SavedMemory memory, ResourceId id, Run run, Monitor monitor) {
    String operation = "restore " + id;
    try (OpenFile file = OpenFile.existing(memory.file())) {
      monitor.execute("getfd", Map.of("fdname", DESCRIPTOR), file.descriptor());
      monitor.execute("migrate-incoming", Map.of("uri", "fd:" + DESCRIPTOR));
      await(cx, monitor, operation);
      while (monitor.status().equals("inmigrate")) {
        cx.progress(1, operation);
        Pauses.pause(operation, POLL_MILLIS);
      }
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.CANCELLED || run.alive().isPresent()) {
        throw e;
      }
      // QEMU ends if it cannot read it, and says why in its log. The file is as it was.
      throw new N0Exception(
          N0Exception.Code.INTERNAL,
          id.toString(),
          operation + ": its qemu ended: " + QemuProcess.tail(run.log()),
          e);
    }
  }

  /**
   * Forgets a saved guest: the machine is off.
   *
   * @param cx progress
   * @param directory the machine's directory
   * @param seen where it is
   */
  void forget(Context cx, MachineDirectory directory, Sight seen) {
    Run run = seen.run().orElseGet(directory::last);
    cx.step("note that the machine is off", run::markOff);
    cx.step("forget the memory", directory.memory()::forget);
  }
}
