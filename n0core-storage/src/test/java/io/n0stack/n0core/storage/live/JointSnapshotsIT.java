package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.storage.Qcow2DirectoryDriver;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** External snapshots of several volumes of one machine, and what is left of one that is cut short. */
class JointSnapshotsIT {
  private static final long MIB = 1 << 20;
  private static final int MOST_POINTS = 30;
  private static final Duration LIMIT = Duration.ofSeconds(30);

  @TempDir
  private Path directory;

  private final ResourceId root = ResourceId.fresh("volume", "root");
  private final ResourceId data = ResourceId.fresh("volume", "data");
  private final List<ResourceId> both = List.of(root, data);
  private Qcow2DirectoryDriver driver;
  private QemuHost host;
  private Guest guestOfRoot;
  private Guest guestOfData;

  @BeforeEach
  void open() throws IOException {
    driver = driver();
    both.forEach(id -> driver.apply(cx(), id, spec(id)));
    boot();
  }

  private VolumeSpec spec(ResourceId id) {
    return id.equals(root)
        ? VolumeSpec.empty(8 * MIB)
        : new VolumeSpec(ImageFormat.RAW, Optional.of(4 * MIB), Optional.empty());
  }

  private void boot() throws IOException {
    Path place = directory.resolve("host");
    Files.createDirectories(place);
    Files.deleteIfExists(place.resolve("nbd.sock"));
    host = QemuHost.daemon(place);
    host.add("disk-root", status(root).path(), word(root));
    host.add("disk-data", status(data).path(), word(data));
    guestOfRoot = host.attach("disk-root");
    guestOfData = host.attach("disk-data");
  }

  private Qcow2DirectoryDriver driver() {
    return new Qcow2DirectoryDriver(directory.resolve("pool"), LIMIT);
  }

  @AfterEach
  void close() throws Exception {
    guestOfRoot.close();
    guestOfData.close();
    host.close();
    driver.close();
  }

  /** Ends the machine without letting it write anything more. */
  private void powerOff() throws Exception {
    guestOfRoot.close();
    guestOfData.close();
    host.kill();
  }

  private static StandaloneContext cx() {
    return new StandaloneContext();
  }

  private StandaloneContext cx(BlockMonitor monitor) {
    return cx().lending("machine", monitor);
  }

  private VolumeStatus status(ResourceId id) {
    Observed.Present<VolumeStatus> seen = (Observed.Present<VolumeStatus>) driver.observe(id);
    assertThat(seen.complete()).as("%s is complete", id).isTrue();
    return seen.status();
  }

  private String word(ResourceId id) {
    return status(id).format() == ImageFormat.RAW ? "raw" : "qcow2";
  }

  private void write(int pattern) throws Exception {
    guestOfRoot.write(0, pattern);
    guestOfData.write(0, pattern);
  }

  private void requirePattern(int pattern, ResourceId id) {
    requirePattern(pattern, status(id).path(), word(id));
  }

  private static void requirePattern(int pattern, Path file, String format) {
    String read = "read -P " + pattern + " 0 64k";
    assertThat(
            Images.run(List.of("qemu-io", "-U", "-r", "-f", format, "-c", read, file.toString())))
        .doesNotContain("failed");
  }

  private void create(StandaloneContext cx, String snapshot) {
    driver.createExternalSnapshots(cx, Set.copyOf(both), snapshot);
  }

  private List<List<String>> snapshots() {
    return both.stream().map(driver::externalSnapshots).toList();
  }

