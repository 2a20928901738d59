package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ForeignFormat;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.file.ImageLock;
import io.n0stack.n0core.storage.file.QemuLocks;
import io.n0stack.n0core.storage.file.SparseCopy;
import io.n0stack.n0core.storage.qcow2.Qcow2Creator;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import io.n0stack.n0core.storage.qcow2.Qcow2Options;
import io.n0stack.n0core.storage.qemuimg.ConvertOptions;
import io.n0stack.n0core.storage.qemuimg.ForeignImage;
import io.n0stack.n0core.storage.qemuimg.ImageFile;
import io.n0stack.n0core.storage.qemuimg.NewImage;
import io.n0stack.n0core.storage.qemuimg.QemuImg;
import io.n0stack.n0core.storage.qemuimg.Secret;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;

/** Makes a volume in a directory of its own, which gets its final name when all is durable. */
final class VolumeMaker {
  private final VolumePool pool;
  private final QemuImg qemuImg;
  private final Runs runs;
  private final Growth growth;

  VolumeMaker(VolumePool pool, QemuImg qemuImg, Runs runs, Growth growth) {
    this.pool = pool;
    this.qemuImg = qemuImg;
    this.runs = runs;
    this.growth = growth;
  }

  /** Makes the stamped directory with the record in it; what an earlier try left is unlinked. */
  void begin(VolumeRecord record) {
    ResourceId id = record.id();
    FileFailures.translate("make volume directory", pool.path(Stage.MAKING, id), () -> {
      pool.create();
      pool.own();
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
   *
   * @param content the file of this host that the source comes down to, if there is one
   */
  Path disk(Context cx, VolumeRecord record, Optional<ImageSource.Copy> content) {
    Path disk = pool.path(Stage.MAKING, record.id())
        .resolve(VolumePool.TEMPORARY + "disk-" + UUID.randomUUID());
    FileFailures.translate("make disk", disk, () -> {
      if (record.backing().isPresent()) {
        fillOn(record.backing().get().image(), cx, record, disk);
      } else {
        fill(cx, record, content, disk);
      }
      Files.setPosixFilePermissions(disk, PosixFilePermissions.fromString("rw-------"));
      try (FileChannel file = FileChannel.open(disk, StandardOpenOption.WRITE)) {
        file.force(true);
      }
    });
    return disk;
  }

  /** What lies on an image that somebody goes on to write would change with it, and not as a whole. */
  @SuppressWarnings("try") // a lock works by being held
  private void fillOn(Path base, Context cx, VolumeRecord record, Path disk) throws IOException {
    try (ImageLock unchanged = QemuLocks.shared(base)) {
      fill(cx, record, Optional.empty(), disk);
    }
  }

  private void fill(Context cx, VolumeRecord record, Optional<ImageSource.Copy> content, Path disk)
      throws IOException {
    if (record.encryption().isPresent()) {
      try (Secret secret = Keys.read(record.encryption().get())) {
        fillByProgram(cx, record, content, disk, Optional.of(secret));
      }
    } else if (content.isPresent() && copiesWhole(record, content.get())) {
      copyWhole(cx, content.get(), disk);
      growth.grow(cx, record, disk, OptionalLong.empty(), Optional.empty());
    } else if (content.isEmpty()
        && !(record.source().orElse(null) instanceof ImageSource.Conversion)
        && record.preallocation() == Preallocation.OFF) {
      fillNatively(record, disk);
    } else {
      fillByProgram(cx, record, content, disk, Optional.empty());
    }
  }

  /** Empty, or on a backing image. */
  private static void fillNatively(VolumeRecord record, Path disk) throws IOException {
    try (FileChannel file = FileChannel.open(
        disk,
        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.READ),
        VolumePool.PRIVATE_FILE)) {
      if (record.format() == ImageFormat.QCOW2) {
        Qcow2Creator.write(file, options(record.sizeBytes(), record.backing()));
        return;
      }
    }
    Growth.extend(disk, record.sizeBytes());
  }

  static Qcow2Options options(long sizeBytes, Optional<ImageSource.Backing> on) {
    Qcow2Options.Builder options = Qcow2Options.builder(sizeBytes);
    on.ifPresent(image -> options.backing(image.image(), image.format()));
    return options.build();
  }

  /** What a program would only copy block by block. Snapshots and bitmaps are not part of a volume. */
  private static boolean copiesWhole(VolumeRecord record, ImageSource.Copy content) {
    if (record.format() != content.format() || record.preallocation() != Preallocation.OFF) {
      return false;
    }
    if (content.format() == ImageFormat.RAW) {
      return true;
    }
    Qcow2Header header = Qcow2Header.read(content.image());
    return header.version() > 2
        && header.backingFile().isEmpty()
        && header.snapshots().count() == 0
        && header.features().autoclear() == 0
        && !header.features().dirty();
  }

  @SuppressWarnings("try") // a lock works by being held
  private void copyWhole(Context cx, ImageSource.Copy content, Path disk) {
    try (ImageLock unchanged = QemuLocks.shared(content.image())) {
      SparseCopy.create(
          content.image(),
          disk,
          (done, total) ->
              cx.progress(total == 0 ? 1 : Math.min(1, (double) done / total), "copy"));
    }
  }

  private void fillByProgram(
      Context cx,
      VolumeRecord record,
      Optional<ImageSource.Copy> content,
      Path disk,
      Optional<Secret> secret)
      throws IOException {
    NewImage form = form(record, secret);
    if (record.source().orElse(null) instanceof ImageSource.Conversion conversion) {
      ForeignImage foreign = new ForeignImage(conversion.image(), foreign(conversion.from()));
      qemuImg.convertForeign(foreign, disk, form, ConvertOptions.standard(), runs.copying(cx));
    } else if (content.isPresent()) {
      ImageFile from = ImageFile.of(content.get().image(), content.get().format());
      qemuImg.convert(from, disk, form, ConvertOptions.standard(), runs.copying(cx));
    } else if (record.backing().isPresent()) {
      ImageFile base =
          ImageFile.of(record.backing().get().image(), record.backing().get().format());
      qemuImg.createOverlay(
          disk, (NewImage.Qcow2) form, base, record.sizeBytes(), runs.brief(cx, "create"));
      return;
    } else {
      qemuImg.create(disk, form, record.sizeBytes(), runs.copying(cx));
      return;
    }
    growth.grow(cx, record, disk, OptionalLong.empty(), secret);
  }

  private static NewImage form(VolumeRecord record, Optional<Secret> secret) {
    if (record.format() == ImageFormat.RAW) {
      return new NewImage.Raw(record.preallocation());
    }
    NewImage.Qcow2 form = NewImage.Qcow2.standard().withPreallocation(record.preallocation());
    return secret.isPresent()
        ? form.withEncryption(io.n0stack.n0core.storage.qemuimg.Encryption.luks(secret.get()))
        : form;
  }

  static ForeignImage.Format foreign(ForeignFormat format) {
    return ForeignImage.Format.valueOf(format.name());
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
