package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ExternalSnapshots;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.api.storage.SeedImages;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.api.storage.Snapshots;
import io.n0stack.n0core.api.storage.StorageDriver;
import io.n0stack.n0core.api.storage.VolumeBackups;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.storage.VolumePool.Entry;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.fetch.ImageCache;
import io.n0stack.n0core.storage.fetch.ImageFetcher;
import io.n0stack.n0core.storage.live.LiveVolume;
import io.n0stack.n0core.storage.qcow2.ImageGate;
import io.n0stack.n0core.storage.qemuimg.ForeignImage;
import io.n0stack.n0core.storage.qemuimg.QemuImg;
import io.n0stack.n0core.storage.qemuimg.Secret;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
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
 * before it was inspected natively. One driver at a time works on a directory: the first that changes
 * something locks it until it is closed or its process dies, and others are refused as BUSY.
 *
 * @since 0.1
 */
public final class Qcow2DirectoryDriver implements StorageDriver, ExternalSnapshots {
  private static final Logger LOG = LoggerFactory.getLogger(Qcow2DirectoryDriver.class);
  private static final Descriptor<VolumeSpec, VolumeStatus> DESCRIPTOR =
      new Descriptor<>(KIND, "qcow2-directory", VolumeSpec.class, VolumeStatus.class);

  private static final int MOST_TOGETHER = 64;

  private final VolumePool pool;
  private final QemuImg qemuImg;
  private final Runs runs;
  private final SourceGate gate;
  private final VolumeMaker maker;
  private final VolumeUse use;
  private final Growth growth;
  private final Layers layers;
  private final InternalSnapshots snapshots;
  private final Maintenance maintenance;
  private final Backups backups;
  private final ImageStore images;
  private final VolumeGuards guards = new VolumeGuards();
  // Held where a look at all volumes and a rename must not cross; never while qemu-img runs.
  private final ReentrantLock names = new ReentrantLock();
  private final Overlays overlays;

  /**
   * Makes a driver for a directory, which need not exist yet. Touches nothing.
   *
   * @param directory absolute path of the pool; its file system holds the volumes' data
   * @param qemuImgTimeout how long {@code qemu-img} may take for what does not copy data
   * @throws N0Exception INVALID if the path is not absolute and normal
   */
  public Qcow2DirectoryDriver(Path directory, Duration qemuImgTimeout) {
    this(directory, qemuImgTimeout, StoragePlugin.CACHE_BYTES);
  }

  /**
   * Makes a driver for a directory, which need not exist yet. Touches nothing.
   *
   * @param directory absolute path of the pool; its file system holds the volumes' data
   * @param qemuImgTimeout how long {@code qemu-img} may take for what does not copy data
   * @param cacheBytes what all images that were downloaded may take, 1 or more
   * @throws N0Exception INVALID if the path is not absolute and normal
   */
  public Qcow2DirectoryDriver(Path directory, Duration qemuImgTimeout, long cacheBytes) {
    this(directory, qemuImgTimeout, cacheBytes, ImageFetcher.standard());
  }

  /**
   * Makes a driver for a directory, which need not exist yet. Touches nothing.
   *
   * @param directory absolute path of the pool; its file system holds the volumes' data
   * @param qemuImgTimeout how long {@code qemu-img} may take for what does not copy data
   * @param cacheBytes what all images that were downloaded may take, 1 or more
   * @param fetcher what downloads them: which addresses, which proxy, whom to trust; the driver closes it
   * @throws N0Exception INVALID if the path is not absolute and normal
   */
  public Qcow2DirectoryDriver(
      Path directory, Duration qemuImgTimeout, long cacheBytes, ImageFetcher fetcher) {
    this(directory, QemuImg.installed(), qemuImgTimeout, cacheBytes, fetcher);
  }

  Qcow2DirectoryDriver(Path directory, QemuImg qemuImg, Duration qemuImgTimeout, long cacheBytes) {
    this(directory, qemuImg, qemuImgTimeout, cacheBytes, ImageFetcher.standard());
  }

  private Qcow2DirectoryDriver(
      Path directory,
      QemuImg qemuImg,
      Duration qemuImgTimeout,
      long cacheBytes,
      ImageFetcher fetcher) {
    pool = new VolumePool(Rules.absolutePath("directory", directory));
    this.qemuImg = qemuImg;
    runs = new Runs(qemuImgTimeout);
    gate = new SourceGate(pool);
    growth = new Growth(qemuImg, runs);
    maker = new VolumeMaker(pool, qemuImg, runs, growth);
    use = new VolumeUse(pool, names);
    overlays = new Overlays(pool, names);
    layers = new Layers(pool, gate, use, qemuImg, runs, guards);
    snapshots = new InternalSnapshots(pool, gate, use, layers, qemuImg, runs);
    maintenance = new Maintenance(pool, gate, layers, qemuImg, runs, guards);
    backups = new Backups(pool, gate, layers, qemuImg, runs, guards);
    images =
        new ImageStore(pool, Rules.range("cacheBytes", cacheBytes, 1, Long.MAX_VALUE), fetcher);
  }

