package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.api.store.SmallFiles;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.VolumeRecord.Change;
import io.n0stack.n0core.storage.VolumeRecord.Shape;
import io.n0stack.n0core.storage.file.DurableFiles;
import io.n0stack.n0core.storage.file.ImageLock;
import io.n0stack.n0core.storage.file.QemuLocks;
import io.n0stack.n0core.storage.internal.Failures;
import io.n0stack.n0core.storage.live.JobFailedException;
import io.n0stack.n0core.storage.live.LiveVolume;
import io.n0stack.n0core.storage.qcow2.Qcow2Creator;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import io.n0stack.n0core.storage.qcow2.Qcow2Options;
import io.n0stack.n0core.storage.qemuimg.CheckResult;
import io.n0stack.n0core.storage.qemuimg.ImageFile;
import io.n0stack.n0core.storage.qemuimg.QemuImg;
import io.n0stack.n0core.storage.qemuimg.Repair;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The layers of volumes: each external snapshot is a file that is no longer written to, with a layer
 * above it. What is going to be done is on record before it is begun, so that whoever comes after a
 * crash can finish it.
 */
final class Layers {
  private static final Logger LOG = LoggerFactory.getLogger(Layers.class);
  private static final Duration LIVE_LIMIT = Duration.ofSeconds(30);

  private final VolumePool pool;
  private final SourceGate gate;
  private final VolumeUse use;
  private final QemuImg qemuImg;
  private final Runs runs;
  private final VolumeGuards guards;
  private final RunningDisks running;
  private final Checkpoints checkpoints;
  private final UnfinishedBackups backups;
  private final DurableFiles files = new DurableFiles();

  Layers(
      VolumePool pool,
      SourceGate gate,
      VolumeUse use,
      QemuImg qemuImg,
      Runs runs,
      VolumeGuards guards) {
    this.pool = pool;
    this.gate = gate;
    this.use = use;
    this.qemuImg = qemuImg;
    this.runs = runs;
    this.guards = guards;
    this.running = new RunningDisks(pool, this);
    this.checkpoints = new Checkpoints(pool, this, qemuImg, runs);
    this.backups = new UnfinishedBackups(pool, checkpoints);
  }

  Checkpoints checkpoints() {
    return checkpoints;
  }

  UnfinishedBackups backups() {
    return backups;
  }

  RunningDisks running() {
    return running;
  }

  VolumeUse use() {
    return use;
  }

  /** Finishes what was begun with a volume's files, or finds that it was not. */
  VolumeRecord settled(Context cx, VolumeRecord record) {
    // What another driver has begun is not ours to finish.
    pool.own();
    if (running.hasCopy(record)) {
      boolean unused = guards.one(record.id(), () -> {
        cx.step("forget copy", () -> running.forget(cx, record));
        return true;
      });
    }
    if (backups.isNoted(record)) {
      boolean unused = guards.one(record.id(), () -> {
        cx.step("undo backup", () -> backups.settle(cx, record));
        return true;
      });
    }
    // Whoever works on several volumes may be at it, or have finished since the record was read.
    return record.next().isEmpty()
        ? record
        : guards.one(record.id(), () -> finished(cx, pool.record(Stage.READY, record.id())));
  }

  private VolumeRecord finished(Context cx, VolumeRecord record) {
    if (record.next().isEmpty()) {
      return record;
    }
    Change change = record.next().get().change();
    Shape to = record.next().get().shape();
    return switch (change) {
      // A machine may have changed over and ended since.
      case SNAPSHOT -> changeOver(cx, record, to, SnapshotConsistency.CRASH);
      case TOGETHER -> new JointLayers(pool, this).settled(cx, record, to);
      case JOIN -> join(cx, record, to);
      case REVERT -> throwAway(cx, record, to);
      case REBASE -> rebased(cx, record, to);
      case WITHIN -> mended(cx, record);
    };
  }

  /** A qemu-img that died leaves clusters that are counted but unused, or its mark that it has not counted. */
  private VolumeRecord mended(Context cx, VolumeRecord record) {
    gate.volume(record);
    if (record.format() == ImageFormat.QCOW2) {
      Path disk = pool.disk(Stage.READY, record.id(), record.format());
      Repair scope = Qcow2Header.read(disk).features().dirty() ? Repair.ALL : Repair.LEAKS;
      CheckResult found = cx.step(
          "mend disk",
          () -> Keys.with(
              record,
              ImageFile.qcow2(disk),
              image -> qemuImg.repair(image, scope, runs.copying(cx))));
      LOG.info("{}: work within its disk broke off: {}", record.id(), found);
    }
    return reached(cx, record, record.shape());
  }

