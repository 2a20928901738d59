package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BackupRequest;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.api.storage.VolumeBackups;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.file.DurableFiles;
import io.n0stack.n0core.storage.file.FileDraft;
import io.n0stack.n0core.storage.file.SparseCopy;
import io.n0stack.n0core.storage.internal.FileStatus;
import io.n0stack.n0core.storage.internal.NativeFile;
import io.n0stack.n0core.storage.qcow2.ImageGate;
import io.n0stack.n0core.storage.qcow2.Qcow2Creator;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import io.n0stack.n0core.storage.qcow2.Qcow2Options;
import io.n0stack.n0core.storage.qemuimg.ConvertOptions;
import io.n0stack.n0core.storage.qemuimg.ImageFile;
import io.n0stack.n0core.storage.qemuimg.NewImage;
import io.n0stack.n0core.storage.qemuimg.QemuImg;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Backups of volumes: of one that a machine is running on by its QEMU, into a copy beside the disk that is written to the
 * target then; otherwise by {@code qemu-img}. What is being made is noted before, so that whoever comes after a crash can
 * tell a checkpoint of a backup that is whole from one of a backup that there is not.
 */
final class Backups implements VolumeBackups {
  private static final Logger LOG = LoggerFactory.getLogger(Backups.class);

  private final VolumePool pool;
  private final SourceGate gate;
  private final Layers layers;
  private final QemuImg qemuImg;
  private final Runs runs;
  private final VolumeGuards guards;
  private final RunningDisks running;
  private final Checkpoints checkpoints;
  private final UnfinishedBackups unfinished;
  private final DurableFiles files = new DurableFiles();

  Backups(
      VolumePool pool,
      SourceGate gate,
      Layers layers,
      QemuImg qemuImg,
      Runs runs,
      VolumeGuards guards) {
    this.pool = pool;
    this.gate = gate;
    this.layers = layers;
    this.qemuImg = qemuImg;
    this.runs = runs;
    this.guards = guards;
    this.running = layers.running();
    this.checkpoints = layers.checkpoints();
    this.unfinished = layers.backups();
  }

  @Override
  public Backup backUp(Context cx, ResourceId volume, BackupRequest request) {
    return guards.several(List.of(volume), () -> backUpAlone(cx, volume, request));
  }

  private Backup backUpAlone(Context cx, ResourceId volume, BackupRequest request) {
    VolumeRecord record = layers.settled(cx, pool.existing(volume));
    requirePossible(record, request);
    long size = gate.volume(record).sizeBytes();
    requireFree(volume, request.target());
    request.increment().ifPresent(on -> {
      checkpoints.requireSound(cx, record, on.since());
      requireBase(on.onto(), size);
    });
    request.checkpoint().ifPresent(name -> checkpoints.requireFree(cx, record, name));
    cx.step("note backup", () -> unfinished.write(record, BackupNote.of(request)));
    Backup made;
    try {
      made = running.isWritten(record)
          ? ofRunning(cx, record, request)
          : ofQuiet(cx, record, request, size);
    } catch (N0Exception e) {
      undo(cx, record, e);
      throw e;
    }
    putAway(cx, record);
    LOG.info("backed up {} to {}", volume, request.target());
    return made;
  }

