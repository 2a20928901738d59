package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Snapshots;
import io.n0stack.n0core.api.storage.StorageDriver;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.storage.VolumePool.Entry;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.qcow2.ImageGate;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import io.n0stack.n0core.storage.qemuimg.ImageFile;
import io.n0stack.n0core.storage.qemuimg.Preallocation;
import io.n0stack.n0core.storage.qemuimg.QemuImg;
import io.n0stack.n0core.storage.qemuimg.Settings;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps volumes as qcow2 and raw files in one directory of the host.
 *
 * <p>Each volume has a directory {@code NAME.UID}, mode 0700, with the disk and a record of what it
 * is to be. No image, and no volume whose disk does not match its record, reaches {@code qemu-img}
 * before it was inspected natively. One driver at a time works on a directory.
 *
 * @since 0.1
 */
public final class Qcow2DirectoryDriver implements StorageDriver, Snapshots {
  private static final Logger LOG = LoggerFactory.getLogger(Qcow2DirectoryDriver.class);
  private static final Descriptor<VolumeSpec, VolumeStatus> DESCRIPTOR =
      new Descriptor<>(KIND, "qcow2-directory", VolumeSpec.class, VolumeStatus.class);

  private final VolumePool pool;
  private final QemuImg qemuImg;
  private final Runs runs;
  private final SourceGate gate;
  private final VolumeMaker maker;
  private final VolumeUse use;
  // Held where a look at all volumes and a rename must not cross; never while qemu-img runs.
  private final ReentrantLock names = new ReentrantLock();

  /**
   * Makes a driver for a directory, which need not exist yet. Touches nothing.
   *
   * @param directory absolute path of the pool; its file system holds the volumes' data
   * @param qemuImgTimeout how long {@code qemu-img} may take for what does not copy data
   * @throws N0Exception INVALID if the path is not absolute and normal
   */
  public Qcow2DirectoryDriver(Path directory, Duration qemuImgTimeout) {
    // An image may belong to another user.
    this(
        directory,
        new QemuImg(Settings.standard().withAccess(Settings.Access.ANY_FILES)),
        qemuImgTimeout);
  }

  Qcow2DirectoryDriver(Path directory, QemuImg qemuImg, Duration qemuImgTimeout) {
    pool = new VolumePool(Rules.absolutePath("directory", directory));
    this.qemuImg = qemuImg;
    gate = new SourceGate(pool);
    runs = new Runs(qemuImgTimeout);
    maker = new VolumeMaker(pool, qemuImg, runs);
    use = new VolumeUse(pool);
  }

  @Override
  public Descriptor<VolumeSpec, VolumeStatus> describe() {
    return DESCRIPTOR;
  }

  @Override
  public Fingerprint probe() {
    try {
      Path place = pool.requireNearest();
      return FileFailures.translated("look at", place, () -> {
        FileStore store = Files.getFileStore(place);
        return Fingerprint.healthy(
            Map.of(
                "qemu-img.version", qemuImg.version(),
                "storage.directory", pool.directory().toString()),
            Map.of(
                "storage.bytes.total", store.getTotalSpace(),
                "storage.bytes.free", store.getUsableSpace()));
      });
    } catch (N0Exception e) {
      return Fingerprint.unhealthy(String.valueOf(e.getMessage()));
    }
  }

  @Override
  public Set<ResourceId> list() {
    names.lock();
    try {
      return pool.entries().stream().map(Entry::id).collect(Collectors.toUnmodifiableSet());
    } finally {
      names.unlock();
    }
  }

  @Override
  public Observed<VolumeStatus> observe(ResourceId id) {
    if (!id.kind().equals(KIND)) {
      return Observed.absent();
    }
    try {
      // In the order in which a volume goes through them, so that a rename between two looks
      // cannot hide it.
      boolean making = pool.exists(Stage.MAKING, id);
      if (pool.exists(Stage.READY, id)) {
        return look(id);
      }
      boolean deleting = pool.exists(Stage.DELETING, id);
      return making || deleting
          ? Observed.incomplete(halfMade(making ? Stage.MAKING : Stage.DELETING, id))
          : Observed.absent();
    } catch (N0Exception e) {
      return Observed.unknown(String.valueOf(e.getMessage()));
    }
  }

