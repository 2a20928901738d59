package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.storage.BackupRequest;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.VolumeRecord.Change;
import io.n0stack.n0core.storage.VolumeRecord.Shape;
import io.n0stack.n0core.storage.file.DurableFiles;
import io.n0stack.n0core.storage.file.QemuLocks;
import io.n0stack.n0core.storage.live.BackupSpec;
import io.n0stack.n0core.storage.live.JobFailedException;
import io.n0stack.n0core.storage.live.JobKind;
import io.n0stack.n0core.storage.live.LiveBitmap;
import io.n0stack.n0core.storage.live.LiveJob;
import io.n0stack.n0core.storage.live.LiveNode;
import io.n0stack.n0core.storage.live.LiveVolume;
import io.n0stack.n0core.storage.qcow2.Qcow2Creator;
import io.n0stack.n0core.storage.qcow2.Qcow2Options;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Maintenance of volumes that machines are running on, done by their QEMU. It goes on when this process dies: what is
 * going to be flattened is on record, and a copy is known by its file, which is there before QEMU is told of it.
 */
final class RunningDisks {
  private static final Logger LOG = LoggerFactory.getLogger(RunningDisks.class);
  private static final Duration TO_CANCEL = Duration.ofSeconds(30);
  private static final long METADATA_BYTES = 4 << 20;
  private static final long COPIED_AT_ONCE =
      64 << 10; // BACKUP_CLUSTER_SIZE_DEFAULT, block/backup.c

  private final VolumePool pool;
  private final Layers layers;
  private final DurableFiles files = new DurableFiles();

  RunningDisks(VolumePool pool, Layers layers) {
    this.pool = pool;
    this.layers = layers;
  }

  /** Says whether a process, as a machine that is running, may be writing to a volume. */
  boolean isWritten(VolumeRecord record) {
    return QemuLocks.look(pool.top(Stage.READY, record, record.shape())).isWritten();
  }

