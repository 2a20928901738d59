package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.storage.VolumeBackups.Checkpoint;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.live.LiveBitmaps;
import io.n0stack.n0core.storage.live.LiveNode;
import io.n0stack.n0core.storage.live.LiveVolume;
import io.n0stack.n0core.storage.qcow2.Qcow2Bitmap;
import io.n0stack.n0core.storage.qemuimg.BitmapChange;
import io.n0stack.n0core.storage.qemuimg.ImageFile;
import io.n0stack.n0core.storage.qemuimg.QemuImg;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The checkpoints of volumes: bitmaps of the layer that is written to. While a machine has it open, its QEMU alone knows
 * them; otherwise they are in the file.
 */
final class Checkpoints {
  private static final long GRANULARITY = 64 << 10; // QEMU's own, for clusters of that size

  private final VolumePool pool;
  private final Layers layers;
  private final QemuImg qemuImg;
  private final Runs runs;

  Checkpoints(VolumePool pool, Layers layers, QemuImg qemuImg, Runs runs) {
    this.pool = pool;
    this.layers = layers;
    this.qemuImg = qemuImg;
    this.runs = runs;
  }

  private Path top(VolumeRecord record) {
    return pool.top(Stage.READY, record, record.shape());
  }

  /** Lists those of the layer that is written to. */
  List<Checkpoint> all(Context cx, VolumeRecord record) {
    if (!layers.running().isWritten(record)) {
      return stored(top(record));
    }
    try (LiveVolume live = layers.live(cx, record)) {
      return of(live.layers().get(0));
    }
  }

  private static List<Checkpoint> of(LiveNode node) {
    return node.bitmaps().stream()
        .filter(bitmap -> Rules.isLabel(bitmap.name()))
        .map(bitmap -> new Checkpoint(bitmap.name(), !bitmap.inconsistent(), bitmap.recording()))
        .toList();
  }

  /** Reads them from a file that nobody writes to. What is marked as in use was not stored. */
  private static List<Checkpoint> stored(Path file) {
    return isQcow2(file)
        ? Qcow2Bitmap.list(file).stream()
            .flatMap(bitmap -> LiveBitmaps.ofNameInImage(bitmap.name()).stream()
                .filter(Rules::isLabel)
                .map(name -> new Checkpoint(
                    name,
                    !bitmap.flags().contains(Qcow2Bitmap.Flag.IN_USE),
                    bitmap.flags().contains(Qcow2Bitmap.Flag.AUTO))))
            .toList()
        : List.of();
  }

  private static boolean isQcow2(Path file) {
    return file.toString().endsWith(".qcow2");
  }

  /** Tells whether the layer that is written to can have any. */
  boolean canBe(VolumeRecord record) {
    return isQcow2(top(record));
  }

  /** Lists those of the layers below, which mark no writes and come back when the layers are joined. */
  private List<Checkpoint> below(VolumeRecord record) {
    List<Path> files = pool.layers(Stage.READY, record, record.shape());
    return files.subList(0, files.size() - 1).stream()
        .flatMap(file -> stored(file).stream())
        .toList();
  }

  private static Optional<Checkpoint> find(List<Checkpoint> all, String name) {
    return all.stream().filter(one -> one.name().equals(name)).findFirst();
  }

  /** Refuses one since which an increment would not be complete. */
  void requireSound(Context cx, VolumeRecord record, String name) {
    Optional<Checkpoint> found = find(all(cx, record), name);
    if (found.isEmpty()) {
      throw refused(
          N0Exception.Code.NOT_FOUND,
          record,
          find(below(record), name).isPresent()
              ? "checkpoint " + Rules.quote(name) + " is in a layer below, which marks no writes;"
                  + " delete the external snapshots, or take a full backup"
              : "there is no checkpoint " + Rules.quote(name) + "; take a full backup");
    }
    if (!found.get().consistent()) {
      throw refused(
          N0Exception.Code.PRECONDITION,
          record,
          "checkpoint " + Rules.quote(name)
              + " is spoilt, since QEMU died with the disk open; remove it and take a full backup");
    }
    if (!found.get().recording()) {
      throw refused(
          N0Exception.Code.PRECONDITION,
          record,
          "checkpoint " + Rules.quote(name)
              + " was stopped and marks no writes; remove it and take a full backup");
    }
  }

  /** Refuses a name that is taken, also in a layer below: once they are joined, it would be another's. */
  void requireFree(Context cx, VolumeRecord record, String name) {
    if (find(all(cx, record), name).isPresent() || find(below(record), name).isPresent()) {
      throw refused(
          N0Exception.Code.ALREADY_EXISTS,
          record,
          "there is a checkpoint " + Rules.quote(name)
              + " already; remove it, or take another name");
    }
  }

  /** Refuses what changes the disk without marking it, while there is a checkpoint. */
  void requireNone(String operation, VolumeRecord record) {
    List<String> names = stored(top(record)).stream().map(Checkpoint::name).toList();
    if (!names.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          record.id().toString(),
          operation + " " + record.id()
              + ": increments since its checkpoints would be wrong; remove " + names);
    }
  }

  private static N0Exception refused(N0Exception.Code code, VolumeRecord record, String why) {
    return new N0Exception(code, record.id().toString(), "back up " + record.id() + ": " + why);
  }

  /** Makes one of a volume that nobody has open. */
  void add(Context cx, VolumeRecord record, String name) {
    qemuImg.addBitmap(
        ImageFile.qcow2(top(record)),
        LiveBitmaps.nameInImage(name),
        GRANULARITY,
        runs.brief(cx, "checkpoint"));
  }

  /** Removes one of the layer that is written to; one that is not there is removed. */
  void remove(Context cx, VolumeRecord record, String name) {
    if (layers.running().isWritten(record)) {
      try (LiveVolume live = layers.live(cx, record)) {
        live.bitmaps().remove(name);
      }
    } else if (find(stored(top(record)), name).isPresent()) {
      qemuImg.changeBitmap(
          ImageFile.qcow2(top(record)),
          LiveBitmaps.nameInImage(name),
          BitmapChange.REMOVE,
          runs.brief(cx, "checkpoint"));
    }
  }
}