  private Observed<VolumeStatus> look(ResourceId id) {
    VolumeRecord record = pool.record(Stage.READY, id);
    ImageGate.Inspected disk = gate.volume(record);
    VolumeStatus status = new VolumeStatus(
        disk.path(),
        record.format(),
        disk.sizeBytes(),
        FileFailures.translated(
            "look at", disk.path(), () -> DiskBlocks.allocatedBytes(disk.path())),
        record.backing().map(ImageSource.Backing::image));
    return disk.sizeBytes() >= record.sizeBytes()
        ? Observed.complete(status)
        : Observed.incomplete(status);
  }

  private VolumeStatus halfMade(Stage stage, ResourceId id) {
    ImageFormat format = ImageFormat.QCOW2;
    Optional<Path> backing = Optional.empty();
    try {
      VolumeRecord record = pool.record(stage, id);
      format = record.format();
      backing = record.backing().map(ImageSource.Backing::image);
    } catch (N0Exception e) {
      LOG.debug("{} has no record yet, or no longer: {}", id, e.getMessage());
    }
    return new VolumeStatus(pool.disk(Stage.READY, id, format), format, 0, 0, backing);
  }

  @Override
  public void apply(Context cx, ResourceId id, VolumeSpec desired) {
    requireVolume(id);
    if (pool.exists(Stage.READY, id)) {
      converge(cx, id, desired);
    } else {
      create(cx, id, desired);
    }
  }

  private void create(Context cx, ResourceId id, VolumeSpec desired) {
    VolumeRecord record = gate.plan(id, desired);
    cx.step("make volume directory", () -> {
      names.lock();
      try {
        maker.begin(record);
        // Once more, now that the record keeps the image from being deleted.
        gate.plan(id, desired);
      } finally {
        names.unlock();
      }
    });
    Path disk = cx.step("make disk", () -> maker.disk(cx, record));
    cx.step("publish volume", () -> {
      names.lock();
      try {
        maker.publish(record, disk);
      } finally {
        names.unlock();
      }
    });
    LOG.info("created {} {} of {} bytes", id, record.format(), record.sizeBytes());
  }

  private void converge(Context cx, ResourceId id, VolumeSpec desired) {
    VolumeRecord record = pool.record(Stage.READY, id);
    if (record.format() != desired.format()) {
      throw N0Exception.invalid("format", desired.format(), "must stay " + record.format());
    }
    if (!record.source().equals(desired.source())) {
      throw N0Exception.invalid(
          "source", desired.source(), "must stay " + record.source() + " once there is a volume");
    }
    ImageGate.Inspected disk = gate.volume(record);
    long size = desired.sizeBytes().orElse(disk.sizeBytes());
    SourceGate.requireNotSmaller(size, disk.sizeBytes());
    SourceGate.requirePossible(record.format(), size);
    FileFailures.translate("sweep", disk.path(), () -> pool.sweep(id));
    if (size != record.sizeBytes()) {
      cx.step(
          "record size",
          () -> FileFailures.translate(
              "write record of",
              disk.path(),
              () -> pool.write(Stage.READY, record.withSizeBytes(size))));
    }
    if (size > disk.sizeBytes()) {
      cx.step(
          "grow disk",
          () -> qemuImg.grow(
              ImageFile.of(disk.path(), record.format()),
              size,
              Preallocation.OFF,
              runs.brief(cx, "resize")));
      LOG.info("grew {} from {} to {} bytes", id, disk.sizeBytes(), size);
    }
  }

