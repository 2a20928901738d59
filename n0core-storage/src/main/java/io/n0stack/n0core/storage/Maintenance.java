package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.VolumeRecord.Change;
import io.n0stack.n0core.storage.VolumeRecord.Shape;
import io.n0stack.n0core.storage.file.CopyResult;
import io.n0stack.n0core.storage.file.DurableFiles;
import io.n0stack.n0core.storage.file.FileDraft;
import io.n0stack.n0core.storage.file.SparseCopy;
import io.n0stack.n0core.storage.qcow2.ImageGate;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import io.n0stack.n0core.storage.qemuimg.CheckResult;
import io.n0stack.n0core.storage.qemuimg.ConvertOptions;
import io.n0stack.n0core.storage.qemuimg.ImageFile;
import io.n0stack.n0core.storage.qemuimg.Measurement;
import io.n0stack.n0core.storage.qemuimg.NewImage;
import io.n0stack.n0core.storage.qemuimg.QemuImg;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Work on volumes: by {@code qemu-img}, and where a machine is running on them by its QEMU. */
final class Maintenance implements VolumeMaintenance {
  private static final Logger LOG = LoggerFactory.getLogger(Maintenance.class);
  private static final int CHUNK = 1 << 20;

  private final VolumePool pool;
  private final SourceGate gate;
  private final VolumeUse use;
  private final Layers layers;
  private final QemuImg qemuImg;
  private final Runs runs;
  private final VolumeGuards guards;
  private final RunningDisks running;
  private final DurableFiles files = new DurableFiles();

  Maintenance(
      VolumePool pool,
      SourceGate gate,
      Layers layers,
      QemuImg qemuImg,
      Runs runs,
      VolumeGuards guards) {
    this.pool = pool;
    this.gate = gate;
    this.use = layers.use();
    this.layers = layers;
    this.qemuImg = qemuImg;
    this.runs = runs;
    this.guards = guards;
    this.running = layers.running();
  }

  /** Returns the record of a finished volume with nothing left half done, all its files inspected. */
  private VolumeRecord sound(Context cx, ResourceId volume) {
    VolumeRecord record = layers.settled(cx, pool.existing(volume));
    gate.volume(record);
    return record;
  }

  private <R> R with(VolumeRecord record, Path file, Function<ImageFile, R> work) {
    ImageFormat format = file.equals(pool.disk(Stage.READY, record.id(), record.format()))
        ? record.format()
        : ImageFormat.QCOW2;
    return Keys.with(record, ImageFile.of(file, format), work);
  }

  private <R> R withTop(VolumeRecord record, Function<ImageFile, R> work) {
    return with(record, pool.top(Stage.READY, record, record.shape()), work);
  }

  @Override
  public Soundness check(Context cx, ResourceId volume) {
    return everyLayer(cx, volume, image -> qemuImg.check(image, runs.copying(cx)));
  }

  @Override
  public Soundness repair(Context cx, ResourceId volume, Repair what) {
    var scope = io.n0stack.n0core.storage.qemuimg.Repair.valueOf(what.name());
    return everyLayer(
        cx,
        volume,
        image -> cx.step("repair disk", () -> {
          CheckResult unused = qemuImg.repair(image, scope, runs.copying(cx));
          return qemuImg.check(image, runs.copying(cx));
        }));
  }

  private Soundness everyLayer(
      Context cx, ResourceId volume, Function<ImageFile, CheckResult> look) {
    VolumeRecord record = sound(cx, volume);
    Soundness all = new Soundness(0, 0, 0);
    for (Path file : pool.layers(Stage.READY, record, record.shape())) {
      if (file.toString().endsWith(".qcow2")) {
        CheckResult found = with(record, file, look);
        all = new Soundness(
            all.corruptions() + found.corruptions(),
            all.leaks() + found.leaks(),
            all.checkErrors() + found.checkErrors());
      }
    }
    return all;
  }

  @Override
  public void shrink(Context cx, ResourceId volume, long sizeBytes) {
    Rules.range("sizeBytes", sizeBytes, 512, Long.MAX_VALUE - 511);
    long unused = guards.one(volume, () -> {
      shrinkAlone(cx, volume, sizeBytes);
      return sizeBytes;
    });
  }

  private void shrinkAlone(Context cx, ResourceId volume, long sizeBytes) {
    VolumeRecord record = sound(cx, volume);
    long now = gate.volume(record).sizeBytes();
    if (sizeBytes % 512 != 0 || sizeBytes >= now) {
      throw N0Exception.invalid(
          "sizeBytes", sizeBytes, "must be a multiple of 512 below the " + now + " that it has");
    }
    Path disk = pool.disk(Stage.READY, volume, record.format());
    if (!record.shape().snapshots().isEmpty()
        || (record.format() == ImageFormat.QCOW2
            && !Qcow2Header.snapshotNames(disk).isEmpty())) {
      throw precondition("shrink", volume, "its snapshots need the end");
    }
    layers.checkpoints().requireNone("shrink", record);
    long unused = use.changing("shrink", volume, () -> {
      cx.step("record size", () -> write(record.withSizeBytes(sizeBytes)));
      return cx.step(
          "shrink disk",
          () -> withTop(record, image -> {
            qemuImg.shrink(image, sizeBytes, runs.copying(cx));
            return sizeBytes;
          }));
    });
    LOG.info("shrank {} from {} to {} bytes", volume, now, sizeBytes);
  }