  /**
   * Returns what else it can do: {@link Snapshots}, {@link ExternalSnapshots}, {@link
   * VolumeMaintenance}, {@link VolumeBackups}, {@link SeedImages}, and the {@link ImageCache} with what was downloaded.
   */
  @Override
  public <C> Optional<C> capability(Class<C> type) {
    if (type == Snapshots.class) {
      return Optional.of(type.cast(snapshots));
    }
    if (type == VolumeMaintenance.class) {
      return Optional.of(type.cast(maintenance));
    }
    if (type == VolumeBackups.class) {
      return Optional.of(type.cast(backups));
    }
    if (type == SeedImages.class) {
      return Optional.of(type.cast(new NoCloudSeeds()));
    }
    if (type == ImageCache.class) {
      return Optional.of(type.cast(images.cache()));
    }
    return StorageDriver.super.capability(type);
  }

  @Override
  public Descriptor<VolumeSpec, VolumeStatus> describe() {
    return DESCRIPTOR;
  }

  @Override
  public Fingerprint probe() {
    try {
      Path place = pool.requireNearest();
      pool.lock().requireNotOfAnother();
      return FileFailures.translated("look at", place, () -> {
        FileStore store = Files.getFileStore(place);
        long promised = 0;
        long allocated = 0;
        for (VolumeRecord record : readable()) {
          promised += record.sizeBytes();
          allocated += allocatedBytes(record);
        }
        return Fingerprint.healthy(
            Map.of(
                "qemu-img.version", qemuImg.version(),
                "storage.directory", pool.directory().toString()),
            Map.of(
                "storage.bytes.total",
                store.getTotalSpace(),
                "storage.bytes.free",
                store.getUsableSpace(),
                "storage.bytes.promised",
                promised,
                "storage.bytes.allocated",
                allocated));
      });
    } catch (N0Exception e) {
      return Fingerprint.unhealthy(String.valueOf(e.getMessage()));
    }
  }

  /** Leaves out volumes that are damaged: each is reported when it is observed. */
  private List<VolumeRecord> readable() {
    List<VolumeRecord> records = new ArrayList<>();
    for (Entry entry : pool.entries()) {
      if (entry.stage() == Stage.READY) {
        try {
          records.add(pool.record(Stage.READY, entry.id()));
        } catch (N0Exception e) {
          LOG.debug("{} is not counted: {}", entry.id(), e.getMessage());
        }
      }
    }
    return records;
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
    if (record.next().isPresent()) {
      return Observed.incomplete(status(record, record.sizeBytes()));
    }
    ImageGate.Inspected disk = gate.volume(record);
    VolumeStatus status = status(record, disk.sizeBytes());
    return disk.sizeBytes() >= record.sizeBytes() && !pool.isUnswept(id)
        ? Observed.complete(status)
        : Observed.incomplete(status);
  }

  private VolumeStatus status(VolumeRecord record, long sizeBytes) {
    Path top = pool.top(Stage.READY, record, record.shape());
    boolean layered = !record.shape().snapshots().isEmpty();
    return new VolumeStatus(
        top,
        layered ? ImageFormat.QCOW2 : record.format(),
        sizeBytes,
        allocatedBytes(record),
        layered
            ? Optional.of(pool.top(
                Stage.READY, record, record.shape().without(last(record.shape().snapshots()))))
            : record.backing().map(ImageSource.Backing::image),
        record.encryption(),
        overlays.obstacle(record.id(), top));
  }

  private static String last(List<String> snapshots) {
    return snapshots.get(snapshots.size() - 1);
  }

  private long allocatedBytes(VolumeRecord record) {
    long all = 0;
    for (Path file : pool.layers(Stage.READY, record, record.shape())) {
      all += DiskBlocks.allocatedBytes(file);
    }
    return all;
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
    VolumePool.requireVolume(id);
    pool.own();
    if (pool.exists(Stage.READY, id)) {
      alone(id, () -> converge(cx, id, desired));
    } else {
      create(cx, id, desired);
    }
  }

