package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.Snapshots;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import io.n0stack.n0core.storage.qemuimg.ImageFile;
import io.n0stack.n0core.storage.qemuimg.QemuImg;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Snapshots within the qcow2 files of volumes that no machine is using. */
final class InternalSnapshots implements Snapshots {
  private static final Logger LOG = LoggerFactory.getLogger(InternalSnapshots.class);

  private final VolumePool pool;
  private final SourceGate gate;
  private final VolumeUse use;
  private final Layers layers;
  private final QemuImg qemuImg;
  private final Runs runs;

  InternalSnapshots(
      VolumePool pool, SourceGate gate, VolumeUse use, Layers layers, QemuImg qemuImg, Runs runs) {
    this.pool = pool;
    this.gate = gate;
    this.use = use;
    this.layers = layers;
    this.qemuImg = qemuImg;
    this.runs = runs;
  }

  @Override
  public List<String> snapshots(ResourceId volume) {
    VolumeRecord record = pool.existing(volume);
    return record.format() == ImageFormat.RAW
        ? List.of()
        : Qcow2Header.snapshotNames(pool.disk(Stage.READY, volume, record.format()));
  }

  @Override
  public void createSnapshot(Context cx, ResourceId volume, String snapshot) {
    VolumeRecord record = ready(cx, volume, snapshot);
    if (!has(record, snapshot)) {
      change(
          cx,
          record,
          "create snapshot",
          disk -> qemuImg.createSnapshot(disk, snapshot, runs.brief(cx, "snapshot")));
      LOG.info("created snapshot {} of {}", snapshot, volume);
    }
  }

  @Override
  public void revertToSnapshot(Context cx, ResourceId volume, String snapshot) {
    VolumeRecord record = ready(cx, volume, snapshot);
    if (!has(record, snapshot)) {
      throw Layers.none("revert", volume, snapshot);
    }
    layers.checkpoints().requireNone("revert", record);
    boolean unused = use.changing("revert", volume, () -> {
      change(
          cx,
          record,
          "revert to snapshot",
          disk -> qemuImg.applySnapshot(disk, snapshot, runs.brief(cx, "snapshot")));
      return true;
    });
    LOG.info("reverted {} to snapshot {}", volume, snapshot);
  }

  @Override
  public void deleteSnapshot(Context cx, ResourceId volume, String snapshot) {
    VolumeRecord record = ready(cx, volume, snapshot);
    if (has(record, snapshot)) {
      change(
          cx,
          record,
          "delete snapshot",
          disk -> qemuImg.deleteSnapshot(disk, snapshot, runs.brief(cx, "snapshot")));
      LOG.info("deleted snapshot {} of {}", snapshot, volume);
    }
  }

  private boolean has(VolumeRecord record, String snapshot) {
    return Qcow2Header.snapshotNames(disk(record)).contains(snapshot);
  }

  private Path disk(VolumeRecord record) {
    return pool.disk(Stage.READY, record.id(), record.format());
  }

  private void change(Context cx, VolumeRecord record, String step, Consumer<ImageFile> work) {
    layers.changeWithin(cx, step, List.of(record), () -> {
      boolean unused = Keys.with(record, ImageFile.qcow2(disk(record)), disk -> {
        work.accept(disk);
        return true;
      });
    });
  }

  private VolumeRecord ready(Context cx, ResourceId volume, String snapshot) {
    Rules.label("snapshot", snapshot);
    if (snapshot.chars().allMatch(Character::isDigit)) {
      // qemu-img looks a name up among the snapshots' numbers first.
      throw N0Exception.invalid("snapshot", snapshot, "must not be a number");
    }
    VolumeRecord found = pool.existing(volume);
    if (found.format() == ImageFormat.RAW) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "format",
          "snapshot of " + volume + ": format RAW has none, must be QCOW2");
    }
    VolumeRecord record = layers.settled(cx, found);
    gate.volume(record);
    if (!record.shape().snapshots().isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          volume.toString(),
          "snapshot of " + volume + ": it has external ones, " + record.shape().snapshots());
    }
    return record;
  }
}
