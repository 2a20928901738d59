package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BackupRequest;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Snapshots;
import io.n0stack.n0core.api.storage.VolumeBackups;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeMaintenance.Soundness;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A process that works on volumes of a pool which has room for less and less, and says what it saw. */
final class FullMaintenance {
  private static final long BYTES = 4 << 20;
  private static final int[] FREE_KIB = {0, 4, 16, 80, 144, 272, 528, 1040};

  private final Path pool;
  private final Path outside;
  private final Qcow2DirectoryDriver driver;
  private final ResourceId base = ResourceId.fresh("volume", "base");
  private final ResourceId other = ResourceId.fresh("volume", "other");
  private final ResourceId clone = ResourceId.fresh("volume", "clone");
  private final Snapshots snapshots;
  private final VolumeMaintenance maintenance;
  private final VolumeBackups backups;

  private FullMaintenance(Path pool, Path outside) {
    this.pool = pool;
    this.outside = outside;
    driver = new Qcow2DirectoryDriver(pool, Duration.ofSeconds(30));
    snapshots = driver.capability(Snapshots.class).orElseThrow();
    maintenance = driver.capability(VolumeMaintenance.class).orElseThrow();
    backups = driver.capability(VolumeBackups.class).orElseThrow();
  }

  /** Work on the clone that is begun by what may fail, and for which all is made ready before. */
  private record Work(Call ready, Call work) {}

  private interface Call {
    void run() throws Exception;
  }

  /**
   * Runs once.
   *
   * @param arguments an empty file system of 16 MiB, and a directory elsewhere
   */
  public static void main(String[] arguments) throws Exception {
    FullMaintenance full = new FullMaintenance(Path.of(arguments[0]), Path.of(arguments[1]));
    for (Map.Entry<String, Work> one : full.all().entrySet()) {
      int exhausted = 0;
      for (int free : FREE_KIB) {
        exhausted += full.attempt(one.getKey(), one.getValue(), free) ? 0 : 1;
      }
      System.out.println(one.getKey() + " ok, refused " + exhausted);
    }
    full.driver.close();
  }

  private Map<String, Work> all() {
    Map<String, Work> all = new LinkedHashMap<>();
    all.put("take", new Work(() -> {}, () -> snapshots.createSnapshot(cx(), clone, "in")));
    all.put(
        "delete",
        new Work(
            () -> snapshots.createSnapshot(cx(), clone, "in"),
            () -> snapshots.deleteSnapshot(cx(), clone, "in")));
    all.put(
        "revert",
        new Work(
            () -> snapshots.createSnapshot(cx(), clone, "in"),
            () -> snapshots.revertToSnapshot(cx(), clone, "in")));
    all.put("layer", new Work(() -> {}, () -> driver.createExternalSnapshot(cx(), clone, "out")));
    all.put(
        "join",
        new Work(
            () -> {
              driver.createExternalSnapshot(cx(), clone, "out");
              LayerChurn.fill(driver, clone);
            },
            () -> driver.deleteExternalSnapshot(cx(), clone, "out")));
    all.put(
        "throw away",
        new Work(
            () -> {
              driver.createExternalSnapshot(cx(), clone, "out");
              LayerChurn.fill(driver, clone);
            },
            () -> driver.revertToExternalSnapshot(cx(), clone, "out")));
    all.put("rebase", new Work(() -> {}, () -> maintenance.rebase(cx(), clone, on(other))));
    all.put("flatten", new Work(() -> {}, () -> maintenance.flatten(cx(), clone)));
    all.put("commit", new Work(() -> {}, () -> maintenance.commit(cx(), clone)));
    all.put("shrink", new Work(() -> {}, () -> maintenance.shrink(cx(), clone, BYTES / 2)));
    all.put(
        "grow", new Work(() -> {}, () -> driver.apply(cx(), clone, VolumeSpec.empty(2 * BYTES))));
    all.put(
        "check point",
        new Work(
            () -> Files.deleteIfExists(outside.resolve("backup")),
            () -> backups.backUp(
                cx(),
                clone,
                BackupRequest.full(outside.resolve("backup")).withCheckpoint("since"))));
    return all;
  }

  private static StandaloneContext cx() {
    return new StandaloneContext();
  }

  private ImageSource.Backing on(ResourceId id) {
    return new ImageSource.Backing(LayerChurn.status(driver, id).path(), ImageFormat.QCOW2);
  }

  /** Returns whether there was room. */
  private boolean attempt(String name, Work work, int freeKib) throws Exception {
    driver.apply(cx(), base, VolumeSpec.empty(BYTES));
    LayerChurn.fill(driver, base);
    driver.apply(cx(), other, VolumeSpec.empty(BYTES));
    driver.apply(cx(), clone, VolumeSpec.empty(BYTES));
    maintenance.rebase(cx(), clone, on(base));
    LayerChurn.fill(driver, clone);
    work.ready.run();
    Path filler = pool.resolve("filler");
    Files.write(
        filler, new byte[Math.max(0, (int) pool.toFile().getUsableSpace() - freeKib * 1024)]);
    boolean done = false;
    try {
      work.work.run();
      done = true;
    } catch (N0Exception e) {
      if (e.code() != N0Exception.Code.EXHAUSTED) {
        throw new IllegalStateException(name + " with " + freeKib + " KiB free", e);
      }
    }
    Files.delete(filler);
    for (ResourceId id : List.of(base, other, clone)) {
      requireWhole(name + " with " + freeKib + " KiB free", id);
    }
    if (!done) {
      work.work.run();
      requireWhole(name + " once more", clone);
    }
    for (ResourceId id : List.of(clone, other, base)) {
      driver.delete(cx(), id);
    }
    Files.deleteIfExists(outside.resolve("backup"));
    try (Stream<Path> left = Files.list(pool)) {
      List<Path> files = left.filter(file -> !file.endsWith(".lock")).toList();
      if (!files.isEmpty()) {
        throw new IllegalStateException(name + " leaves " + files);
      }
    }
    return done;
  }

  private void requireWhole(String as, ResourceId id) {
    Observed.Present<VolumeStatus> found = (Observed.Present<VolumeStatus>) driver.observe(id);
    driver.apply(cx(), id, VolumeSpec.empty(found.status().sizeBytes()));
    Observed.Present<VolumeStatus> now = (Observed.Present<VolumeStatus>) driver.observe(id);
    Soundness sound = maintenance.check(cx(), id);
    String read = "read -P " + (id.equals(other) ? 0 : LayerChurn.PATTERN) + " 0 1M";
    String said = Images.run(
        List.of("qemu-io", "-r", "-f", "qcow2", "-c", read, now.status().path().toString()));
    if (!now.complete()
        || sound.corruptions() + sound.checkErrors() > 0
        || said.contains("failed")) {
      throw new IllegalStateException(as + ": " + id + " " + now + " " + sound + " " + said);
    }
  }
}
