package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.storage.file.FileProgress;
import io.n0stack.n0core.storage.file.ImageLock;
import io.n0stack.n0core.storage.file.QemuLocks;
import io.n0stack.n0core.storage.qcow2.Qcow2Growth;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import io.n0stack.n0core.storage.qemuimg.ImageFile;
import io.n0stack.n0core.storage.qemuimg.QemuImg;
import io.n0stack.n0core.storage.qemuimg.Secret;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.OptionalLong;

/** Makes disks larger that nobody uses: natively where that is one write, else by {@code qemu-img}. */
final class Growth {
  private final QemuImg qemuImg;
  private final Runs runs;

  Growth(QemuImg qemuImg, Runs runs) {
    this.qemuImg = qemuImg;
    this.runs = runs;
  }

  /**
   * Does nothing to a disk that has the size or is larger.
   *
   * @param below what is seen of the image that the disk lies on; empty if it lies on none
   */
  void grow(Context cx, VolumeRecord record, Path disk, OptionalLong below, Optional<Secret> secret)
      throws IOException {
    long sizeBytes = record.sizeBytes();
    ImageFormat format = disk.toString().endsWith(".qcow2") ? ImageFormat.QCOW2 : record.format();
    if (format == ImageFormat.RAW && record.preallocation() != Preallocation.OFF) {
      allocate(cx, record.preallocation(), disk, sizeBytes);
      return;
    }
    boolean done = record.preallocation() == Preallocation.OFF
        ? natively(format, disk, sizeBytes, below)
        : isLargeEnough(disk, sizeBytes);
    if (done) {
      return;
    }
    ImageFile image = ImageFile.of(disk, format);
    qemuImg.grow(
        secret.map(image::withSecret).orElse(image),
        sizeBytes,
        record.preallocation(),
        record.preallocation() == Preallocation.OFF
            ? runs.brief(cx, "resize")
            : runs.copying(cx)); // it may have all of the new part to write
  }

  /** Grows as far as it is allocated: what is killed in between leaves no hole, and is gone on with. */
  @SuppressWarnings("try") // a lock works by being held
  private static void allocate(Context cx, Preallocation how, Path disk, long sizeBytes)
      throws IOException {
    FileProgress progress =
        (done, total) -> cx.progress(Math.min(1, (double) done / total), "allocate");
    try (ImageLock unused = QemuLocks.exclusive(disk)) {
      if (Files.size(disk) >= sizeBytes) {
        return;
      }
      if (how == Preallocation.FULL) {
        io.n0stack.n0core.storage.file.Preallocation.fill(disk, sizeBytes, progress);
      } else {
        io.n0stack.n0core.storage.file.Preallocation.reserve(disk, sizeBytes, progress);
      }
      VolumePool.sync(disk);
    }
  }

  @SuppressWarnings("try") // a lock works by being held
  private static boolean isLargeEnough(Path disk, long sizeBytes) {
    try (ImageLock unused = QemuLocks.exclusive(disk)) {
      return Qcow2Header.read(disk).sizeBytes() >= sizeBytes;
    }
  }

  private static boolean natively(ImageFormat format, Path disk, long sizeBytes, OptionalLong below)
      throws IOException {
    try (ImageLock lock = QemuLocks.exclusive(disk);
        FileChannel file = lock.open(StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      if (format == ImageFormat.RAW) {
        extend(disk, sizeBytes);
        return true;
      }
      if (Qcow2Header.read(disk).sizeBytes() >= sizeBytes) {
        return true;
      }
      Qcow2Growth growth = new Qcow2Growth(sizeBytes, below);
      if (growth.obstacle(file).isPresent()) {
        return false;
      }
      growth.apply(file);
      return true;
    }
  }

  /** Makes a file longer by a hole, and durable. */
  static void extend(Path disk, long sizeBytes) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
      if (file.length() < sizeBytes) {
        file.setLength(sizeBytes);
        file.getFD().sync();
      }
    }
  }
}
