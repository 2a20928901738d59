package io.n0stack.n0core.kvm.internal.snapshot;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.compute.MachineSnapshot;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.monitor.BlockDevices;
import io.n0stack.n0core.kvm.internal.monitor.GuestAgents;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.record.Pauses;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.internal.record.SnapshotRecord;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The disks of a running machine, as far as its snapshots are concerned. QEMU does each piece of work as a job,
 * which goes on when the agent dies.
 */
final class SnapshotDisks {
  private static final int POLL_MILLIS = 10;
  private static final String WORK = "n0-snapshot-";
  // Two, for one that failed is forgotten only when the next has begun.
  private static final List<String> LOADS = List.of("n0-load-", "n0-reload-");

  private final ResourceId id;
  private final Monitor monitor;
  private final List<QmpResult> disks;

  /** Looks at them. */
  SnapshotDisks(ResourceId id, Monitor monitor) {
    this.id = id;
    this.monitor = monitor;
    disks = monitor.execute("query-block").list("").stream()
        .filter(disk -> disk.find("/inserted").isPresent()
            && !disk.flag("/inserted/ro")
            && BlockDevices.disk(disk)) // no empty drive, CD-ROM, or variables of the firmware
        .toList();
  }

  /**
   * Refuses disks of which no snapshot of all can be taken.
   *
   * @throws N0Exception PRECONDITION if one of them holds no snapshots, or there is none
   */
  SnapshotDisks requireCapable() {
    for (QmpResult disk : disks) {
      if (!disk.text("/inserted/drv").equals("qcow2")) {
        throw precondition("disk \"" + node(disk) + "\" is " + disk.text("/inserted/drv")
            + ": only qcow2 holds snapshots");
      }
    }
    if (disks.isEmpty()) {
      throw precondition("it has no disk that could hold them");
    }
    return this;
  }

  private static String node(QmpResult disk) {
    return disk.text("/inserted/node-name");
  }

  private List<String> nodes() {
    return disks.stream().map(SnapshotDisks::node).toList();
  }

  private N0Exception precondition(String why) {
    return new N0Exception(
        N0Exception.Code.PRECONDITION, id.toString(), "work on snapshots of " + id + ": " + why);
  }

  /** Says whether all disks have it, and the first the memory if it holds that. */
  boolean have(SnapshotRecord record) {
    boolean memory = record.snapshot().content() == MachineSnapshot.Content.MEMORY;
    for (int i = 0; i < disks.size(); i++) {
      boolean first = i == 0;
      boolean has = tags(disks.get(i)).stream()
          .anyMatch(tag -> tag.text("/name").equals(record.tag())
              && (!memory || !first || tag.unsigned("/vm-state-size").signum() > 0));
      if (!has) {
        return false;
      }
    }
    return !disks.isEmpty();
  }

  /**
   * Refuses if QEMU would set back none, or some and not all: it does not touch a disk on which it marks what is written,
   * as for a backup, and goes through the disks one by one.
   */
  void requireRevertible() {
    for (QmpResult disk : disks) {
      if (disk.find("/inserted/dirty-bitmaps").isPresent()
          && !disk.list("/inserted/dirty-bitmaps").isEmpty()) {
        throw precondition("disk \"" + node(disk) + "\" " + DiskImages.MARKED);
      }
    }
  }

  boolean guestListens(Run run) {
    return GuestAgents.listens(monitor, run);
  }

  /** Says whether any disk has it. */
  boolean haveAny(SnapshotRecord record) {
    return disks.stream().anyMatch(disk -> has(disk, record));
  }

  private static boolean has(QmpResult disk, SnapshotRecord record) {
    return tags(disk).stream().anyMatch(tag -> tag.text("/name").equals(record.tag()));
  }

  private static List<QmpResult> tags(QmpResult disk) {
    return disk.find("/inserted/image/snapshots").isPresent()
        ? disk.list("/inserted/image/snapshots")
        : List.of();
  }

  void takeMemory(Context cx, SnapshotRecord record) {
    run(cx, "snapshot-save", record, memoryAndDisks());
  }

  void takeDisks(SnapshotRecord record) {
    monitor.execute(
        "transaction",
        Map.of(
            "actions",
            nodes().stream()
                .map(node -> Map.of(
                    "type",
                    "blockdev-snapshot-internal-sync",
                    "data",
                    Map.of("device", node, "name", record.tag())))
                .toList()));
  }

