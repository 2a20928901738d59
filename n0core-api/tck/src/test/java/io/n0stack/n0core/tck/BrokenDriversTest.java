package io.n0stack.n0core.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BackupRequest;
import io.n0stack.n0core.api.storage.ExternalSnapshots;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.api.storage.Snapshots;
import io.n0stack.n0core.api.storage.VolumeBackups;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The kit must reject drivers that are broken, each in its own way, and by the right case. */
class BrokenDriversTest {
  @TempDir
  Path directory;

  private final Queue<AutoCloseable> leaked = new ConcurrentLinkedQueue<>();

  private record Broken(
      String name, String rejectedBy, Function<Path, Driver<NoteSpec, NoteStatus>> drivers) {}

  private List<Broken> all() {
    return List.of(
        new Broken("remembers", "what one instance made", Remembers::new),
        new Broken("calls it absent when it cannot look", "cannot be reached", SaysAbsent::new),
        new Broken("lists nothing when it cannot look", "cannot be reached", ListsNothing::new),
        new Broken("claims to be healthy", "cannot be reached", ClaimsHealth::new),
        new Broken("deletes by name", "foreign things", DeletesByName::new),
        new Broken("deletes when closed", "closing the driver", DeletesOnClose::new),
        new Broken("forgets the half-made part", "create is undone by delete", ForgetsPart::new),
        new Broken("rewrites what is there", "applying the same again", Rewrites::new),
        new Broken("ignores cancellation", "cancelling before", IgnoresCancellation::new),
        new Broken("ignores the deadline", "a deadline before", IgnoresDeadline::new),
        new Broken("swallows a full disk", "finds no room", SwallowsFullDisk::new),
        new Broken("ignores changes", "a changed spec", IgnoresChanges::new),
        new Broken("hides what is half made", "create is finished by apply", HidesPart::new),
        new Broken("goes by name", "another uid", GoesByName::new),
        new Broken("takes snapshots of nothing", "capabilities work", FakeSnapshots::new),
        new Broken("puts nothing on top", "capabilities work", FakeExternalSnapshots::new),
        new Broken("backs up nothing", "capabilities work", d -> new FakeBackups(d, false)),
        new Broken("forgets its checkpoints", "capabilities work", d -> new FakeBackups(d, true)),
        new Broken("is not safe in parallel", "16 parallel", d -> new NotParallel(d)),
        new Broken("leaks a descriptor", "leak nothing", d -> new LeaksHandle(d, leaked)),
        new Broken("leaks a thread", "leak nothing", d -> new LeaksThread(d, leaked)),
        new Broken("leaks memory", "leak nothing", d -> new LeaksMemory(d, leaked)));
  }

  @Test
  void everyBrokenDriverIsRejectedByItsCase() throws Exception {
    Map<String, List<String>> missed = new LinkedHashMap<>();
    for (Broken broken : all()) {
      Path data = Files.createDirectory(directory.resolve(broken.name().replace(' ', '-')));
      List<String> failures = failures(new NoteFixture(data, broken.drivers()), broken);
      if (failures.stream().noneMatch(name -> name.contains(broken.rejectedBy()))) {
        missed.put(broken.name(), failures);
      }
      for (AutoCloseable one : leaked) {
        one.close();
      }
      leaked.clear();
    }
    System.out.println("n0core-tck: rejected " + (all().size() - missed.size()) + " of "
        + all().size() + " broken drivers");
    assertThat(missed).isEmpty();
  }

  /** Runs the case that matters; what a broken driver has left does not count against it. */
  private static List<String> failures(NoteFixture fixture, Broken broken) {
    List<String> failures = new ArrayList<>();
    for (DynamicTest test : DriverTck.of(fixture).toList()) {
      if (test.getDisplayName().contains(broken.rejectedBy())) {
        try {
          test.getExecutable().execute();
        } catch (Throwable e) {
          failures.add(test.getDisplayName());
        }
      }
    }
    return failures;
  }

  private static final class Remembers extends BrokenNoteDriver {
    private final Map<ResourceId, Observed<NoteStatus>> known = new HashMap<>();

    Remembers(Path directory) {
      super(directory);
    }

    @Override
    public Observed<NoteStatus> observe(ResourceId id) {
      return known.getOrDefault(id, Observed.absent());
    }

    @Override
    public void apply(Context cx, ResourceId id, NoteSpec desired) {
      good.apply(cx, id, desired);
      known.put(id, good.observe(id));
    }
  }