  private void create(Context cx, ResourceId id, VolumeSpec desired) {
    Optional<ImageSource.Copy> content = content(cx, id, desired);
    VolumeRecord record = plan(cx, id, desired, content);
    cx.step("make volume directory", () -> {
      names.lock();
      try {
        maker.begin(record);
        // Once more, now that the record keeps the image from being deleted.
        desired.source().ifPresent(source -> inspected(source, content));
      } finally {
        names.unlock();
      }
    });
    Path disk = cx.step("make disk", () -> maker.disk(cx, record, content));
    cx.step("publish volume", () -> {
      names.lock();
      try {
        maker.publish(record, disk);
      } finally {
        names.unlock();
      }
    });
    release(id, desired);
    LOG.info("created {} {} of {} bytes", id, record.format(), record.sizeBytes());
  }

  /** Once the volume is there, what was downloaded for it may be evicted. */
  private void release(ResourceId id, VolumeSpec desired) {
    if (desired.source().orElse(null) instanceof ImageSource.Download) {
      images.release(id);
    }
  }

  /** The file of this host that is to be copied; what is downloaded is fetched before. */
  private Optional<ImageSource.Copy> content(Context cx, ResourceId id, VolumeSpec desired) {
    ImageSource source = desired.source().orElse(null);
    if (source instanceof ImageSource.Download download) {
      desired.sizeBytes().ifPresent(size -> SourceGate.requirePossible(desired.format(), size));
      return Optional.of(cx.step("fetch image", () -> images.obtain(cx, id, download)));
    }
    return source instanceof ImageSource.Copy copy ? Optional.of(copy) : Optional.empty();
  }

  private VolumeRecord plan(
      Context cx, ResourceId id, VolumeSpec desired, Optional<ImageSource.Copy> content) {
    desired.encryption().ifPresent(key -> Keys.read(key).close());
    if (desired.source().orElse(null) instanceof ImageSource.Conversion conversion) {
      SourceGate.requireNotEncrypted(desired, conversion);
      long size = qemuImg.foreignSizeBytes(
          new ForeignImage(conversion.image(), VolumeMaker.foreign(conversion.from())),
          runs.brief(cx, "inspect"));
      return gate.plan(id, desired, Optional.of(size));
    }
    return gate.plan(
        id,
        desired,
        desired
            .source()
            .flatMap(source -> inspected(source, content))
            .map(ImageGate.Inspected::sizeBytes));
  }

  /** Shows the gate what is copied or lain on; what is converted is not for it. */
  private Optional<ImageGate.Inspected> inspected(
      ImageSource source, Optional<ImageSource.Copy> content) {
    if (source instanceof ImageSource.Backing backing) {
      return Optional.of(atRest(backing.image(), backing.format()));
    }
    if (source instanceof ImageSource.Download) {
      // Its place is the pool's, but no volume's; the cache has had it inspected alone.
      return content.map(copy -> gate.fetched(copy.image(), copy.format()));
    }
    return content.map(copy -> atRest(copy.image(), copy.format()));
  }

  /** What is going to be changed, also by whoever finishes it after a crash, is no source. */
  private ImageGate.Inspected atRest(Path image, ImageFormat format) {
    ImageGate.Inspected found = gate.image(image, format);
    use.requireAtRest("make a volume of", image);
    return found;
  }

  private void converge(Context cx, ResourceId id, VolumeSpec desired) {
    VolumeRecord found = pool.record(Stage.READY, id);
    requireSame("format", found.format(), desired.format());
    requireSame("source", found.source(), desired.source());
    requireSame(
        "preallocation", found.preallocation(), desired.preallocation().orElse(Preallocation.OFF));
    requireSame("encryption", found.encryption(), desired.encryption());
    release(id, desired); // whoever made it may have died before it did that
    VolumeRecord record = layers.settled(cx, found);
    ImageGate.Inspected disk = gate.volume(record);
    long size = desired.sizeBytes().orElse(disk.sizeBytes());
    SourceGate.requireNotSmaller(size, disk.sizeBytes());
    SourceGate.requirePossible(record.format(), size);
    FileFailures.translate("sweep", disk.path(), () -> pool.sweep(id));
    layers.sweep(cx, record);
    if (size != record.sizeBytes()) {
      cx.step(
          "record size",
          () -> FileFailures.translate(
              "write record of",
              disk.path(),
              () -> pool.write(Stage.READY, record.withSizeBytes(size))));
    }
    if (size > disk.sizeBytes()) {
      cx.step("grow disk", () -> grow(cx, record.withSizeBytes(size), disk.path()));
      LOG.info("grew {} from {} to {} bytes", id, disk.sizeBytes(), size);
    }
  }

  private static void requireSame(String field, Object has, Object wanted) {
    if (!has.equals(wanted)) {
      throw N0Exception.invalid(field, wanted, "must stay " + has + " once there is a volume");
    }
  }