  void flatten(Context cx, VolumeRecord record) {
    if (!record.shape().snapshots().isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          record.id().toString(),
          "flatten " + record.id() + " while a machine is running on it: must have no external"
              + " snapshots, has " + record.shape().snapshots());
    }
    try (LiveVolume live = layers.live(cx, record)) {
      requireIdle(record, live);
    }
    Shape to = record.shape().on(Optional.empty());
    VolumeRecord begun = layers.begin(cx, record, Change.REBASE, to);
    try {
      cx.step("flatten running disk", () -> {
        try (LiveVolume live = layers.live(cx, begun)) {
          live.flatten().complete(cx);
        }
      });
    } catch (JobFailedException e) {
      forgotten(cx, begun, e);
      throw e;
    }
    VolumeRecord unused = layers.reached(cx, begun, to);
  }

  private void forgotten(Context cx, VolumeRecord begun, JobFailedException why) {
    try {
      VolumeRecord unused = layers.settled(cx, begun);
    } catch (N0Exception e) {
      why.addSuppressed(e);
    }
  }

  /** Waits for a machine that is still flattening for a process that has died. */
  void awaitFlattened(Context cx, VolumeRecord record) {
    cx.step("await running disk", () -> {
      try (LiveVolume live = layers.live(cx, record)) {
        for (LiveJob job : live.jobs()) {
          if (job.kind() == JobKind.STREAM) {
            completed(cx, job);
          }
        }
        live.sweep();
      }
    });
  }

  private static void completed(Context cx, LiveJob job) {
    try {
      job.complete(cx);
    } catch (JobFailedException e) {
      LOG.warn("{} failed; the volume is as it was: {}", job, e.getMessage());
    }
  }

  /** What is being done to the disk already would be in the way, and be found out too late. */
  private static void requireIdle(VolumeRecord record, LiveVolume live) {
    List<LiveJob> jobs = live.jobs();
    if (!jobs.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          record.id().toString(),
          "work on " + record.id() + " in running " + live.machine() + ": there is " + jobs);
    }
  }

  Path copyOf(VolumeRecord record) {
    return pool.path(Stage.READY, record.id()).resolve("export.qcow2");
  }

  /** Makes a copy of one moment, which the caller forgets when it is read. */
  SnapshotConsistency copy(Context cx, VolumeRecord record) {
    return copy(cx, record, BackupRequest.full(copyOf(record)));
  }

  /**
   * Makes a copy of one moment, of all or of what has changed, and the checkpoint of that moment; the target of the request
   * is not touched. The caller forgets the copy when it is read.
   */
  SnapshotConsistency copy(Context cx, VolumeRecord record, BackupRequest request) {
    Path copy = copyOf(record);
    long size;
    try (LiveVolume live = layers.live(cx, record)) {
      requireIdle(record, live);
      size = live.layers().get(0).sizeBytes();
      requireRoom(record, mostBytes(live.layers(), request.increment()), copy);
    }
    Qcow2Options options = VolumeMaker.options(
        size, request.increment().map(on -> new ImageSource.Backing(on.onto(), ImageFormat.QCOW2)));
    cx.step("make copy", () -> files.create(copy, channel -> Qcow2Creator.write(channel, options)));
    return cx.step("copy running disk", () -> {
      try (LiveVolume live = layers.live(cx, record)) {
        LiveJob job = live.backup(new BackupSpec(
            copy,
            ImageFormat.QCOW2,
            request.increment().map(BackupRequest.Increment::since),
            request.checkpoint(),
            0));
        job.complete(cx);
        return job.consistency();
      }
    });
  }

  /** Tells how much a copy can take at most: what there is, or of an increment what is marked. */
  private static long mostBytes(List<LiveNode> nodes, Optional<BackupRequest.Increment> increment) {
    long held = 0;
    if (increment.isPresent()) {
      for (LiveBitmap bitmap : nodes.get(0).bitmaps()) {
        if (bitmap.name().equals(increment.get().since())) {
          // Whole clusters are copied, whatever one bit stands for.
          held = bitmap.dirtyBytes() * Math.max(1, COPIED_AT_ONCE / bitmap.granularityBytes());
        }
      }
    } else {
      for (LiveNode node : nodes) {
        held += node.file().map(DiskBlocks::allocatedBytes).orElse(node.sizeBytes());
      }
    }
    return Math.min(held, nodes.get(0).sizeBytes());
  }

  /** What the guest overwrites is copied at once; if there were no room for it, the guest would be stopped. */
  private static void requireRoom(VolumeRecord record, long most, Path copy) {
    long needed = most + (most >> 10) + METADATA_BYTES;
    Path place = copy.resolveSibling("");
    long free = FileFailures.translated(
        "look at", place, () -> Files.getFileStore(place).getUsableSpace());
    if (free < needed) {
      throw new N0Exception(
          N0Exception.Code.EXHAUSTED,
          record.id().toString(),
          "copy running " + record.id() + ": " + place + " must have " + needed
              + " bytes free, has " + free);
    }
  }

  boolean hasCopy(VolumeRecord record) {
    return VolumePool.look(copyOf(record)).isPresent();
  }

  /** Ends copying if QEMU is at it, and unlinks the copy. */
  void forget(Context cx, VolumeRecord record) {
    Path copy = copyOf(record);
    if (QemuLocks.look(copy).isUsed() || isWritten(record)) {
      try (LiveVolume live = layers.live(cx, record)) {
        for (LiveJob job : live.jobs()) {
          if (job.kind() == JobKind.BACKUP) {
            LOG.info("{} ended: {}", job, job.cancel(TO_CANCEL).state());
          }
        }
        live.release(copy);
      }
    }
    FileFailures.translate("unlink", copy, () -> {
      Files.deleteIfExists(copy);
      VolumePool.sync(pool.path(Stage.READY, record.id()));
    });
  }
}