  private static final class SaysAbsent extends BrokenNoteDriver {
    SaysAbsent(Path directory) {
      super(directory);
    }

    @Override
    public Observed<NoteStatus> observe(ResourceId id) {
      return Files.exists(file(id)) ? good.observe(id) : Observed.absent();
    }
  }

  private static final class ListsNothing extends BrokenNoteDriver {
    ListsNothing(Path directory) {
      super(directory);
    }

    @Override
    public Set<ResourceId> list() {
      return Files.isDirectory(directory) ? good.list() : Set.of();
    }
  }

  private static final class ClaimsHealth extends BrokenNoteDriver {
    ClaimsHealth(Path directory) {
      super(directory);
    }

    @Override
    public Fingerprint probe() {
      return Fingerprint.healthy(Map.of(), Map.of());
    }
  }

  private static final class DeletesByName extends BrokenNoteDriver {
    DeletesByName(Path directory) {
      super(directory);
    }

    @Override
    public void delete(Context cx, ResourceId id) {
      good.delete(cx, id);
      remove(directory, id.name() + ".txt");
    }
  }

  private static void remove(Path directory, String name) {
    try {
      Files.deleteIfExists(directory.resolve(name));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static final class DeletesOnClose extends BrokenNoteDriver {
    DeletesOnClose(Path directory) {
      super(directory);
    }

    @Override
    public void close() {
      good.list().forEach(id -> good.delete(new StandaloneContext(), id));
    }
  }

  private static final class ForgetsPart extends BrokenNoteDriver {
    ForgetsPart(Path directory) {
      super(directory);
    }

    @Override
    public void delete(Context cx, ResourceId id) {
      cx.step("delete note", () -> {
        remove(directory, id.name() + "." + id.uid());
      });
    }
  }

  private static final class Rewrites extends BrokenNoteDriver {
    Rewrites(Path directory) {
      super(directory);
    }

    @Override
    public void apply(Context cx, ResourceId id, NoteSpec desired) {
      remove(directory, id.name() + "." + id.uid());
      good.apply(cx, id, desired);
    }
  }

  private static class Swallows extends BrokenNoteDriver {
    private final N0Exception.Code swallowed;

    Swallows(Path directory, N0Exception.Code swallowed) {
      super(directory);
      this.swallowed = swallowed;
    }

    @Override
    public void apply(Context cx, ResourceId id, NoteSpec desired) {
      try {
        good.apply(cx, id, desired);
      } catch (N0Exception e) {
        if (!has(e, swallowed)) {
          throw e;
        }
      }
    }
  }

  private static final class IgnoresCancellation extends Swallows {
    IgnoresCancellation(Path directory) {
      super(directory, N0Exception.Code.CANCELLED);
    }
  }

  private static final class IgnoresDeadline extends Swallows {
    IgnoresDeadline(Path directory) {
      super(directory, N0Exception.Code.UNAVAILABLE);
    }
  }

  private static final class SwallowsFullDisk extends Swallows {
    SwallowsFullDisk(Path directory) {
      super(directory, N0Exception.Code.EXHAUSTED);
    }
  }

  private static final class IgnoresChanges extends BrokenNoteDriver {
    IgnoresChanges(Path directory) {
      super(directory);
    }

    @Override
    public void apply(Context cx, ResourceId id, NoteSpec desired) {
      if (!Files.exists(file(id))) {
        good.apply(cx, id, desired);
      }
    }
  }

  private static final class HidesPart extends BrokenNoteDriver {
    HidesPart(Path directory) {
      super(directory);
    }

    @Override
    public Observed<NoteStatus> observe(ResourceId id) {
      Observed<NoteStatus> seen = good.observe(id);
      return seen instanceof Observed.Present<NoteStatus> present && !present.complete()
          ? Observed.absent()
          : seen;
    }
  }

  private static final class GoesByName extends BrokenNoteDriver {
    GoesByName(Path directory) {
      super(directory);
    }

    @Override
    public Observed<NoteStatus> observe(ResourceId id) {
      return good.list().stream()
          .filter(other -> other.name().equals(id.name()))
          .findFirst()
          .map(good::observe)
          .orElseGet(() -> good.observe(id));
    }
  }

  private static final class FakeSnapshots extends BrokenNoteDriver implements Snapshots {
    FakeSnapshots(Path directory) {
      super(directory);
    }

    @Override
    public List<String> snapshots(ResourceId volume) {
      return List.of();
    }

    @Override
    public void createSnapshot(Context cx, ResourceId volume, String snapshot) {}

    @Override
    public void revertToSnapshot(Context cx, ResourceId volume, String snapshot) {}

    @Override
    public void deleteSnapshot(Context cx, ResourceId volume, String snapshot) {}
  }

  private static final class FakeExternalSnapshots extends BrokenNoteDriver
      implements ExternalSnapshots {
    FakeExternalSnapshots(Path directory) {
      super(directory);
    }

    @Override
    public List<String> externalSnapshots(ResourceId volume) {
      return List.of();
    }

    @Override
    public void createExternalSnapshot(Context cx, ResourceId volume, String snapshot) {}

    @Override
    public void revertToExternalSnapshot(Context cx, ResourceId volume, String snapshot) {}

    @Override
    public void deleteExternalSnapshot(Context cx, ResourceId volume, String snapshot) {}
  }

  /** Says that it is done, and perhaps even writes a file, but keeps no checkpoint. */
  private static final class FakeBackups extends BrokenNoteDriver implements VolumeBackups {
    private final boolean writes;

    FakeBackups(Path directory, boolean writes) {
      super(directory);
      this.writes = writes;
    }

    @Override
    public Backup backUp(Context cx, ResourceId volume, BackupRequest request) {
      Path target = request.target();
      if (!writes) {
        return new Backup(target, 0, SnapshotConsistency.EXACT);
      }
      requireKnown(volume);
      if (request.increment().isPresent()) {
        throw new N0Exception(N0Exception.Code.NOT_FOUND, "since", "there is no checkpoint");
      }
      try {
        Files.createFile(
            target,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      } catch (FileAlreadyExistsException e) {
        throw new N0Exception(N0Exception.Code.ALREADY_EXISTS, target.toString(), "exists", e);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      return new Backup(target, 0, SnapshotConsistency.EXACT);
    }

    private void requireKnown(ResourceId volume) {
      if (good.observe(volume) instanceof Observed.Absent) {
        throw new N0Exception(N0Exception.Code.NOT_FOUND, volume.toString(), "there is none");
      }
    }

    @Override
    public List<Checkpoint> checkpoints(Context cx, ResourceId volume) {
      requireKnown(volume);
      return List.of();
    }

    @Override
    public void removeCheckpoint(Context cx, ResourceId volume, String checkpoint) {}
  }

  /** Keeps what it works on in a field. */
  private static final class NotParallel extends BrokenNoteDriver {
    private final CountDownLatch second = new CountDownLatch(2);
    private volatile ResourceId current = ResourceId.fresh("note", "none");

    NotParallel(Path directory) {
      super(directory);
    }

    @Override
    public void apply(Context cx, ResourceId id, NoteSpec desired) {
      current = id;
      second.countDown();
      try {
        second.await(5, java.util.concurrent.TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        throw N0Exception.interrupted("apply", e);
      }
      good.apply(cx, current, desired);
    }
  }

  private static final class LeaksHandle extends BrokenNoteDriver {
    private final Queue<AutoCloseable> leaked;

    LeaksHandle(Path directory, Queue<AutoCloseable> leaked) {
      super(directory);
      this.leaked = leaked;
    }

    @Override
    public void delete(Context cx, ResourceId id) {
      try {
        leaked.add(new FileInputStream("/dev/null"));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      good.delete(cx, id);
    }
  }

  private static final class LeaksThread extends BrokenNoteDriver {
    private final Queue<AutoCloseable> leaked;

    LeaksThread(Path directory, Queue<AutoCloseable> leaked) {
      super(directory);
      this.leaked = leaked;
    }

    @Override
    public void delete(Context cx, ResourceId id) {
      CountDownLatch end = new CountDownLatch(1);
      Thread thread = new Thread(() -> {
        try {
          end.await();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      });
      thread.setDaemon(true);
      thread.start();
      leaked.add(end::countDown);
      good.delete(cx, id);
    }
  }

  private static final class LeaksMemory extends BrokenNoteDriver {
    private final Queue<AutoCloseable> leaked;

    LeaksMemory(Path directory, Queue<AutoCloseable> leaked) {
      super(directory);
      this.leaked = leaked;
    }

    @Override
    public void delete(Context cx, ResourceId id) {
      byte[] kept = new byte[4096];
      leaked.add(() -> kept[0] = 1);
      good.delete(cx, id);
    }
  }
}
