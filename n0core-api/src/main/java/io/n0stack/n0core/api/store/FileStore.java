package io.n0stack.n0core.api.store;

import io.n0stack.n0core.api.Delivery;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.stream.Stream;

/**
 * A store of one file per record in a directory that belongs to one process at a time.
 *
 * <p>A write goes to a temporary file, which is synced, renamed over the record, and the directory is
 * synced, see {@code fsync(2)}. Each file carries its revision and a CRC-32C. A record that does not
 * check out when the store is opened is moved to {@code quarantine/} and reported by {@link
 * #quarantined()}; the others are served. A change that has begun is finished also when the thread is
 * interrupted, and the interrupt flag is kept.
 *
 * @since 0.1
 */
public final class FileStore implements Store {
  /**
   * A record that could not be read.
   *
   * @param key its key
   * @param file where its bytes are now
   * @param why what is wrong with them
   */
  public record Quarantined(String key, Path file, String why) {}

  private final Path records;
  private final DirectoryLock lock;
  private final Revisions revisions;
  private final HeldDirectory held;
  private final NavigableMap<String, Versioned> cache = new TreeMap<>();
  private final List<Quarantined> quarantined = new ArrayList<>();
  private final List<Delivery<Change>> watchers = new CopyOnWriteArrayList<>();
  private Optional<N0Exception> broken = Optional.empty();

  private record Change(String key, Optional<Versioned> now) {}

  private FileStore(Path directory, DirectoryLock lock) throws IOException {
    this.lock = lock;
    this.records = SmallFiles.createDirectory(directory.resolve("records"));
    Path quarantine = SmallFiles.createDirectory(directory.resolve("quarantine"));
    load(quarantine);
    long highest = cache.values().stream().mapToLong(Versioned::revision).max().orElse(NONE);
    this.revisions = Revisions.open(directory.resolve("revision"), highest);
    this.held = HeldDirectory.open(records);
  }

  /**
   * Opens a store, creating the directory if it does not exist.
   *
   * @param directory the store's own directory; made with mode 0700
   * @return the store, which the caller closes
   * @throws N0Exception BUSY, naming the holder, if another store is open on the directory;
   *     UNAVAILABLE or PERMISSION if the directory cannot be used; CANCELLED if interrupted
   */
  public static FileStore open(Path directory) {
    Path absolute = directory.toAbsolutePath().normalize();
    DirectoryLock lock = DirectoryLock.acquire(absolute);
    boolean opened = false;
    try {
      FileStore store = new FileStore(absolute, lock);
      opened = true;
      return store;
    } catch (IOException e) {
      throw RecordFiles.failure("open store " + absolute, e);
    } finally {
      if (!opened) {
        lock.close();
      }
    }
  }

  /**
   * Lists the records that were put aside when the store was opened, because they were damaged.
   *
   * @return what was put aside, empty if nothing was
   */
  public List<Quarantined> quarantined() {
    return List.copyOf(quarantined);
  }

  @Override
  public synchronized Optional<Versioned> find(String key) {
    StoreRules.key(key);
    return Optional.ofNullable(cache.get(key));
  }

  @Override
  public synchronized List<Versioned> list(String prefix) {
    if (prefix.isEmpty()) {
      return List.copyOf(cache.values());
    }
    StoreRules.key(prefix);
    // '0' is the character after '/', so this is every key below the prefix.
    Map<String, Versioned> below = cache.subMap(prefix + "/", prefix + "0");
    return List.copyOf(below.values());
  }

  @Override
  public long put(String key, String value, long expectedRevision) {
    StoreRules.key(key);
    StoreRules.value(value);
    Versioned written;
    synchronized (this) {
      requireUsable();
      requireRevision(key, expectedRevision);
      written = new Versioned(key, value, revisions.next());
      write(
          "write record \"" + key + "\"",
          () -> held.replace(name(key), RecordFiles.encode(written)));
      cache.put(key, written);
      offer(new Change(key, Optional.of(written)));
    }
    watchers.forEach(Delivery::dispatch);
    return written.revision();
  }

