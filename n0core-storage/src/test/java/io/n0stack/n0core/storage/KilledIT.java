package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.storage.Churn.Kind;
import io.n0stack.n0core.storage.fetch.ImageCache;
import io.n0stack.n0core.storage.file.QemuLocks;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires({Requirement.ROOT, Requirement.QEMU})
class KilledIT {
  private static final int KILLS = 30;
  private static final int MOST_KILLS = 200; // until one hits the middle
  private static final int LONGEST_MILLIS = 700;

  @TempDir
  Path directory;

  private Path pool;
  private Path exports;
  private Path images;

  @BeforeEach
  void makeImages() throws IOException {
    pool = directory.resolve("pool");
    exports = Files.createDirectory(directory.resolve("exports"));
    // Others must be able to reach it: a foreign image is read by a user who owns nothing.
    images = Files.createTempDirectory(Path.of("/var/tmp"), "n0core-killed-");
    Files.setPosixFilePermissions(images, PosixFilePermissions.fromString("rwxr-xr-x"));
    for (String format : List.of("qcow2", "vmdk")) {
      Path image = images.resolve("image." + format);
      Images.qemuImg("create", "-q", "-f", format, image, Churn.BYTES);
      Images.run(List.of("qemu-io", "-f", format, "-c", "write -P 7 1M 1M", image.toString()));
      Files.setPosixFilePermissions(image, PosixFilePermissions.fromString("rw-r--r--"));
    }
  }

  @AfterEach
  void removeImages() throws IOException {
    for (String format : List.of("qcow2", "vmdk")) {
      Files.deleteIfExists(images.resolve("image." + format));
    }
    Files.delete(images);
  }

  @Test
  void whatAKilledProcessLeavesIsFinishedOrDeleted() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int halfMade = 0;
    for (int kill = 0; kill < KILLS || (halfMade == 0 && kill < MOST_KILLS); kill++) {
      runAndKill(random, kill % Kind.values().length);
      try (Qcow2DirectoryDriver driver = new Qcow2DirectoryDriver(pool, Duration.ofSeconds(30))) {
        requireWholeExports(driver);
        halfMade += settle(driver, random);
      }
      assertThat(Images.volumes(pool)).as("seed %s kill %s", seed, kill).isEmpty();
    }
    assertThat(halfMade).as("kills that hit the middle, seed %s", seed).isPositive();
  }

  private void runAndKill(Random random, int first) throws Exception {
    Process process = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            Images.classPath(),
            Churn.class.getName(),
            pool.toString(),
            images.toString(),
            exports.toString(),
            "" + first)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
    try (BufferedReader out = new BufferedReader(
        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(out.lines().anyMatch("ready"::equals)).isTrue();
      process.waitFor(random.nextInt(LONGEST_MILLIS), TimeUnit.MILLISECONDS);
      process.destroyForcibly();
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as("killed, not failed").isEqualTo(137);
    }
  }

  /** An export that has its name is whole; what is half made is swept by the next one. */
  private void requireWholeExports(Qcow2DirectoryDriver driver) throws IOException {
    ResourceId id = ResourceId.fresh("volume", Kind.COPY.name().toLowerCase(java.util.Locale.ROOT));
    // Whoever was killed while it started a program has copied the lock of the pool into a child,
    // which lets go of it when it becomes that program.
    whenFree(() -> driver.apply(new StandaloneContext(), id, Kind.COPY.spec(images)));
    VolumeMaintenance maintenance = driver.capability(VolumeMaintenance.class).orElseThrow();
    maintenance.export(
        new StandaloneContext(), id, exports.resolve("copy.qcow2"), ImageFormat.QCOW2);
    driver.delete(new StandaloneContext(), id);
    try (Stream<Path> all = Files.list(exports)) {
      for (Path file : all.toList()) {
        String name = String.valueOf(file.getFileName());
        assertThat(name).matches("[a-z]+\\d*\\.qcow2");
        requireSound(file, Kind.of(ResourceId.fresh("volume", name.replace(".qcow2", ""))));
        Files.delete(file);
      }
    }
  }

  /** Whoever was killed may not have come to let go of an image, though its volume was made. */
  private static List<String> pins(Qcow2DirectoryDriver driver) {
    return driver.capability(ImageCache.class).orElseThrow().images().stream()
        .flatMap(image -> image.references().stream())
        .toList();
  }

  private static void requireSound(Path disk, Kind kind) {
    assertThat(Images.qemuImg("check", "-f", "qcow2", disk)).contains("No errors");
    String pattern = kind.hasContent() ? "7" : "0";
    assertThat(Images.run(List.of(
            "qemu-io", "-r", "-f", "qcow2", "-c", "read -P " + pattern + " 1M 1M", "" + disk)))
        .contains("read 1048576")
        .doesNotContain("failed");
  }

  /** Applies or deletes each, as its agent would; returns how many were not complete. */
  private int settle(Qcow2DirectoryDriver driver, Random random) {
    int halfMade = 0;
    for (ResourceId id : driver.list()) {
      Observed<VolumeStatus> seen = driver.observe(id);
      assertThat(seen).isInstanceOf(Observed.Present.class);
      Observed.Present<VolumeStatus> present = (Observed.Present<VolumeStatus>) seen;
      boolean done = present.complete();
      halfMade += done ? 0 : 1;
      if (random.nextBoolean()) {
        whenFree(() -> driver.apply(
            new StandaloneContext(), id, Kind.of(id).spec(images).withSizeBytes(2 * Churn.BYTES)));
        present = (Observed.Present<VolumeStatus>) driver.observe(id);
        done = present.complete();
        assertThat(done).isTrue();
        assertThat(pins(driver)).doesNotContain(id.uid().toString());
      }
      if (done) {
        awaitFree(present.status().path());
        requireSound(present.status().path(), Kind.of(id));
      }
      whenFree(() -> driver.delete(new StandaloneContext(), id));
    }
    return halfMade;
  }

  /** A volume is complete from the last write of a qemu-img on, which then has to sync it and to end. */
  private static void awaitFree(Path disk) {
    await().atMost(Duration.ofSeconds(30)).until(() -> !QemuLocks.look(disk).isUsed());
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