  /** A disk that a machine has open is made larger by the machine. */
  private void grow(Context cx, VolumeRecord record, Path disk) throws IOException {
    try {
      growing(cx, record, disk);
    } catch (N0Exception e) {
      if (e.code() != N0Exception.Code.BUSY) {
        throw e;
      }
      try (LiveVolume live = layers.live(cx, record)) {
        live.resize(record.sizeBytes());
      } catch (N0Exception alive) {
        alive.addSuppressed(e);
        throw alive;
      }
    }
  }

  private void growing(Context cx, VolumeRecord record, Path disk) throws IOException {
    OptionalLong below = below(record);
    if (record.encryption().isEmpty()) {
      growth.grow(cx, record, disk, below, Optional.empty());
      return;
    }
    try (Secret secret = Keys.read(record.encryption().get())) {
      growth.grow(cx, record, disk, below, Optional.of(secret));
    }
  }

  private OptionalLong below(VolumeRecord record) {
    List<Path> files = pool.layers(Stage.READY, record, record.shape());
    if (files.size() > 1) {
      ImageFormat format = files.size() == 2 ? record.format() : ImageFormat.QCOW2;
      return OptionalLong.of(gate.image(files.get(files.size() - 2), format).sizeBytes());
    }
    return record.backing().isPresent()
        ? OptionalLong.of(
            gate.image(record.backing().get().image(), record.backing().get().format())
                .sizeBytes())
        : OptionalLong.empty();
  }

  @Override
  public Change change(String component, VolumeSpec from, VolumeSpec to) {
    boolean grows = component.equals("sizeBytes")
        && to.sizeBytes().orElse(Long.MAX_VALUE) >= from.sizeBytes().orElse(0L);
    return grows ? Change.LIVE : Change.REJECTED;
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    VolumePool.requireVolume(id);
    pool.own();
    Path path = pool.path(Stage.READY, id);
    if (pool.exists(Stage.MAKING, id) || pool.exists(Stage.DELETING, id)) {
      cx.step(
          "unlink half-made volume",
          () -> FileFailures.translate("unlink", path, () -> maker.discard(id)));
    }
    if (pool.exists(Stage.READY, id)) {
      cx.step(
          "set volume aside", () -> FileFailures.translate("set aside", path, () -> setAside(id)));
      cx.step("unlink volume", () -> FileFailures.translate("unlink", path, () -> pool.purge(id)));
      LOG.info("deleted {}", id);
    }
    // Also of a volume that never came about: what was fetched for it is pinned before anything
    // else.
    images.release(id);
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
  public List<String> externalSnapshots(ResourceId volume) {
    return pool.existing(volume).shape().snapshots();
  }

  @Override
  public SnapshotConsistency consistency(ResourceId volume, String snapshot) {
    Rules.label("snapshot", snapshot);
    VolumeRecord record = pool.existing(volume);
    if (!record.shape().snapshots().contains(snapshot)) {
      throw Layers.none("tell the consistency of", volume, snapshot);
    }
    return record.consistency().getOrDefault(snapshot, SnapshotConsistency.CRASH);
  }

  @Override
  public void createExternalSnapshot(Context cx, ResourceId volume, String snapshot) {
    Rules.label("snapshot", snapshot);
    alone(volume, () -> layers.create(cx, sound(cx, volume), snapshot));
  }

  @Override
  public void createExternalSnapshots(Context cx, Set<ResourceId> volumes, String snapshot) {
    Rules.label("snapshot", snapshot);
    Rules.range("volumes.size", volumes.size(), 1, MOST_TOGETHER);
    List<ResourceId> ids = List.copyOf(volumes);
    ids.forEach(VolumePool::requireVolume);
    boolean unused = guards.several(ids, () -> {
      List<VolumeRecord> records = ids.stream().map(id -> sound(cx, id)).toList();
      new JointLayers(pool, layers).create(cx, records, snapshot);
      return true;
    });
  }

  @Override
  public void revertToExternalSnapshot(Context cx, ResourceId volume, String snapshot) {
    Rules.label("snapshot", snapshot);
    alone(volume, () -> layers.revert(cx, sound(cx, volume), snapshot));
  }

  @Override
  public void deleteExternalSnapshot(Context cx, ResourceId volume, String snapshot) {
    Rules.label("snapshot", snapshot);
    alone(volume, () -> layers.delete(cx, sound(cx, volume), snapshot));
  }

  private void alone(ResourceId volume, Runnable work) {
    boolean unused = guards.one(volume, () -> {
      work.run();
      return true;
    });
  }

  private VolumeRecord sound(Context cx, ResourceId volume) {
    VolumeRecord record = layers.settled(cx, pool.existing(volume));
    ImageGate.Inspected unused = gate.volume(record);
    return record;
  }

  @Override
  public void close() {
    images.close();
    pool.lock().close();
  }
}
