package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.Snapshots;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.storage.fetch.ImageCache;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two drivers, of one process or two, on the same pool. */
class PoolLockIT {
  private static final VolumeSpec SPEC = VolumeSpec.empty(1 << 20);

  @TempDir
  private Path directory;

  private final ResourceId root = ResourceId.fresh("volume", "root");
  private final ResourceId half = ResourceId.fresh("volume", "half");
  private Path pool;
  private Qcow2DirectoryDriver driver;

  @BeforeEach
  void open() {
    pool = directory.resolve("pool, of: volumes");
    driver = opened();
  }

  @AfterEach
  void close() {
    driver.close();
  }

  private Qcow2DirectoryDriver opened() {
    return new Qcow2DirectoryDriver(pool, Duration.ofSeconds(30));
  }

  private static StandaloneContext cx() {
    return new StandaloneContext();
  }

  private void requireBusy(String holder, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY))
        .hasMessageContaining("storage.directory \"" + pool + "\"")
        .hasMessageContaining("in use by " + holder);
  }

  @Test
  void whatAnotherProcessIsMakingIsLeftAloneUntilItDies() throws Exception {
    driver.apply(cx(), root, SPEC);
    driver.close();
    driver = opened();
    Process other = started();
    ProcessHandle left = null;
    try {
      left = ProcessHandle.of(Long.parseLong(firstLine(other))).orElseThrow();
      List<String> before = Images.tree(pool);
      String holder = "another process, pid " + other.pid() + " (java)";

      requireBusy(holder, () -> driver.apply(cx(), half, SPEC));
      requireBusy(holder, () -> driver.delete(cx(), half));
      requireBusy(holder, () -> driver.apply(cx(), root, SPEC.withSizeBytes(2 << 20)));
      requireBusy(holder, () -> driver.createExternalSnapshot(cx(), root, "one"));
      requireBusy(
          holder,
          () -> driver.capability(Snapshots.class).orElseThrow().createSnapshot(cx(), root, "one"));
      requireBusy(
          holder, () -> driver.capability(VolumeMaintenance.class).orElseThrow().check(cx(), root));

      assertThat(Images.tree(pool)).isEqualTo(before);
      assertThat(driver.list()).containsExactlyInAnyOrder(root, half);
      assertThat(driver.observe(root)).isInstanceOf(Observed.Present.class);
      assertThat(driver.probe().health()).isEqualTo(Fingerprint.Health.UNHEALTHY);
      assertThat(driver.probe().toString()).contains("in use by " + holder);
      assertThat(driver.capability(ImageCache.class).orElseThrow().images()).isEmpty();

      other.destroyForcibly().waitFor();

      assertThat(left.isAlive()).as("what it had started").isTrue();
      assertThat(driver.probe().health()).isEqualTo(Fingerprint.Health.HEALTHY);
      driver.apply(cx(), half, SPEC);
      assertThat(driver.observe(half)).isInstanceOf(Observed.Present.class);
      driver.delete(cx(), half);
    } finally {
      other.destroyForcibly().waitFor();
      if (left != null) {
        left.destroyForcibly();
      }
    }
  }

  private Process started() throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            Images.classPath(),
            PoolHolder.class.getName(),
            pool.toString(),
            half.name(),
            half.uid().toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  private static String firstLine(Process process) throws IOException {
    return new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))
        .readLine();
  }

  @Test
  void anotherDriverOfThisProcessIsRefusedUntilTheFirstIsClosed() {
    driver.apply(cx(), root, SPEC);
    try (Qcow2DirectoryDriver second = opened()) {
      requireBusy("another driver of this process", () -> second.delete(cx(), root));
      assertThat(second.observe(root)).isInstanceOf(Observed.Present.class);

      driver.close();

      second.delete(cx(), root);
      assertThat(second.list()).isEmpty();
    }
    assertThatThrownBy(() -> driver.apply(cx(), root, SPEC))
        .isInstanceOf(IllegalStateException.class);
    assertThat(Images.volumes(pool)).isEmpty();
  }

  @Test
  void lockWhoseFileIsGoneIsTakenAnewOrIsAnothers() throws IOException {
    driver.apply(cx(), root, SPEC);
    Files.delete(pool.resolve(".lock"));
    driver.apply(cx(), root, SPEC);
    try (Qcow2DirectoryDriver second = opened()) {
      requireBusy("another driver", () -> second.apply(cx(), root, SPEC));

      Files.delete(pool.resolve(".lock"));
      second.apply(cx(), root, SPEC);

      requireBusy("another driver", () -> driver.apply(cx(), root, SPEC));
    }
    driver.delete(cx(), root);
  }

  @Test
  void whoOnlyLooksLocksNothing() throws IOException {
    driver.delete(cx(), root);
    assertThat(pool).doesNotExist();
    Files.createDirectory(pool);

    assertThat(driver.list()).isEmpty();
    assertThat(driver.observe(root)).isInstanceOf(Observed.Absent.class);
    assertThat(driver.probe().health()).isEqualTo(Fingerprint.Health.HEALTHY);

    assertThat(pool).isEmptyDirectory();
  }
}