  private static void requireCode(N0Exception.Code code, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  private void requireUntouched() {
    assertThat(snapshots()).containsExactly(List.of(), List.of());
    for (ResourceId id : both) {
      assertThat(status(id).path().resolveSibling(".").toFile().list())
          .containsOnly("volume.json", "disk." + word(id));
    }
    assertThat(host.run("query-named-block-nodes", Map.of()).toString()).doesNotContain("disk-one");
  }

  @Test
  void oneTransactionChangesAllDisksOver() throws Exception {
    QuietMonitor monitor = new QuietMonitor(host);
    Path rawBelow = status(data).path();
    Path below = status(root).path();
    write(1);

    create(cx(monitor), "one");
    create(cx(monitor), "one");
    write(2);

    assertThat(monitor.whileQuiet()).containsExactly("transaction");
    assertThat(snapshots()).containsExactly(List.of("one"), List.of("one"));
    for (ResourceId id : both) {
      assertThat(driver.consistency(id, "one")).isEqualTo(SnapshotConsistency.FROZEN);
      requirePattern(2, id);
    }
    requirePattern(1, below, "qcow2");
    requirePattern(1, rawBelow, "raw");
    powerOff();
    both.forEach(id -> driver.revertToExternalSnapshot(cx(), id, "one"));
    both.forEach(id -> requirePattern(1, id));
  }

  @Test
  void whatCannotBeTakenOfAllIsTakenOfNone() throws Exception {
    ResourceId idle = ResourceId.fresh("volume", "idle");
    driver.apply(cx(), idle, VolumeSpec.empty(MIB));

    requireCode(
        N0Exception.Code.PRECONDITION,
        () -> driver.createExternalSnapshots(cx(host), Set.of(root, idle), "one"));
    requireCode(N0Exception.Code.BUSY, () -> create(cx(), "one"));
    requireUntouched();
    try (LiveVolume live = LiveVolume.open(host, data, status(data).path(), LIMIT)) {
      LiveJob mirror = live.mirror(MirrorSpec.of(
          Pictures.raw(directory.resolve("copy.raw"), (int) (4 * MIB / Guest.BLOCK)),
          ImageFormat.RAW));
      mirror.awaitReady(Waiting.longEnough());
      requireCode(N0Exception.Code.BUSY, () -> create(cx(host), "one"));
      mirror.cancel(LIMIT);
    }
    requireUntouched();
    driver.createExternalSnapshot(cx(host), data, "two");
    requireCode(N0Exception.Code.ALREADY_EXISTS, () -> create(cx(host), "two"));
    create(cx(host), "three");
    assertThat(snapshots()).containsExactly(List.of("three"), List.of("two", "three"));
  }

  @Test
  void otherWorkOnOneOfThemIsRefusedMeanwhile() {
    List<Throwable> refusals = new ArrayList<>();
    StandaloneContext cx = cx(host).before("change over", () -> refusals.add(refusal()));

    create(cx, "one");

    assertThat(refusals)
        .singleElement()
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
    driver.apply(cx(host), data, spec(data));
  }

  private Throwable refusal() {
    try {
      CompletableFuture.runAsync(() -> driver.apply(cx(host), data, spec(data))).join();
    } catch (CompletionException e) {
      return Objects.requireNonNull(e.getCause());
    }
    return new AssertionError("not refused");
  }

  /** Whatever instruction it dies at, all have the snapshot or none, and the guests' data is there. */
  @Test
  void crashAtAnyPointWhileTheMachineRunsOnLeavesAllOrNone() throws Exception {
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      assertThat(point).isLessThan(MOST_POINTS);
      crashed = crash(point);
      write(point + 1);
      for (ResourceId id : both) {
        driver.apply(cx(host), id, spec(id));
        requirePattern(point + 1, id);
      }
      assertThat(snapshots())
          .isIn(List.of(List.of(), List.of()), List.of(List.of("one"), List.of("one")));
      if (snapshots().get(0).isEmpty()) {
        requireUntouched();
      }

      create(cx(host), "one");

      assertThat(snapshots()).containsExactly(List.of("one"), List.of("one"));
      both.forEach(id -> driver.deleteExternalSnapshot(cx(host), id, "one"));
      requireUntouched();
    }
  }

  @ParameterizedTest
  @EnumSource
  void crashAtAnyPointOfAMachineThatEndsLeavesAllOrNone(Writes writes) throws Exception {
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      assertThat(point).isLessThan(MOST_POINTS);
      write(100);
      crashed = crash(point);
      writes.accept(this, point + 1);
      powerOff();
      for (ResourceId id : point % 2 == 0 ? both : List.of(data, root)) {
        driver.apply(cx(host), id, spec(id));
      }

      requirePattern(writes == Writes.NONE ? 100 : point + 1, root);
      requirePattern(writes == Writes.ALL ? point + 1 : 100, data);
      assertThat(snapshots())
          .isIn(List.of(List.of(), List.of()), List.of(List.of("one"), List.of("one")));
      both.forEach(id -> driver.deleteExternalSnapshot(cx(), id, "one"));
      boot();
    }
  }

  /** What the guests write between the crash and the end. */
  enum Writes {
    NONE,
    ONE,
    ALL;

    void accept(JointSnapshotsIT test, int pattern) throws Exception {
      if (this != NONE) {
        test.guestOfRoot.write(0, pattern);
      }
      if (this == ALL) {
        test.guestOfData.write(0, pattern);
      }
    }
  }

  private boolean crash(int point) {
    boolean crashed = false;
    try {
      create(cx(host).crashAt(point), "one");
    } catch (SimulatedCrash e) {
      crashed = true;
    }
    driver.close();
    driver = driver();
    return crashed;
  }

  @ParameterizedTest
  @EnumSource(BrokenMonitor.Break.class)
  void lineThatBreaksAtAnyCommandLeavesAllOrNone(BrokenMonitor.Break how) throws Exception {
    // Of the questions, which NOT_SENT counts too, some will do.
    int step = how == BrokenMonitor.Break.NOT_SENT ? 5 : 1;
    boolean broke = true;
    for (int command = 1; broke; command += step) {
      assertThat(command).isLessThan(100);
      BrokenMonitor monitor = new BrokenMonitor(host, how, command);
      write(command % 200 + 1);
      try {
        create(cx(monitor), "one");
      } catch (BrokenMonitor.Death | N0Exception e) {
        assertThat(monitor.hasBroken()).isTrue();
      }
      broke = monitor.hasBroken();
      driver.close();
      driver = driver();
      for (ResourceId id : both) {
        driver.apply(cx(host), id, spec(id));
        requirePattern(command % 200 + 1, id);
      }
      assertThat(snapshots())
          .isIn(List.of(List.of(), List.of()), List.of(List.of("one"), List.of("one")));
      both.forEach(id -> driver.deleteExternalSnapshot(cx(host), id, "one"));
      requireUntouched();
    }
  }
}