  @Override
  public void delete(String key, long expectedRevision) {
    StoreRules.key(key);
    synchronized (this) {
      requireUsable();
      requireRevision(key, expectedRevision);
      if (expectedRevision == NONE) {
        throw precondition("delete record \"" + key + "\": there is none");
      }
      write("delete record \"" + key + "\"", () -> held.delete(name(key)));
      cache.remove(key);
      offer(new Change(key, Optional.empty()));
    }
    watchers.forEach(Delivery::dispatch);
  }

  @Override
  public Subscription watch(Executor executor, Listener listener) {
    Delivery<Change>[] self = newArray();
    self[0] = new Delivery<>(
        executor,
        change -> listener.changed(change.key(), change.now()),
        () -> watchers.remove(self[0]));
    watchers.add(self[0]);
    return self[0];
  }

  @Override
  public synchronized void close() {
    broken =
        Optional.of(new N0Exception(N0Exception.Code.PRECONDITION, "store", "the store is closed"));
    watchers.forEach(Delivery::close);
    try (lock) {
      held.close();
    } catch (IOException e) {
      throw RecordFiles.failure("close store", e);
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static Delivery<Change>[] newArray() {
    return new Delivery[1];
  }

  private void offer(Change change) {
    watchers.forEach(watcher -> watcher.offer(change));
  }

  private void load(Path quarantine) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(records)) {
      files = all.toList();
    }
    for (Path file : files) {
      String name = String.valueOf(file.getFileName());
      if (name.startsWith(SmallFiles.TEMPORARY)) {
        Files.delete(file); // never renamed, so never acknowledged
        continue;
      }
      String key = name.replace('.', '/');
      try {
        if (!StoreRules.isKey(key)) {
          throw new RecordFiles.DamagedException("its name is not that of a record");
        }
        cache.put(key, RecordFiles.decode(key, RecordFiles.read(file)));
      } catch (RecordFiles.DamagedException e) {
        putAside(key, file, quarantine, String.valueOf(e.getMessage()));
      } catch (IOException e) {
        if (!RecordFiles.onlyThis(file, e)) {
          throw e;
        }
        putAside(key, file, quarantine, "cannot be read: " + e);
      }
    }
    SmallFiles.sync(records);
    SmallFiles.sync(quarantine);
  }

  private void putAside(String key, Path file, Path quarantine, String why) {
    Path aside = quarantine.resolve(file.getFileName() + "." + System.currentTimeMillis());
    try {
      Files.move(file, aside);
      quarantined.add(new Quarantined(key, aside, why));
    } catch (IOException e) {
      // What cannot be read may not be movable either; the others are served all the same.
      quarantined.add(new Quarantined(key, file, why + "; stays where it is: " + e));
    }
  }

  private static String name(String key) {
    return key.replace('/', '.');
  }

  private void write(String operation, RecordFiles.Write body) {
    try {
      body.run();
    } catch (SmallFiles.NotWrittenException e) {
      throw RecordFiles.failure(operation, e.reason());
    } catch (IOException e) {
      // It may be on disk or not: only reading it again, on the next open, can tell.
      N0Exception failure = RecordFiles.failure(operation, e);
      broken = Optional.of(failure);
      throw failure;
    }
  }

  private void requireUsable() {
    if (broken.isPresent()) {
      N0Exception cause = broken.get();
      throw new N0Exception(
          cause.code(),
          cause.subject(),
          "store unusable, open it again: " + cause.getMessage(),
          cause);
    }
  }

  private void requireRevision(String key, long expected) {
    Versioned now = cache.get(key);
    long found = now == null ? NONE : now.revision();
    if (found != expected) {
      throw precondition(
          "change record \"" + key + "\": expected revision " + expected + ", found " + found);
    }
  }

  private static N0Exception precondition(String message) {
    return new N0Exception(N0Exception.Code.PRECONDITION, "store", message);
  }
}