  /**
   * Sets the guest and its disks back. One that failed stays in QEMU's list of jobs, so that whoever comes
   * next knows that the guest is neither here nor there; it leaves the list when one succeeds.
   *
   * @throws N0Exception UNAVAILABLE if it failed
   */
  void load(Context cx, SnapshotRecord record) {
    List<String> failed = failedLoads(cx, monitor, record);
    if (failed.size() == LOADS.size()) {
      dismiss(failed.get(0));
      failed = failed.subList(1, failed.size());
    }
    List<String> known = failed;
    String job = LOADS.stream()
        .map(prefix -> prefix + record.name())
        .filter(name -> !known.contains(name))
        .findFirst()
        .orElseThrow();
    start("snapshot-load", job, record, memoryAndDisks(), cx.remaining());
    Optional<String> error = await(cx, monitor, record, job).flatMap(SnapshotDisks::error);
    if (error.isPresent()) {
      known.forEach(this::dismiss);
      throw failure("snapshot-load", record, error.get());
    }
    dismiss(job);
  }

  /** Forgets loads that failed. */
  void forgetLoads(Context cx, SnapshotRecord record) {
    failedLoads(cx, monitor, record).forEach(this::dismiss);
  }

  /** Waits for what sets the guest back, whoever began it, and returns the jobs of it that failed. */
  static List<String> failedLoads(Context cx, Monitor monitor, SnapshotRecord record) {
    return LOADS.stream()
        .map(prefix -> prefix + record.name())
        .filter(
            job -> await(cx, monitor, record, job).flatMap(SnapshotDisks::error).isPresent())
        .toList();
  }

  /** Deletes it from the disks that have it: others may have been plugged since. */
  void delete(Context cx, SnapshotRecord record) {
    List<String> having = disks.stream()
        .filter(disk -> has(disk, record))
        .map(SnapshotDisks::node)
        .toList();
    run(cx, "snapshot-delete", record, Map.of("devices", having));
  }

  private Map<String, Object> memoryAndDisks() {
    return Map.of("vmstate", nodes().get(0), "devices", nodes());
  }

  private void run(Context cx, String command, SnapshotRecord record, Map<String, ?> more) {
    start(command, job(record), record, more, cx.remaining());
    Optional<String> error = awaitJob(cx, monitor, record);
    if (error.isPresent()) {
      throw failure(command, record, error.get());
    }
  }

  private void start(
      String command, String job, SnapshotRecord record, Map<String, ?> more, Duration limit) {
    Map<String, Object> arguments = new HashMap<>(more);
    arguments.put("job-id", job);
    arguments.put("tag", record.tag());
    monitor.execute(command, arguments, limit);
  }

  private N0Exception failure(String command, SnapshotRecord record, String error) {
    return new N0Exception(
        error.contains("No space left on device")
            ? N0Exception.Code.EXHAUSTED
            : N0Exception.Code.UNAVAILABLE,
        id.toString(),
        command + " \"" + record.name() + "\" of " + id + ": " + error);
  }

  private static String job(SnapshotRecord record) {
    return WORK + record.name();
  }

  private void dismiss(String job) {
    monitor.execute("job-dismiss", Map.of("id", job));
  }

  private static Optional<String> error(QmpResult job) {
    return job.find("/error").map(error -> error.text(""));
  }

  /** Waits for the job of a snapshot, whoever began it, and dismisses it; returns why it failed. */
  static Optional<String> awaitJob(Context cx, Monitor monitor, SnapshotRecord record) {
    Optional<QmpResult> concluded = await(cx, monitor, record, job(record));
    concluded.ifPresent(job -> monitor.execute("job-dismiss", Map.of("id", job.text("/id"))));
    return concluded.flatMap(SnapshotDisks::error);
  }

  /**
   * Waits for a job until it is concluded or nowhere. While QEMU writes memory it answers nobody, so this is
   * waited for as long as the operation may take.
   */
  private static Optional<QmpResult> await(
      Context cx, Monitor monitor, SnapshotRecord record, String id) {
    String operation = "wait for snapshot \"" + record.name() + "\"";
    while (true) {
      Optional<QmpResult> found =
          monitor.execute("query-jobs", Map.of(), cx.remaining()).list("").stream()
              .filter(job -> job.text("/id").equals(id))
              .findFirst();
      if (found.isEmpty() || found.get().text("/status").equals("concluded")) {
        return found;
      }
      if (cx.remaining().isZero()) {
        throw new OperationTimeoutException(operation, cx.remaining());
      }
      cx.progress(0, operation);
      Pauses.pause(operation, POLL_MILLIS);
    }
  }
}