  @Override
  public Change change(String component, VolumeSpec from, VolumeSpec to) {
    boolean grows = component.equals("sizeBytes")
        && to.sizeBytes().orElse(Long.MAX_VALUE) >= from.sizeBytes().orElse(0L);
    return grows ? Change.LIVE : Change.REJECTED;
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    requireVolume(id);
    Path path = pool.path(Stage.READY, id);
    if (pool.exists(Stage.MAKING, id) || pool.exists(Stage.DELETING, id)) {
      cx.step(
          "unlink half-made volume",
          () -> FileFailures.translate("unlink", path, () -> maker.discard(id)));
    }
    if (!pool.exists(Stage.READY, id)) {
      return;
    }
    cx.step(
        "set volume aside", () -> FileFailures.translate("set aside", path, () -> setAside(id)));
    cx.step("unlink volume", () -> FileFailures.translate("unlink", path, () -> pool.purge(id)));
    LOG.info("deleted {}", id);
  }

  private void setAside(ResourceId id) throws IOException {
    names.lock();
    try {
      use.requireNoOverlay("delete", id);
      use.withoutUsers("delete", id, () -> pool.move(Stage.READY, Stage.DELETING, id));
    } finally {
      names.unlock();
    }
  }

  @Override
  public List<String> snapshots(ResourceId volume) {
    VolumeRecord record = existing(volume);
    return record.format() == ImageFormat.RAW
        ? List.of()
        : Qcow2Header.snapshotNames(gate.volume(record).path());
  }

  @Override
  public void createSnapshot(Context cx, ResourceId volume, String snapshot) {
    Path disk = snapshotDisk(volume, snapshot);
    if (!Qcow2Header.snapshotNames(disk).contains(snapshot)) {
      cx.step(
          "create snapshot",
          () ->
              qemuImg.createSnapshot(ImageFile.qcow2(disk), snapshot, runs.brief(cx, "snapshot")));
      LOG.info("created snapshot {} of {}", snapshot, volume);
    }
  }

  @Override
  public void revertToSnapshot(Context cx, ResourceId volume, String snapshot) {
    Path disk = snapshotDisk(volume, snapshot);
    if (!Qcow2Header.snapshotNames(disk).contains(snapshot)) {
      throw new N0Exception(
          N0Exception.Code.NOT_FOUND,
          volume.toString(),
          "revert " + volume + ": there is no snapshot " + Rules.quote(snapshot));
    }
    use.requireNoOverlay("revert", volume);
    cx.step(
        "revert to snapshot",
        () -> qemuImg.applySnapshot(ImageFile.qcow2(disk), snapshot, runs.brief(cx, "snapshot")));
    LOG.info("reverted {} to snapshot {}", volume, snapshot);
  }

  @Override
  public void deleteSnapshot(Context cx, ResourceId volume, String snapshot) {
    Path disk = snapshotDisk(volume, snapshot);
    if (Qcow2Header.snapshotNames(disk).contains(snapshot)) {
      cx.step(
          "delete snapshot",
          () ->
              qemuImg.deleteSnapshot(ImageFile.qcow2(disk), snapshot, runs.brief(cx, "snapshot")));
      LOG.info("deleted snapshot {} of {}", snapshot, volume);
    }
  }

  private Path snapshotDisk(ResourceId volume, String snapshot) {
    Rules.label("snapshot", snapshot);
    if (snapshot.chars().allMatch(Character::isDigit)) {
      // qemu-img looks a name up among the snapshots' numbers first.
      throw N0Exception.invalid("snapshot", snapshot, "must not be a number");
    }
    VolumeRecord record = existing(volume);
    if (record.format() == ImageFormat.RAW) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "format",
          "snapshot of " + volume + ": format RAW has none, must be QCOW2");
    }
    return gate.volume(record).path();
  }

  private VolumeRecord existing(ResourceId volume) {
    requireVolume(volume);
    if (!pool.exists(Stage.READY, volume)) {
      throw new N0Exception(
          N0Exception.Code.NOT_FOUND, volume.toString(), "find " + volume + ": there is none");
    }
    return pool.record(Stage.READY, volume);
  }

  private static void requireVolume(ResourceId id) {
    if (!id.kind().equals(KIND)) {
      throw N0Exception.invalid("kind", id.kind(), "must be " + KIND);
    }
  }
}