  /** Has qemu-img change what the disks of volumes hold, which whoever comes after one that died has to mend. */
  void changeWithin(Context cx, String step, List<VolumeRecord> records, Runnable work) {
    records.forEach(record -> withoutUsers(step, record, () -> {}));
    List<VolumeRecord> begun = records.stream()
        .map(record -> begin(cx, record, Change.WITHIN, record.shape()))
        .toList();
    try {
      cx.step(step, work::run);
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.BUSY) {
        // Somebody has opened one since, and is not to be waited for: nothing was changed.
        begun.forEach(record -> reached(cx, record, record.shape()));
      }
      throw e;
    }
    begun.forEach(record -> reached(cx, record, record.shape()));
  }

  /** Which it is now is what its disk says. */
  private VolumeRecord rebased(Context cx, VolumeRecord record, Shape to) {
    if (used(record)) {
      running.awaitFlattened(cx, record);
    }
    if (gate.obstacle(record, to).isEmpty()) {
      return reached(cx, record, to);
    }
    gate.volume(record);
    return reached(cx, record, record.shape());
  }

  /** Makes a durable note of what is going to be done. */
  VolumeRecord begin(Context cx, VolumeRecord record, Change change, Shape to) {
    VolumeRecord begun = record.towards(change, to);
    cx.step("record what is begun", () -> write(begun));
    return begun;
  }

  /** Makes a durable note that it is done. */
  VolumeRecord reached(Context cx, VolumeRecord record, Shape shape) {
    VolumeRecord done = record.shaped(shape);
    cx.step("record what is reached", () -> write(done));
    return done;
  }

  void write(VolumeRecord record) {
    Path file = pool.path(Stage.READY, record.id());
    FileFailures.translate("write record in", file, () -> pool.write(Stage.READY, record));
  }

  /** Puts a layer on top. */
  void create(Context cx, VolumeRecord record, String snapshot) {
    if (record.shape().snapshots().contains(snapshot)) {
      return;
    }
    requireLayerable(record);
    Path top = pool.top(Stage.READY, record, record.shape());
    Path above = pool.top(Stage.READY, record, record.shape().with(snapshot));
    if (QemuLocks.look(top).isUsed()) {
      // Before anything is on record: without a way to whoever has it open this cannot be done.
      try (LiveVolume live = live(cx, record)) {
        live.release(above);
      }
    }
    clear(cx, above);
    VolumeRecord begun = begin(cx, record, Change.SNAPSHOT, record.shape().with(snapshot));
    VolumeRecord done = changeOver(cx, begun, next(begun), SnapshotConsistency.EXACT);
    if (!done.shape().snapshots().contains(snapshot)) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          record.id().toString(),
          "snapshot " + record.id() + ": it came into use meanwhile; nothing is changed");
    }
    LOG.info("created external snapshot {} of {}", snapshot, record.id());
  }

  /**
   * Unlinks a layer of once from where a new one is to be: a power cut may have brought it back, and a guest would
   * find in it what was there then.
   */
  @SuppressWarnings("try") // a lock works by being held
  void clear(Context cx, Path layer) {
    if (VolumePool.look(layer).isPresent()) {
      cx.step("unlink old layer", () -> {
        try (ImageLock held = QemuLocks.exclusive(layer)) {
          FileFailures.translate("unlink", layer, () -> SmallFiles.delete(layer));
        }
      });
    }
  }

  /** Does the same with all layers that are none of the volume's. */
  void sweep(Context cx, VolumeRecord record) {
    List<Path> layers = pool.layers(Stage.READY, record, record.shape());
    for (Path file : use.layerFiles(record.id())) {
      if (!layers.contains(file)) {
        boolean used = QemuLocks.look(file).isUsed();
        LOG.warn(
            "{}: {} is none of its layers{}", record.id(), file, used ? ", and is in use" : "");
        if (!used) {
          clear(cx, file);
        }
      }
    }
  }

  /** Goes on in the new layer, unless a machine is writing to the old one and cannot be asked to. */
  @SuppressWarnings("try") // a lock works by being held
  private VolumeRecord changeOver(
      Context cx, VolumeRecord record, Shape to, SnapshotConsistency unlessUsed) {
    Path above = makeLayer(cx, record, to);
    Optional<ImageLock> quiet = unused(pool.top(Stage.READY, record, record.shape()));
    if (quiet.isPresent()) {
      // A machine that is started meanwhile on the old layer cannot open it.
      try (ImageLock held = quiet.get()) {
        return reached(cx, knowing(record, to, unlessUsed), to);
      }
    }
    SnapshotConsistency how = cx.step("change over", () -> {
      try (LiveVolume live = live(cx, record)) {
        return live.snapshot(above);
      }
    });
    return reached(cx, knowing(record, to, how), to);
  }

  /** Makes the empty file that is to be on top, unless it is there. */
  Path makeLayer(Context cx, VolumeRecord record, Shape to) {
    Path below = pool.top(Stage.READY, record, record.shape());
    Path above = pool.top(Stage.READY, record, to);
    if (VolumePool.look(above).isEmpty()) {
      cx.step(
          "make layer",
          () ->
              files.create(above, channel -> Qcow2Creator.write(channel, overlay(record, below))));
    }
    return above;
  }

  static VolumeRecord knowing(VolumeRecord record, Shape to, SnapshotConsistency how) {
    return record.knowing(last(to), how);
  }

  static Shape next(VolumeRecord record) {
    return record.next().orElseThrow().shape();
  }

  static String last(Shape shape) {
    return shape.snapshots().get(shape.snapshots().size() - 1);
  }

  /** Locks a file that nobody uses, also not as the layer below one. */
  static Optional<ImageLock> unused(Path file) {
    try {
      return Optional.of(QemuLocks.exclusive(file));
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.BUSY) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private Qcow2Options overlay(VolumeRecord record, Path below) {
    long size = gate.volume(record).sizeBytes();
    ImageFormat format = record.shape().snapshots().isEmpty() ? record.format() : ImageFormat.QCOW2;
    return VolumeMaker.options(size, Optional.of(new ImageSource.Backing(below, format)));
  }

  /** Throws away what was written since a snapshot. */
  void revert(Context cx, VolumeRecord record, String snapshot) {
    if (!record.shape().snapshots().contains(snapshot)) {
      throw none("revert", record.id(), snapshot);
    }
    Shape to = record.shape().upTo(snapshot);
    boolean unused = use.changing("revert", record.id(), () -> {
      withoutUsers("revert", record, () -> throwAway(cx, begin(cx, record, Change.REVERT, to), to));
      return true;
    });
    LOG.info("reverted {} to external snapshot {}", record.id(), snapshot);
  }

  private VolumeRecord throwAway(Context cx, VolumeRecord record, Shape to) {
    List<Path> all = pool.layers(Stage.READY, record, record.shape());
    int kept = to.snapshots().size();
    cx.step(
        "replace layer",
        () -> FileFailures.translate("replace", all.get(kept), () -> {
          for (int i = all.size() - 1; i > kept; i--) {
            Files.deleteIfExists(all.get(i));
          }
          Path below = all.get(kept - 1);
          ImageFormat format = kept == 1 ? record.format() : ImageFormat.QCOW2;
          long size = gate.image(below, format).sizeBytes();
          files.replace(
              all.get(kept),
              channel -> Qcow2Creator.write(
                  channel,
                  VolumeMaker.options(size, Optional.of(new ImageSource.Backing(below, format)))));
        }));
    return reached(cx, record, to);
  }

  /** Joins the layer above a snapshot into it. */
  void delete(Context cx, VolumeRecord record, String snapshot) {
    if (!record.shape().snapshots().contains(snapshot)) {
      return;
    }
    Shape to = record.shape().without(snapshot);
    VolumeRecord unused = use.changing("delete snapshot of", record.id(), () -> {
      if (used(record)) {
        live(cx, record).close();
      }
      return join(cx, begin(cx, record, Change.JOIN, to), to);
    });
    LOG.info("deleted external snapshot {} of {}", snapshot, record.id());
  }

  /** Once begun, the file below is neither the one point in time nor the other: it only goes on. */
  private VolumeRecord join(Context cx, VolumeRecord record, Shape to) {
    List<Path> all = pool.layers(Stage.READY, record, record.shape());
    Path joined = all.stream()
        .filter(file -> !pool.layers(Stage.READY, record, to).contains(file))
        .findFirst()
        .orElseThrow();
    int index = all.indexOf(joined);
    Path below = all.get(index - 1);
    cx.step("join layers", () -> {
      if (used(record)) {
        joinLive(cx, record, joined, below);
      } else if (VolumePool.look(joined).isPresent()) {
        joinOffline(cx, record, all, index);
      }
    });
    // Before that is on record: whoever finds the layer still there joins it, also over what is
    // newer.
    cx.step(
        "unlink layer",
        () -> FileFailures.translate("unlink", joined, () -> {
          SmallFiles.delete(aside(joined));
          SmallFiles.delete(joined);
        }));
    return reached(cx, record, to);
  }

  /**
   * Lets the machine go on in the layer below, and sets the joined one aside durably at the moment when both are
   * the same: from then on the one below is right, whether the machine has changed over or ends before.
   */
  private void joinLive(Context cx, VolumeRecord record, Path joined, Path below) {
    try (LiveVolume live = live(cx, record)) {
      if (live.jobs().isEmpty() && live.layers().get(0).file().equals(Optional.of(joined))) {
        move(aside(joined), joined); // of a change-over that failed
      }
      try {
        live.commit(joined, below).complete(cx, () -> {
          boolean unused = Failures.undoing(
              () -> {
                move(joined, aside(joined));
                return true;
              },
              () -> move(aside(joined), joined));
        });
      } catch (JobFailedException e) {
        move(aside(joined), joined); // the machine goes on in it
        throw e;
      }
      live.release(joined);
    }
  }

  private static Path aside(Path joined) {
    return joined.resolveSibling("joined-" + joined.getFileName());
  }

  private static void move(Path from, Path to) {
    FileFailures.translate("move", from, () -> {
      if (VolumePool.look(from).isPresent()) {
        Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
      }
      VolumePool.sync(to.resolveSibling(""));
    });
  }

  private void joinOffline(Context cx, VolumeRecord record, List<Path> all, int index) {
    qemuImg.commit(ImageFile.qcow2(all.get(index)), runs.copying(cx));
    if (index + 1 < all.size()) {
      ImageFormat format = index == 1 ? record.format() : ImageFormat.QCOW2;
      qemuImg.rebaseUnchecked(
          ImageFile.qcow2(all.get(index + 1)),
          ImageFile.of(all.get(index - 1), format),
          runs.brief(cx, "rebase"));
    }
  }

  private boolean used(VolumeRecord record) {
    return pool.layers(Stage.READY, record, record.shape()).stream()
        .filter(file -> VolumePool.look(file).isPresent())
        .anyMatch(file -> QemuLocks.look(file).isUsed());
  }

  /** Finds the machine that has the volume open. */
  LiveVolume live(Context cx, VolumeRecord record) {
    Optional<BlockMonitor> monitor = cx.capability("machine", BlockMonitor.class);
    if (monitor.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          record.id().toString(),
          "change " + record.id() + ": a process has its disk open, and no machine driver here"
              + " can tell it of the change");
    }
    Duration limit = cx.remaining().compareTo(LIVE_LIMIT) < 0 ? cx.remaining() : LIVE_LIMIT;
    if (limit.toMillis() < 1) {
      throw new OperationTimeoutException("change running " + record.id(), limit);
    }
    LiveVolume live = LiveVolume.open(
        monitor.get(), record.id(), pool.disk(Stage.READY, record.id(), record.format()), limit);
    boolean ours = false;
    try {
      Optional<Path> active = live.layers().get(0).file();
      ours = active.filter(file -> files(record).contains(file)).isPresent();
      if (!ours) {
        throw new N0Exception(
            N0Exception.Code.BUSY,
            record.id().toString(),
            "change " + record.id() + ": " + live.machine() + " has it open below "
                + active.map(Path::toString).orElse("another disk") + ", which lies on it");
      }
      return live;
    } finally {
      if (!ours) {
        live.close();
      }
    }
  }

  private List<Path> files(VolumeRecord record) {
    List<Path> all = new ArrayList<>(pool.layers(Stage.READY, record, record.shape()));
    record.next().ifPresent(next -> all.addAll(pool.layers(Stage.READY, record, next.shape())));
    return all;
  }

  /** Runs work while nobody has the volume open. */
  void withoutUsers(String operation, VolumeRecord record, Failures.Action work) {
    FileFailures.translate(
        operation,
        pool.path(Stage.READY, record.id()),
        () -> use.withoutUsers(operation, record.id(), work));
  }

  /** Refuses what cannot have one more layer, before anything is touched. */
  void requireLayerable(VolumeRecord record) {
    requireUnencrypted(record);
    gate.requireRoomAbove(record);
  }

  private static void requireUnencrypted(VolumeRecord record) {
    if (record.encryption().isPresent()) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "encryption",
          "external snapshot of " + record.id() + ": it is encrypted");
    }
  }

  static N0Exception none(String operation, ResourceId id, String snapshot) {
    return new N0Exception(
        N0Exception.Code.NOT_FOUND,
        id.toString(),
        operation + " " + id + ": there is no snapshot " + Rules.quote(snapshot));
  }
}
