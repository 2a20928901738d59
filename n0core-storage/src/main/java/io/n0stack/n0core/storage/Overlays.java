package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.storage.VolumePool.Entry;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Tells which volumes lie on a file, so that nobody writes to it. All headers are read at once, and again when
 * anything can have changed: what this process does is counted by the pool, what others do is seen by the time of
 * the pool's directory.
 */
final class Overlays {
  private static final int MOST_NAMED = 5;
  // What is done twice within one tick of the file system's clock leaves the same time.
  private static final Duration TICK = Duration.ofSeconds(2);

  /**
   * What one look has found.
   *
   * @param changes what the pool had counted before
   * @param listed the time of the pool's directory before
   * @param lasting whether a later change of the directory is sure to leave another time
   * @param on the volumes that lie on each file
   * @param unseen the volumes of which nothing says what they lie on
   */
  private record Seen(
      long changes,
      Instant listed,
      boolean lasting,
      Map<Path, Set<ResourceId>> on,
      Set<ResourceId> unseen) {}

  private final VolumePool pool;
  private final ReentrantLock names;
  private volatile Optional<Seen> last = Optional.empty();

  /**
   * Makes it.
   *
   * @param pool the volumes
   * @param names held while no volume is renamed
   */
  Overlays(VolumePool pool, ReentrantLock names) {
    this.pool = pool;
    this.names = names;
  }

  /** Says why nobody may write to a file of a volume; empty if somebody may. */
  Optional<String> obstacle(ResourceId id, Path file) {
    Seen seen = seen();
    Set<ResourceId> on = seen.on().getOrDefault(real(file), Set.of());
    Set<ResourceId> unseen = without(seen.unseen(), id);
    if (!on.isEmpty()) {
      return Optional.of(
          listed(on) + (on.size() > 1 ? " lie" : " lies")
              + " on it and would change with it; an external snapshot of it makes a layer to write to");
    }
    return unseen.isEmpty()
        ? Optional.empty()
        : Optional.of("nothing says whether " + listed(unseen)
            + (unseen.size() > 1 ? " lie" : " lies") + " on it: disk and record are damaged");
  }

  private static Set<ResourceId> without(Set<ResourceId> ids, ResourceId one) {
    return ids.stream().filter(id -> !id.equals(one)).collect(Collectors.toSet());
  }

  private static String listed(Set<ResourceId> ids) {
    String some = ids.stream()
        .map(ResourceId::toString)
        .sorted()
        .limit(MOST_NAMED)
        .collect(Collectors.joining(", "));
    int more = ids.size() - MOST_NAMED;
    return more > 0 ? some + " and " + more + " more" : some;
  }

  private Seen seen() {
    Optional<Seen> before = last;
    if (before.isPresent() && isCurrent(before.get())) {
      return before.get();
    }
    names.lock();
    try {
      before = last;
      if (before.isPresent() && isCurrent(before.get())) {
        return before.get();
      }
      Seen now = look();
      last = Optional.of(now);
      return now;
    } finally {
      names.unlock();
    }
  }

  private boolean isCurrent(Seen seen) {
    return seen.lasting() && seen.changes() == pool.changes() && seen.listed().equals(changed());
  }

  private Instant changed() {
    Path directory = pool.requireNearest();
    return FileFailures.translated(
        "look at", directory, () -> Files.getLastModifiedTime(directory).toInstant());
  }

  private Seen look() {
    long changes = pool.changes();
    Instant listed = changed();
    Map<Path, Set<ResourceId>> on = new HashMap<>();
    Set<ResourceId> unseen = new LinkedHashSet<>();
    boolean lasting = listed.plus(TICK).isBefore(Instant.now());
    for (Entry entry : pool.entries()) {
      if (entry.stage() != Stage.DELETING) {
        Optional<List<Path>> below = below(entry);
        below.ifPresentOrElse(
            paths -> paths.forEach(path ->
                on.computeIfAbsent(real(path), key -> new LinkedHashSet<>()).add(entry.id())),
            () -> unseen.add(entry.id()));
      }
    }
    return new Seen(changes, listed, lasting, on, unseen);
  }

  /** The header says what it is, the record what it is going to be; one of them must be there to be read. */
  private Optional<List<Path>> below(Entry entry) {
    Optional<List<Path>> header = named(entry);
    Optional<List<Path>> record = recorded(entry);
    if (header.isEmpty() && record.isEmpty()) {
      return Optional.empty();
    }
    List<Path> all = new ArrayList<>(header.orElse(List.of()));
    all.addAll(record.orElse(List.of()));
    return Optional.of(all);
  }

  private Optional<List<Path>> named(Entry entry) {
    Path disk = pool.disk(entry.stage(), entry.id(), ImageFormat.QCOW2);
    return attempt(() -> VolumePool.look(disk).isEmpty()
        ? noneIf(entry.stage() == Stage.READY)
        : Optional.of(
            Qcow2Header.read(disk).backingFile().map(Path::of).stream().toList()));
  }

  private Optional<List<Path>> recorded(Entry entry) {
    return attempt(() -> {
      try {
        VolumeRecord record = pool.record(entry.stage(), entry.id());
        return Optional.of(Stream.concat(
                record.backing().stream(),
                record.next().stream().flatMap(next -> next.shape().base().stream()))
            .map(ImageSource.Backing::image)
            .toList());
      } catch (N0Exception e) {
        // Nothing is made on an image before that is on record.
        if (e.getCause() instanceof NoSuchFileException && entry.stage() == Stage.MAKING) {
          return Optional.of(List.of());
        }
        throw e;
      }
    });
  }

  private static Optional<List<Path>> noneIf(boolean sure) {
    return sure ? Optional.of(List.of()) : Optional.empty();
  }

  private interface Attempt {
    Optional<List<Path>> run();
  }

  private static Optional<List<Path>> attempt(Attempt look) {
    try {
      return look.run();
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.CANCELLED) {
        throw e;
      }
      return Optional.empty();
    }
  }

  /** One file has one name here, by whatever links it is reached. */
  private static Path real(Path path) {
    try {
      return path.toRealPath();
    } catch (IOException e) {
      return path; // what is not there is nobody's disk
    }
  }
}
