package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.VolumePool.Entry;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.Set;

/** Tells who needs a volume: other volumes, by what they are made on, and processes, by locks. */
final class VolumeUse {
  // QEMU's RAW_LOCK_PERM_BASE 100 and RAW_LOCK_SHARED_BASE 200, with room for its permissions.
  private static final long FIRST_LOCK = 100;
  private static final long LOCKS = 108;

  private final VolumePool pool;

  VolumeUse(VolumePool pool) {
    this.pool = pool;
  }

  /** Refuses if a volume of the pool, finished or half made, lies on this one. */
  void requireNoOverlay(String operation, ResourceId id) {
    for (Entry entry : pool.entries()) {
      if (!entry.id().equals(id) && entry.stage() != Stage.DELETING && liesOn(entry, id)) {
        throw busy(operation, id, "it is the backing image of " + entry.id());
      }
    }
  }

  private boolean liesOn(Entry entry, ResourceId base) {
    Optional<Path> named = backing(entry);
    return named.isPresent()
        && FileFailures.translated("compare", named.get(), () -> {
          try {
            Path directory = pool.path(Stage.READY, base);
            Path parent = named.get().getParent();
            return parent != null && Files.isSameFile(parent, directory);
          } catch (NoSuchFileException e) {
            return false;
          }
        });
  }

  /** The disk itself says what it lies on; a half-made volume may have none yet but its intent. */
  private Optional<Path> backing(Entry entry) {
    Path disk = pool.disk(entry.stage(), entry.id(), ImageFormat.QCOW2);
    if (Files.exists(disk, LinkOption.NOFOLLOW_LINKS)) {
      return named(entry, disk);
    }
    if (entry.stage() == Stage.READY) {
      return Optional.empty();
    }
    try {
      return pool.record(entry.stage(), entry.id()).backing().map(backing -> backing.image());
    } catch (N0Exception e) {
      // Nothing was made on any image before the record was durable.
      return Optional.empty();
    }
  }

  private static Optional<Path> named(Entry entry, Path disk) {
    try {
      return Qcow2Header.read(disk).backingFile().map(Path::of);
    } catch (N0Exception e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          entry.id().toString(),
          "look what " + entry.id() + " lies on: " + e.getMessage(),
          e);
    }
  }

  /**
   * Runs work while no process, QEMU included, has the volume's disk open. QEMU marks what it does by
   * locks on single bytes; holding them all for a moment keeps it from starting.
   */
  void withoutUsers(String operation, ResourceId id, FileFailures.Action work) throws IOException {
    Optional<Path> disk = disk(id);
    if (disk.isEmpty()) {
      work.run();
      return;
    }
    try (FileChannel file = FileChannel.open(
            disk.get(),
            Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS));
        FileLock lock = file.tryLock(FIRST_LOCK, LOCKS, false)) {
      if (lock == null) {
        throw busy(operation, id, "a process has its disk open");
      }
      work.run();
    } catch (OverlappingFileLockException e) {
      throw busy(operation, id, "another thread of this process is deleting it");
    }
  }

  private Optional<Path> disk(ResourceId id) {
    for (ImageFormat format : ImageFormat.values()) {
      Path disk = pool.disk(Stage.READY, id, format);
      if (Files.isRegularFile(disk, LinkOption.NOFOLLOW_LINKS)) {
        return Optional.of(disk);
      }
    }
    return Optional.empty();
  }

  private static N0Exception busy(String operation, ResourceId id, String why) {
    return new N0Exception(N0Exception.Code.BUSY, id.toString(), operation + " " + id + ": " + why);
  }
}
