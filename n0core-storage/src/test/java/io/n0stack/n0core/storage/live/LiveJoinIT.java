package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.storage.Qcow2DirectoryDriver;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Layers that are joined while a guest writes: what it has written last is there, whoever died when. */
@Requires(Requirement.QEMU)
class LiveJoinIT {
  private static final long MIB = 1 << 20;
  private static final int MOST_POINTS = 30;
  private static final VolumeSpec SPEC = VolumeSpec.empty(8 * MIB);

  @TempDir
  private Path directory;

  private final ResourceId root = ResourceId.fresh("volume", "root");
  private Qcow2DirectoryDriver driver;
  private QemuHost host;
  private Guest guest;

  @BeforeEach
  void open() throws IOException {
    driver = opened();
    driver.apply(cx(), root, SPEC);
    boot();
  }

  private Qcow2DirectoryDriver opened() {
    return new Qcow2DirectoryDriver(directory.resolve("pool"), Duration.ofSeconds(30));
  }

  private void boot() throws IOException {
    Path place = directory.resolve("host");
    Files.createDirectories(place);
    Files.deleteIfExists(place.resolve("nbd.sock"));
    host = QemuHost.daemon(place);
    host.add("disk-root", disk(), "qcow2");
    guest = host.attach("disk-root");
  }

  @AfterEach
  void close() {
    guest.close();
    host.close();
    driver.close();
  }

  /** Ends the machine without letting it write anything more. */
  private void powerOff() {
    guest.close();
    host.kill();
  }

  private static StandaloneContext cx() {
    return new StandaloneContext();
  }

  private static StandaloneContext cx(BlockMonitor monitor) {
    return cx().lending("machine", monitor);
  }

  private Path disk() {
    Observed.Present<VolumeStatus> seen = (Observed.Present<VolumeStatus>) driver.observe(root);
    assertThat(seen.complete()).isTrue();
    return seen.status().path();
  }

  private void requirePattern(int pattern) {
    String read = "read -P " + pattern + " 0 64k";
    assertThat(Images.run(List.of("qemu-io", "-r", "-f", "qcow2", "-c", read, "" + disk())))
        .doesNotContain("failed");
  }

  private void requireOnlyTheDisk() {
    assertThat(driver.externalSnapshots(root)).isEmpty();
    assertThat(disk().resolveSibling(".").toFile().list())
        .containsOnly("volume.json", "disk.qcow2");
  }

  private String jobs() {
    return host.run("query-jobs", Map.of()).toString();
  }

  /** A guest whose disk is about to be changed over waits for it. Returns what its disk holds. */
  private int write(int pattern, int before) {
    if (jobs().contains("\"pending\"")) {
      return before;
    }
    guest.write(0, pattern);
    return pattern;
  }

  private boolean joinAndDie(StandaloneContext cx) {
    boolean died = false;
    try {
      driver.deleteExternalSnapshot(cx, root, "one");
    } catch (SimulatedCrash | BrokenMonitor.Death e) {
      died = true;
    }
    driver.close();
    driver = opened();
    return died;
  }

  private void prepare() {
    guest.write(0, 200);
    driver.createExternalSnapshot(cx(host), root, "one");
    guest.write(0, 201);
  }

  /** What happens between the death of the process and the next one. */
  enum Then {
    RUNS_ON,
    ENDS
  }

  @ParameterizedTest
  @EnumSource
  void crashAtAnyPointKeepsWhatTheGuestWroteLast(Then then) throws Exception {
    boolean died = true;
    for (int point = 0; died; point++) {
      assertThat(point).isLessThan(MOST_POINTS);
      prepare();
      died = joinAndDie(cx(host).crashAt(point));
      requireLastWrite(then, point + 1);
    }
  }

  @ParameterizedTest
  @EnumSource
  void crashAtAnyCommandKeepsWhatTheGuestWroteLast(Then then) throws Exception {
    for (var how : List.of(BrokenMonitor.Break.DIES_BEFORE, BrokenMonitor.Break.DIES_AFTER)) {
      boolean died = true;
      for (int command = 1; died; command++) {
        assertThat(command).isLessThan(MOST_POINTS);
        prepare();
        died = joinAndDie(cx(new BrokenMonitor(host, how, command)));
        requireLastWrite(then, command + (how == BrokenMonitor.Break.DIES_AFTER ? 100 : 0));
      }
    }
  }

  private void requireLastWrite(Then then, int pattern) throws IOException {
    int last = write(pattern, 201);
    if (then == Then.ENDS) {
      powerOff();
      driver.apply(cx(), root, SPEC);
    } else {
      driver.apply(cx(host), root, SPEC);
      guest.write(0, pattern);
      last = pattern;
      powerOff();
    }
    requirePattern(last);
    driver.deleteExternalSnapshot(cx(), root, "one");
    requirePattern(last);
    requireOnlyTheDisk();
    boot();
  }

  /** What cannot be noted must not be done: the machine goes on in the layer that it has. */
  @Test
  void changeOverThatCannotBeNotedIsNone() throws Exception {
    prepare();
    Path aside = disk().resolveSibling("joined-disk-one.qcow2");
    Files.createDirectory(aside);
    Files.createFile(aside.resolve("in the way"));

    assertThatThrownBy(() -> driver.deleteExternalSnapshot(cx(host), root, "one"))
        .isInstanceOf(N0Exception.class);
    assertThat(jobs()).isEqualTo("[]");
    guest.write(0, 3);
    assertThat(((Observed.Present<VolumeStatus>) driver.observe(root)).complete())
        .isFalse();
    Files.delete(aside.resolve("in the way"));
    Files.delete(aside);
    powerOff();
    driver.apply(cx(), root, SPEC);

    requirePattern(3);
    requireOnlyTheDisk();
  }

  @Test
  void cancelledJoinLetsTheGuestGoOn() throws Exception {
    prepare();
    BlockMonitor monitor = host;
    Path top = disk();
    Path below = top.resolveSibling("disk.qcow2");
    try (LiveVolume live = LiveVolume.open(monitor, root, below, Duration.ofSeconds(30))) {
      LiveJob job = live.commit(top, below);
      job.awaitReady(Waiting.longEnough());
      assertThatThrownBy(() -> job.complete(Waiting.longEnough(), () -> {
            assertThat(job.status().state()).isEqualTo(JobState.PENDING);
            throw new N0Exception(N0Exception.Code.EXHAUSTED, "note", "no room for the note");
          }))
          .hasMessageContaining("no room for the note");
      assertThat(live.layers().get(0).file()).contains(top);
      guest.write(0, 4);
      LiveJob again = live.commit(top, below);
      again.awaitReady(Waiting.longEnough());
      host.run("job-complete", Map.of("id", again.id()));
      await()
          .atMost(Duration.ofSeconds(30))
          .until(() -> again.status().state() == JobState.PENDING);
      assertThat(again.cancel(Duration.ofSeconds(30)).error()).isPresent();
    }
    guest.write(0, 5);
    powerOff();

    requirePattern(5);
  }
}