  private static void requirePossible(VolumeRecord record, BackupRequest request) {
    ResourceId id = record.id();
    if (record.encryption().isPresent()) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "encryption",
          "back up " + id + ": it is encrypted, and the backup would not be");
    }
    boolean raw =
        record.format() == ImageFormat.RAW && record.shape().snapshots().isEmpty();
    if (raw && (request.increment().isPresent() || request.checkpoint().isPresent())) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "format",
          "back up " + id
              + ": format RAW keeps no checkpoints, must be QCOW2; a full backup without"
              + " one is possible");
    }
  }

  /** Refuses a place before anything is done, the checkpoint above all. */
  private void requireFree(ResourceId volume, Path target) {
    requireOutside("target", target);
    if (VolumePool.look(target).isPresent()) {
      throw new N0Exception(
          N0Exception.Code.ALREADY_EXISTS,
          target.toString(),
          "back up " + volume + ": something is at " + target);
    }
    if (!Files.isDirectory(target.resolveSibling(""))) {
      throw N0Exception.invalid("target", target, "must be in a directory that exists");
    }
    files.draft(target).close(); // whether a file can be made there
  }

  /** What is in the pool is the driver's, and goes with its volume. */
  private void requireOutside(String field, Path file) {
    Path directory = pool.directory();
    boolean within = FileFailures.translated("look at", file, () -> {
      Path parent = file.resolveSibling("");
      return Files.exists(parent) && parent.toRealPath().startsWith(directory.toRealPath());
    });
    if (within) {
      throw N0Exception.invalid(field, file, "must not be in the pool " + directory);
    }
  }

  /** A larger one would show beyond the end of a volume that was cut off what is there no more. */
  private void requireBase(Path onto, long size) {
    requireOutside("onto", onto);
    long below = ImageGate.limitedTo(Long.MAX_VALUE)
        .inspectChain(onto, ImageFormat.QCOW2)
        .get(0)
        .sizeBytes();
    if (below > size) {
      throw N0Exception.invalid(
          "onto", onto, "must not be larger than the volume, which has " + size + " bytes");
    }
  }

  private Backup ofRunning(Context cx, VolumeRecord record, BackupRequest request) {
    SnapshotConsistency how = running.copy(cx, record, request);
    return written(
        cx,
        record,
        request,
        how,
        draft -> SparseCopy.into(
            running.copyOf(record),
            draft,
            (done, total) -> cx.progress(total == 0 ? 1 : (double) done / total, "copy out")));
  }

  /**
   * The checkpoint comes first: what a machine writes that is started in between is marked by it, and in the backup too.
   */
  private Backup ofQuiet(Context cx, VolumeRecord record, BackupRequest request, long size) {
    request
        .checkpoint()
        .ifPresent(name -> cx.step("add checkpoint", () -> checkpoints.add(cx, record, name)));
    Path top = pool.top(Stage.READY, record, record.shape());
    ImageFormat format = checkpoints.canBe(record) ? ImageFormat.QCOW2 : ImageFormat.RAW;
    return written(cx, record, request, SnapshotConsistency.EXACT, draft -> {
      if (request.increment().isPresent()) {
        // What the checkpoint marks is QEMU's to read; qemu-img finds the same by comparing.
        Qcow2Options options =
            VolumeMaker.options(size, Optional.of(new ImageSource.Backing(top, format)));
        FileFailures.translate(
            "write", draft.path(), () -> Qcow2Creator.write(draft.channel(), options));
        qemuImg.rebase(
            ImageFile.qcow2(draft.path()),
            ImageFile.qcow2(request.increment().get().onto()),
            runs.copying(cx));
      } else {
        qemuImg.convertInto(
            ImageFile.of(top, format),
            draft.path(),
            NewImage.Qcow2.standard(),
            ConvertOptions.standard(),
            runs.copying(cx));
      }
    });
  }

  /** Gives the file its name when it is whole; that it is going to have it is noted right before. */
  private Backup written(
      Context cx,
      VolumeRecord record,
      BackupRequest request,
      SnapshotConsistency how,
      Consumer<FileDraft> content) {
    Path target = request.target();
    return cx.step("write backup", () -> {
      Maintenance.sweepBeside(files, target);
      try (FileDraft draft = files.draft(target)) {
        content.accept(draft);
        requireAsAsked(request, draft.path());
        FileStatus whole = NativeFile.look(draft.path()).orElseThrow();
        unfinished.write(record, BackupNote.of(request).naming(whole));
        draft.publish();
        return new Backup(target, whole.sizeBytes(), how);
      }
    });
  }

  /** The copy was QEMU's to write; what it names, whoever restores it opens. */
  private static void requireAsAsked(BackupRequest request, Path file) {
    Qcow2Header header = ImageGate.limitedTo(Long.MAX_VALUE)
        .inspectLayer(file, ImageFormat.QCOW2)
        .header()
        .orElseThrow();
    Optional<String> onto = request.increment().map(on -> on.onto().toString());
    if (!header.backingFile().equals(onto)
        || !header.backingFormat().equals(onto.map(name -> "qcow2"))) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          request.target().toString(),
          "back up to " + Rules.quote(request.target().toString()) + ": what was written names "
              + Rules.quote(header.backingFile().orElse("")) + " as backing file, not "
              + Rules.quote(onto.orElse("")));
    }
  }

  /** What is left after a failure is undone now, or when the volume is used next. */
  private void undo(Context cx, VolumeRecord record, N0Exception why) {
    boolean interrupted = Thread.interrupted(); // or nothing could be asked of the machine
    try {
      if (running.hasCopy(record)) {
        running.forget(cx, record);
      }
      unfinished.settle(cx, record);
    } catch (N0Exception e) {
      why.addSuppressed(e);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** The backup is there whatever happens now; what cannot be put away is when the volume is used next. */
  private void putAway(Context cx, VolumeRecord record) {
    try {
      if (running.hasCopy(record)) {
        cx.step("forget copy", () -> running.forget(cx, record));
      }
      cx.step("forget note", () -> unfinished.forget(record));
    } catch (N0Exception e) {
      LOG.warn("{} is backed up; to be put away at its next use: {}", record.id(), e.getMessage());
    }
  }

  @Override
  public List<Checkpoint> checkpoints(Context cx, ResourceId volume) {
    VolumeRecord record = pool.existing(volume);
    gate.volume(record);
    List<Checkpoint> all = checkpoints.all(cx, record);
    // One of a backup that is not whole yet, or never will be.
    Optional<String> unborn =
        unfinished.note(record).filter(note -> !note.isDone()).flatMap(BackupNote::checkpoint);
    return all.stream().filter(one -> !Optional.of(one.name()).equals(unborn)).toList();
  }

  @Override
  public void removeCheckpoint(Context cx, ResourceId volume, String checkpoint) {
    Rules.label("checkpoint", checkpoint);
    boolean unused = guards.several(List.of(volume), () -> {
      VolumeRecord record = layers.settled(cx, pool.existing(volume));
      gate.volume(record);
      cx.step("remove checkpoint", () -> checkpoints.remove(cx, record, checkpoint));
      return true;
    });
  }
}