  private void write(VolumeRecord record) {
    Path file = pool.path(Stage.READY, record.id());
    FileFailures.translate("write record in", file, () -> pool.write(Stage.READY, record));
  }

  @Override
  public void flatten(Context cx, ResourceId volume) {
    boolean flattened = guards.one(volume, () -> {
      VolumeRecord record = sound(cx, volume);
      if (record.shape().base().isEmpty()) {
        return false;
      }
      if (running.isWritten(record)) {
        running.flatten(cx, record);
      } else {
        rebase(cx, record, Optional.empty());
      }
      return true;
    });
    if (flattened) {
      LOG.info("flattened {}", volume);
    }
  }

  @Override
  public void rebase(Context cx, ResourceId volume, ImageSource.Backing image) {
    VolumeRecord record = sound(cx, volume);
    if (record.format() != ImageFormat.QCOW2) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "format",
          "rebase " + volume + ": format RAW has no backing image, must be QCOW2");
    }
    if (record.shape().base().equals(Optional.of(image))) {
      return;
    }
    SourceGate.requireNotSmaller(
        record.sizeBytes(), gate.image(image.image(), image.format()).sizeBytes());
    requireNotOn(volume, image);
    use.requireAtRest("rebase " + volume + " on", image.image());
    rebase(cx, record, Optional.of(image));
    LOG.info("rebased {} on {}", volume, image.image());
  }

  private void rebase(Context cx, VolumeRecord record, Optional<ImageSource.Backing> image) {
    Shape to = record.shape().on(image);
    layers.withoutUsers("rebase", record, () -> {});
    VolumeRecord begun = layers.begin(cx, record, Change.REBASE, to);
    Path lowest = pool.disk(Stage.READY, record.id(), record.format());
    cx.step(
        "rebase disk",
        () -> with(record, lowest, disk -> {
          if (image.isPresent()) {
            qemuImg.rebase(
                disk, ImageFile.of(image.get().image(), image.get().format()), runs.copying(cx));
          } else {
            qemuImg.flatten(disk, runs.copying(cx));
          }
          return image;
        }));
    VolumeRecord unused = layers.reached(cx, begun, to);
  }

  /** An image that lies on the volume cannot lie beneath it. */
  private void requireNotOn(ResourceId volume, ImageSource.Backing image) {
    Optional<ImageSource.Backing> at = Optional.of(image);
    while (at.isPresent()) {
      Path file = at.get().image();
      Optional<ResourceId> owner = FileFailures.translated("look at", file, () -> pool.owner(file));
      if (owner.equals(Optional.of(volume))) {
        throw N0Exception.invalid("image", image.image(), "must not lie on " + volume);
      }
      at = owner.flatMap(id -> pool.record(Stage.READY, id).backing());
    }
  }

  @Override
  public void commit(Context cx, ResourceId volume) {
    VolumeRecord record = sound(cx, volume);
    ImageSource.Backing base = record
        .shape()
        .base()
        .orElseThrow(() -> precondition("commit", volume, "it has no backing image"));
    ResourceId below = FileFailures.translated(
            "look at", base.image(), () -> pool.owner(base.image()))
        .orElseThrow(() -> precondition(
            "commit", volume, "its backing image " + base.image() + " is no volume of the pool"));
    boolean unused = guards.several(
        List.of(volume, below),
        () -> use.changing(
            "commit into",
            below,
            volume,
            () -> use.changing("commit", volume, () -> {
              commitAlone(cx, pool.existing(volume), layers.settled(cx, pool.existing(below)));
              return true;
            })));
    LOG.info("committed {} into {}", volume, below);
  }

  private void commitAlone(Context cx, VolumeRecord record, VolumeRecord lower) {
    if (!record.shape().snapshots().isEmpty() || !lower.shape().snapshots().isEmpty()) {
      throw precondition(
          "commit", record.id(), "there are external snapshots of it or of " + lower.id());
    }
    layers.changeWithin(cx, "commit disk", List.of(record, lower), () -> {
      boolean unused = withTop(record, image -> {
        qemuImg.commit(image, runs.copying(cx));
        return true;
      });
    });
  }

  @Override
  public FileSize measure(Context cx, ResourceId volume, ImageFormat format) {
    VolumeRecord record = sound(cx, volume);
    Measurement found =
        withTop(record, image -> qemuImg.measure(image, form(format), runs.copying(cx)));
    return new FileSize(found.requiredBytes(), found.fullyAllocatedBytes());
  }

  @Override
  public ExportedImage export(Context cx, ResourceId volume, Path target, ImageFormat format) {
    Rules.absolutePath("target", target);
    return guards.one(volume, () -> exportAlone(cx, volume, target, format));
  }

  private ExportedImage exportAlone(
      Context cx, ResourceId volume, Path target, ImageFormat format) {
    VolumeRecord record = sound(cx, volume);
    if (VolumePool.look(target).isPresent()) {
      throw new N0Exception(
          N0Exception.Code.ALREADY_EXISTS,
          target.toString(),
          "export " + volume + ": something is at " + target);
    }
    ExportedImage exported = running.isWritten(record)
        ? exportRunning(cx, record, target, format)
        : withTop(
            record,
            image -> cx.step("export disk", () -> {
              sweepBeside(files, target);
              return exported(cx, image, target, format, SnapshotConsistency.EXACT);
            }));
    LOG.info("exported {} to {}", volume, target);
    return exported;
  }

  private ExportedImage exportRunning(
      Context cx, VolumeRecord record, Path target, ImageFormat format) {
    ExportedImage exported;
    try {
      SnapshotConsistency how = running.copy(cx, record);
      exported = cx.step(
          "export disk", () -> exportedCopy(cx, running.copyOf(record), target, format, how));
    } catch (N0Exception e) {
      forgetCopy(cx, record, e);
      throw e;
    }
    cx.step("forget copy", () -> running.forget(cx, record));
    return exported;
  }

  /** What is left after a failure is forgotten now, or when the volume is used next. */
  private void forgetCopy(Context cx, VolumeRecord record, N0Exception why) {
    try {
      if (running.hasCopy(record)) {
        running.forget(cx, record);
      }
    } catch (N0Exception e) {
      why.addSuppressed(e);
    }
  }

  /**
   * A guest that has broken into its QEMU can write to the copy at any time, and name files of the host in it. So what is
   * read is a file that QEMU has never had, and only after it was inspected.
   */
  private ExportedImage exportedCopy(
      Context cx, Path copy, Path target, ImageFormat format, SnapshotConsistency how) {
    sweepBeside(files, target);
    try (FileDraft own = files.draft(target)) {
      CopyResult unused = SparseCopy.into(
          copy,
          own,
          (done, total) -> cx.progress(total == 0 ? 1 : (double) done / total, "copy out"));
      requireAlone(own.path(), target);
      return exported(cx, ImageFile.qcow2(own.path()), target, format, how);
    }
  }

  private static void requireAlone(Path file, Path target) {
    try {
      ImageGate.Inspected unused =
          ImageGate.limitedTo(Long.MAX_VALUE).inspect(file, ImageFormat.QCOW2);
    } catch (N0Exception e) {
      if (e.code() != N0Exception.Code.INVALID) {
        throw e;
      }
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          target.toString(),
          "export to " + Rules.quote(target.toString()) + ": the machine's copy must not be used: "
              + e.getMessage(),
          e);
    }
  }

  private ExportedImage exported(
      Context cx, ImageFile from, Path target, ImageFormat format, SnapshotConsistency how) {
    // Under its own name only when it is whole: half an image may well be one that opens.
    try (FileDraft draft = files.draft(target)) {
      qemuImg.convertInto(
          from, draft.path(), form(format), ConvertOptions.standard(), runs.copying(cx));
      ExportedImage whole = FileFailures.translated(
          "read", draft.path(), () -> digested(cx, draft.path(), target, format, how));
      draft.publish();
      return whole;
    }
  }

  /** Unlinks what makers that were killed have left; that it cannot is no reason not to make another. */
  static void sweepBeside(DurableFiles files, Path target) {
    try {
      List<Path> swept = files.sweep(target.resolveSibling(""));
      LOG.debug("unlinked {} beside {}", swept, target);
    } catch (N0Exception e) {
      LOG.debug("beside {}: {}", target, e.getMessage());
    }
  }

  private static ExportedImage digested(
      Context cx, Path file, Path target, ImageFormat format, SnapshotConsistency how)
      throws IOException {
    MessageDigest digest = sha256();
    long length = Files.size(file);
    long done = 0;
    byte[] chunk = new byte[CHUNK];
    try (InputStream in =
        new DigestInputStream(Files.newInputStream(file, LinkOption.NOFOLLOW_LINKS), digest)) {
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        done += n;
        cx.progress(Math.min(1, (double) done / Math.max(1, length)), "hash");
      }
    }
    return new ExportedImage(
        target, format, done, "sha256:" + HexFormat.of().formatHex(digest.digest()), how);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("each Java platform has SHA-256", e);
    }
  }

  private static NewImage form(ImageFormat format) {
    return format == ImageFormat.RAW ? NewImage.Raw.sparse() : NewImage.Qcow2.standard();
  }

  private static N0Exception precondition(String operation, ResourceId id, String why) {
    return new N0Exception(
        N0Exception.Code.PRECONDITION, id.toString(), operation + " " + id + ": " + why);
  }
}
