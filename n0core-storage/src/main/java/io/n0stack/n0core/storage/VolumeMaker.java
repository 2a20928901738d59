package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.qemuimg.ConvertOptions;
import io.n0stack.n0core.storage.qemuimg.ImageFile;
import io.n0stack.n0core.storage.qemuimg.NewImage;
import io.n0stack.n0core.storage.qemuimg.Preallocation;
import io.n0stack.n0core.storage.qemuimg.QemuImg;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** Makes a volume in a directory of its own, which gets its final name when all is durable. */
final class VolumeMaker {
  private final VolumePool pool;
  private final QemuImg qemuImg;
  private final Runs runs;

  VolumeMaker(VolumePool pool, QemuImg qemuImg, Runs runs) {
    this.pool = pool;
    this.qemuImg = qemuImg;
    this.runs = runs;
  }

  /** Makes the stamped directory with the record in it; what an earlier try left is unlinked. */
  void begin(VolumeRecord record) {
    ResourceId id = record.id();
    FileFailures.translate("make volume directory", pool.path(Stage.MAKING, id), () -> {
      pool.create();
      discard(id);
      pool.makeDirectory(id);
      pool.write(Stage.MAKING, record);
    });
  }

  /** Unlinks what is half made or half deleted. */
  void discard(ResourceId id) throws IOException {
    pool.purge(id);
    if (pool.exists(Stage.MAKING, id)) {
      pool.move(Stage.MAKING, Stage.DELETING, id);
      pool.purge(id);
    }
  }

  /**
   * Makes the disk under a name never used before: a {@code qemu-img} that outlived a killed agent
   * opens its file by name again, and must not find this one.
   */
  Path disk(Context cx, VolumeRecord record) {
    Path disk = pool.path(Stage.MAKING, record.id())
        .resolve(VolumePool.TEMPORARY + "disk-" + UUID.randomUUID());
    FileFailures.translate("make disk", disk, () -> {
      fill(cx, record, disk);
      Files.setPosixFilePermissions(disk, PosixFilePermissions.fromString("rw-------"));
      try (FileChannel file = FileChannel.open(disk, StandardOpenOption.WRITE)) {
        file.force(true);
      }
    });
    return disk;
  }

  private void fill(Context cx, VolumeRecord record, Path disk) throws IOException {
    Optional<ImageSource> source = record.source();
    if (source.isEmpty()) {
      empty(cx, record, disk);
    } else if (source.get() instanceof ImageSource.Backing backing) {
      qemuImg.createOverlay(
          disk,
          NewImage.Qcow2.standard(),
          ImageFile.of(backing.image(), backing.format()),
          record.sizeBytes(),
          runs.brief(cx, "create"));
    } else if (source.get() instanceof ImageSource.Copy copy) {
      qemuImg.convert(
          ImageFile.of(copy.image(), copy.format()),
          disk,
          record.format() == ImageFormat.RAW ? NewImage.Raw.sparse() : NewImage.Qcow2.standard(),
          ConvertOptions.standard(),
          runs.copying(cx));
      qemuImg.grow(
          ImageFile.of(disk, record.format()),
          record.sizeBytes(),
          Preallocation.OFF,
          runs.brief(cx, "resize"));
    }
  }

  private void empty(Context cx, VolumeRecord record, Path disk) throws IOException {
    if (record.format() == ImageFormat.QCOW2) {
      qemuImg.create(disk, NewImage.Qcow2.standard(), record.sizeBytes(), runs.brief(cx, "create"));
      return;
    }
    FileChannel.open(
            disk,
            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
            VolumePool.PRIVATE_FILE)
        .close();
    try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
      file.setLength(record.sizeBytes());
    }
  }

  /** Gives disk and directory their final names. */
  void publish(VolumeRecord record, Path disk) {
    ResourceId id = record.id();
    FileFailures.translate("publish volume", pool.path(Stage.READY, id), () -> {
      Files.move(
          disk, pool.disk(Stage.MAKING, id, record.format()), StandardCopyOption.ATOMIC_MOVE);
      VolumePool.sync(pool.path(Stage.MAKING, id));
      pool.move(Stage.MAKING, Stage.READY, id);
      pool.sweep(id);
    });
  }
}
