package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.QEMU)
class KilledIT {
  private static final int KILLS = 24;
  private static final int MOST_KILLS = 200; // until one hits the middle

  @TempDir
  Path directory;

  @Test
  void whatAKilledProcessLeavesIsFinishedOrDeleted() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    Path pool = directory.resolve("pool");
    Path image = directory.resolve("base.qcow2");
    Images.qemuImg("create", "-q", "-f", "qcow2", image, "8M");
    int halfMade = 0;
    for (int kill = 0; kill < KILLS || (halfMade == 0 && kill < MOST_KILLS); kill++) {
      runAndKill(pool, image, random);
      halfMade += settle(new Qcow2DirectoryDriver(pool, Duration.ofSeconds(30)), image, random);
      assertThat(Images.tree(pool)).as("seed %s kill %s", seed, kill).isEmpty();
    }
    assertThat(halfMade).as("kills that hit the middle, seed %s", seed).isPositive();
  }

  private static void runAndKill(Path pool, Path image, Random random) throws Exception {
    Process process = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            Images.classPath(),
            Churn.class.getName(),
            pool.toString(),
            image.toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
    try (BufferedReader out = new BufferedReader(
        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(out.lines().anyMatch("ready"::equals)).isTrue();
      process.waitFor(random.nextInt(400), TimeUnit.MILLISECONDS);
      process.destroyForcibly();
      assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as("killed, not failed").isEqualTo(137);
    }
  }

  /** Applies or deletes each, as its agent would; returns how many were not complete. */
  private static int settle(Qcow2DirectoryDriver driver, Path image, Random random)
      throws IOException {
    int halfMade = 0;
    for (ResourceId id : driver.list()) {
      Observed<VolumeStatus> seen = driver.observe(id);
      assertThat(seen).isInstanceOf(Observed.Present.class);
      Observed.Present<VolumeStatus> present = (Observed.Present<VolumeStatus>) seen;
      boolean done = present.complete();
      halfMade += done ? 0 : 1;
      if (!done && random.nextBoolean()) {
        VolumeSpec spec = present.status().backingImage().isPresent()
            ? VolumeSpec.from(new ImageSource.Backing(image, ImageFormat.QCOW2))
            : VolumeSpec.empty(8 << 20);
        whenFree(() -> driver.apply(new StandaloneContext(), id, spec.withSizeBytes(16 << 20)));
        present = (Observed.Present<VolumeStatus>) driver.observe(id);
        done = present.complete();
        assertThat(done).isTrue();
      }
      if (done) {
        assertThat(Images.qemuImg("check", "-f", "qcow2", present.status().path()))
            .contains("No errors");
      }
      whenFree(() -> driver.delete(new StandaloneContext(), id));
    }
    return halfMade;
  }

  /** A qemu-img may outlive the process that started it for a moment; an agent tries again. */
  private static void whenFree(Runnable call) {
    await()
        .atMost(Duration.ofSeconds(30))
        .ignoreExceptionsMatching(
            e -> e instanceof N0Exception n0 && n0.code() == N0Exception.Code.BUSY)
        .until(() -> {
          call.run();
          return true;
        });
  }
}
