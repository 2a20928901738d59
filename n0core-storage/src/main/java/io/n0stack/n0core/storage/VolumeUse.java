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
import java.nio.file.attribute.BasicFileAttributes;
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

  /**
   * The disk itself says what it lies on. For a disk that is not there yet, or is damaged, its record
   * does: nothing is made on an image before that is durable.
   */
  private Optional<Path> backing(Entry entry) {
    Path disk = pool.disk(entry.stage(), entry.id(), ImageFormat.QCOW2);
    if (VolumePool.look(disk).isEmpty()) {
      return entry.stage() == Stage.READY ? Optional.empty() : recorded(entry);
    }
    try {
      return Qcow2Header.read(disk).backingFile().map(Path::of);
    } catch (N0Exception e) {
      return switch (e.code()) {
        case INVALID -> recorded(entry);
        case CANCELLED -> throw e;
        default -> throw unseen(entry, e);
      };
    }
  }

  private Optional<Path> recorded(Entry entry) {
    try {
      return pool.record(entry.stage(), entry.id()).backing().map(backing -> backing.image());
    } catch (N0Exception e) {
      if (e.getCause() instanceof NoSuchFileException && entry.stage() == Stage.MAKING) {
        return Optional.empty();
      }
      throw e.code() == N0Exception.Code.CANCELLED ? e : unseen(entry, e);
    }
  }

  private static N0Exception unseen(Entry entry, N0Exception cause) {
    return new N0Exception(
        N0Exception.Code.UNAVAILABLE,
        entry.id().toString(),
        "look what " + entry.id() + " lies on: " + cause.getMessage(),
        cause);
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
      if (VolumePool.look(disk).filter(BasicFileAttributes::isRegularFile).isPresent()) {
        return Optional.of(disk);
      }
    }
    return Optional.empty();
  }

  private static N0Exception busy(String operation, ResourceId id, String why) {
    return new N0Exception(N0Exception.Code.BUSY, id.toString(), operation + " " + id + ": " + why);
  }
}
