package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.VolumePool.Entry;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.VolumeRecord.Change;
import io.n0stack.n0core.storage.file.ImageLock;
import io.n0stack.n0core.storage.file.QemuLocks;
import io.n0stack.n0core.storage.internal.Failures;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/** Tells who needs a volume: other volumes, by what they are made on, and processes, by locks. */
final class VolumeUse {
  private static final Set<Change> CHANGING_CONTENT =
      EnumSet.of(Change.JOIN, Change.REVERT, Change.REBASE, Change.WITHIN);

  private final VolumePool pool;
  private final ReentrantLock names;
  private final Set<ResourceId> changing = ConcurrentHashMap.newKeySet();

  /**
   * Makes it.
   *
   * @param pool the volumes
   * @param names held while no volume is begun or renamed
   */
  VolumeUse(VolumePool pool, ReentrantLock names) {
    this.pool = pool;
    this.names = names;
  }

  /** Runs work that changes what a volume holds, if none lies on it, and lets none be begun on it meanwhile. */
  <R> R changing(String operation, ResourceId id, Supplier<R> work) {
    return changing(operation, id, id, work);
  }

  /** The same, but one volume may lie on it. */
  <R> R changing(String operation, ResourceId id, ResourceId except, Supplier<R> work) {
    names.lock();
    try {
      requireNoOverlay(operation, id, except);
      if (!changing.add(id)) {
        throw busy(operation, id, "its content is being changed");
      }
    } finally {
      names.unlock();
    }
    try {
      return work.get();
    } finally {
      changing.remove(id);
    }
  }

  /** Refuses an image that is a volume's whose content is being changed, or is on record to be. */
  void requireAtRest(String operation, Path image) {
    Optional<ResourceId> owner = FileFailures.translated("look at", image, () -> pool.owner(image));
    owner.ifPresent(id -> {
      Optional<Change> next = pool.record(Stage.READY, id).next().map(VolumeRecord.Next::change);
      if (changing.contains(id) || next.filter(CHANGING_CONTENT::contains).isPresent()) {
        throw busy(operation, id, "its content is being changed");
      }
    });
  }

  /** Refuses if a volume of the pool, finished or half made, lies on this one. */
  void requireNoOverlay(String operation, ResourceId id) {
    requireNoOverlay(operation, id, id);
  }

  /** The same, but for one volume, which may. */
  void requireNoOverlay(String operation, ResourceId id, ResourceId except) {
    for (Entry entry : pool.entries()) {
      if (!entry.id().equals(id)
          && !entry.id().equals(except)
          && entry.stage() != Stage.DELETING
          && liesOn(entry, id)) {
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
   * Runs work while no process, QEMU included, has a layer of the volume open, and none can open one. A
   * volume without a file, half deleted, has no users.
   */
  void withoutUsers(String operation, ResourceId id, Failures.Action work) throws IOException {
    withoutUsers(operation, id, files(id, "disk[.-]*"), work);
  }

  @SuppressWarnings("try") // a lock works by being held
  private static void withoutUsers(
      String operation, ResourceId id, List<Path> files, Failures.Action work) throws IOException {
    if (files.isEmpty()) {
      work.run();
      return;
    }
    try (ImageLock lock = exclusive(operation, id, files.get(0))) {
      withoutUsers(operation, id, files.subList(1, files.size()), work);
    }
  }

  private static ImageLock exclusive(String operation, ResourceId id, Path file) {
    try {
      return QemuLocks.exclusive(file);
    } catch (N0Exception e) {
      throw e.code() == N0Exception.Code.BUSY
          ? busy(operation, id, "a process has its disk open: " + e.getMessage())
          : e;
    }
  }

  /** Lists the files that are layers above the lowest, or were. */
  List<Path> layerFiles(ResourceId id) {
    return FileFailures.translated(
        "list", pool.path(Stage.READY, id), () -> files(id, "{joined-,}disk-*.qcow2"));
  }

  private List<Path> files(ResourceId id, String glob) throws IOException {
    List<Path> files = new ArrayList<>();
    try (DirectoryStream<Path> paths = Files.newDirectoryStream(pool.path(Stage.READY, id), glob)) {
      for (Path path : paths) {
        if (Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
          files.add(path);
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    Collections.sort(files);
    return files;
  }

  private static N0Exception busy(String operation, ResourceId id, String why) {
    return new N0Exception(N0Exception.Code.BUSY, id.toString(), operation + " " + id + ": " + why);
  }
}
