package io.n0stack.n0core.storage;

import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Snapshots;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;

/** A process that changes the layers of volumes in all ways until it is killed; what they hold stays the same. */
final class LayerChurn {
  static final long BYTES = 8 << 20;
  static final int PATTERN = 7; // the first MiB of each volume is full of it

  private final Qcow2DirectoryDriver driver;
  private final List<ResourceId> volumes;

  private LayerChurn(Qcow2DirectoryDriver driver, List<ResourceId> volumes) {
    this.driver = driver;
    this.volumes = volumes;
  }

  /**
   * Runs for ever.
   *
   * @param arguments the pool, a seed, and the names and uids of four volumes: one to be layered, a clone, and two
   *     of the same content for it to lie on
   */
  public static void main(String[] arguments) {
    Qcow2DirectoryDriver driver =
        new Qcow2DirectoryDriver(Path.of(arguments[0]), Duration.ofSeconds(30));
    Random random = new Random(Long.parseLong(arguments[1]));
    LayerChurn churn = new LayerChurn(
        driver,
        List.of(arguments).subList(2, arguments.length).stream()
            .map(LayerChurn::id)
            .toList());
    System.out.println("ready");
    while (true) {
      switch (random.nextInt(4)) {
        case 0 -> churn.external();
        case 1 -> churn.internal();
        case 2 -> churn.clone(random.nextInt(2));
        default -> churn.resize();
      }
    }
  }

  static String argument(ResourceId id) {
    return id.name() + "/" + id.uid();
  }

  private static ResourceId id(String argument) {
    String[] parts = argument.split("/", 2);
    return new ResourceId("volume", parts[0], java.util.UUID.fromString(parts[1]));
  }

  private void external() {
    ResourceId id = volumes.get(0);
    whenFree(cx -> driver.createExternalSnapshot(cx, id, "one"));
    fill(driver, id);
    whenFree(cx -> driver.createExternalSnapshot(cx, id, "two"));
    fill(driver, id);
    whenFree(cx -> driver.deleteExternalSnapshot(cx, id, "one"));
    whenFree(cx -> driver.revertToExternalSnapshot(cx, id, "two"));
    fill(driver, id);
    whenFree(cx -> driver.deleteExternalSnapshot(cx, id, "two"));
  }

  private void internal() {
    ResourceId id = volumes.get(2);
    Snapshots snapshots = driver.capability(Snapshots.class).orElseThrow();
    whenFree(cx -> snapshots.createSnapshot(cx, id, "in"));
    whenFree(cx -> snapshots.deleteSnapshot(cx, id, "in"));
  }

  private void clone(int base) {
    ResourceId id = volumes.get(1);
    VolumeMaintenance maintenance = driver.capability(VolumeMaintenance.class).orElseThrow();
    VolumeStatus lower = status(driver, volumes.get(2 + base));
    Path below = lower.path();
    // A commit has enlarged the base, if a process was killed between growing and shrinking.
    long bytes = Math.max(status(driver, id).sizeBytes(), lower.sizeBytes());
    whenFree(cx -> driver.apply(cx, id, VolumeSpec.empty(bytes)));
    whenFree(cx -> maintenance.rebase(cx, id, new ImageSource.Backing(below, ImageFormat.QCOW2)));
    fill(driver, id);
    whenFree(cx -> maintenance.commit(cx, id));
    whenFree(cx -> maintenance.flatten(cx, id));
  }

  private void resize() {
    ResourceId id = volumes.get(1);
    VolumeMaintenance maintenance = driver.capability(VolumeMaintenance.class).orElseThrow();
    whenFree(cx -> driver.apply(cx, id, VolumeSpec.empty(2 * BYTES)));
    whenFree(cx -> maintenance.shrink(cx, id, BYTES));
  }

  /** Writes what is there already, into whatever layer is on top. */
  static void fill(Qcow2DirectoryDriver driver, ResourceId id) {
    String write = "write -P " + PATTERN + " 0 1M";
    await().atMost(Duration.ofSeconds(30)).ignoreException(AssertionError.class).until(() -> {
      Images.run(List.of(
          "qemu-io", "-f", "qcow2", "-c", write, status(driver, id).path().toString()));
      return true;
    });
  }

  static VolumeStatus status(Qcow2DirectoryDriver driver, ResourceId id) {
    return ((Observed.Present<VolumeStatus>) driver.observe(id)).status();
  }

  /** What is done to a volume. */
  interface Call {
    void run(StandaloneContext cx);
  }

  /** A qemu-img may outlive the process that started it for a moment; an agent tries again. */
  static void whenFree(Call call) {
    await()
        .atMost(Duration.ofSeconds(60))
        .ignoreExceptionsMatching(
            e -> e instanceof N0Exception n0 && n0.code() == N0Exception.Code.BUSY)
        .until(() -> {
          call.run(new StandaloneContext());
          return true;
        });
  }
}
