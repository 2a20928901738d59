package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeMaintenance.Soundness;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Processes are killed while they change the layers of volumes. */
@Requires(Requirement.QEMU)
class KilledLayersIT {
  private static final int KILLS = 25;
  private static final int MOST_KILLS = 200; // until one hits the middle
  private static final int LONGEST_MILLIS = 1500;

  @TempDir
  Path directory;

  private final List<ResourceId> volumes = Stream.of("layered", "clone", "base-0", "base-1")
      .map(name -> ResourceId.fresh("volume", name))
      .toList();

  @Test
  void volumesAreWholeAndHoldWhatTheyHeldWheneverAProcessIsKilled() throws Exception {
    Path pool = directory.resolve("pool");
    try (Qcow2DirectoryDriver driver = new Qcow2DirectoryDriver(pool, Duration.ofSeconds(30))) {
      for (ResourceId id : volumes) {
        driver.apply(new StandaloneContext(), id, VolumeSpec.empty(LayerChurn.BYTES));
        LayerChurn.fill(driver, id);
      }
    }
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int hits = 0;
    for (int kill = 0; kill < KILLS || (hits == 0 && kill < MOST_KILLS); kill++) {
      runAndKill(pool, random);
      try (Qcow2DirectoryDriver driver = new Qcow2DirectoryDriver(pool, Duration.ofSeconds(30))) {
        for (ResourceId id : volumes) {
          hits += settle(driver, id, "seed " + seed + ", kill " + kill);
        }
      }
    }
    assertThat(hits).as("kills that hit the middle, seed %s", seed).isPositive();
  }

  private void runAndKill(Path pool, Random random) throws Exception {
    List<String> command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:TieredStopAtLevel=1",
        "--enable-native-access=ALL-UNNAMED",
        "-cp",
        Images.classPath(),
        LayerChurn.class.getName(),
        pool.toString(),
        "" + random.nextLong()));
    volumes.forEach(id -> command.add(LayerChurn.argument(id)));
    Process process = new ProcessBuilder(command)
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

  /** Returns 1 if the volume was not complete. */
  private static int settle(Qcow2DirectoryDriver driver, ResourceId id, String as)
      throws Exception {
    Observed.Present<VolumeStatus> found = (Observed.Present<VolumeStatus>) driver.observe(id);
    LayerChurn.whenFree(cx -> keepSize(driver, cx, id));

    Observed.Present<VolumeStatus> seen = (Observed.Present<VolumeStatus>) driver.observe(id);
    assertThat(seen.complete()).as(as).isTrue();
    Soundness[] sound = new Soundness[1];
    LayerChurn.whenFree(cx ->
        sound[0] = driver.capability(VolumeMaintenance.class).orElseThrow().check(cx, id));
    assertThat(sound[0].corruptions() + sound[0].checkErrors())
        .as("%s: %s of %s", as, sound[0], id)
        .isZero();
    String read = "read -P " + LayerChurn.PATTERN + " 0 1M";
    assertThat(Images.run(List.of(
            "qemu-io", "-r", "-f", "qcow2", "-c", read, seen.status().path().toString())))
        .as(as)
        .doesNotContain("failed");
    List<String> layers = new ArrayList<>(List.of("volume.json", "disk.qcow2"));
    driver.externalSnapshots(id).forEach(name -> layers.add("disk-" + name + ".qcow2"));
    try (Stream<Path> files = Files.list(seen.status().path().resolveSibling("."))) {
      assertThat(files.map(file -> "" + file.getFileName())).as(as).hasSameElementsAs(layers);
    }
    return found.complete() ? 0 : 1;
  }

  /** A qemu-img that outlives its process for a moment may enlarge the disk after it was looked at. */
  private static void keepSize(Qcow2DirectoryDriver driver, StandaloneContext cx, ResourceId id) {
    long seen;
    boolean refused = true;
    do {
      seen = LayerChurn.status(driver, id).sizeBytes();
      try {
        driver.apply(cx, id, VolumeSpec.empty(Math.max(LayerChurn.BYTES, seen)));
        refused = false;
      } catch (N0Exception e) {
        if (LayerChurn.status(driver, id).sizeBytes() == seen) {
          throw e;
        }
      }
    } while (refused);
  }
}
