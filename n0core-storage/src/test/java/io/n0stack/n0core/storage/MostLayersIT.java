package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.storage.VolumePool.Stage;
import io.n0stack.n0core.storage.VolumeRecord.Shape;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How many layers a volume may have, and how much its record may hold. */
class MostLayersIT {
  private static final int MOST = 200; // images that a disk may lie on
  private static final VolumeSpec SPEC = VolumeSpec.empty(1 << 20);

  @TempDir
  private Path directory;

  private static StandaloneContext cx() {
    return new StandaloneContext(Duration.ofMinutes(5));
  }

  private static String name(int number) {
    return "s" + "x".repeat(58) + "%04d".formatted(number); // as long as a name may be
  }

  private static VolumeStatus status(Qcow2DirectoryDriver driver, ResourceId id) {
    Observed.Present<VolumeStatus> seen = (Observed.Present<VolumeStatus>) driver.observe(id);
    assertThat(seen.complete()).isTrue();
    return seen.status();
  }

  @Test
  @Requires(Requirement.QEMU)
  void layersAreRefusedBeforeThereAreTooMany() {
    ResourceId base = ResourceId.fresh("volume", "base");
    ResourceId root = ResourceId.fresh("volume", "root");
    try (Qcow2DirectoryDriver driver =
        new Qcow2DirectoryDriver(directory.resolve("pool"), Duration.ofSeconds(30))) {
      driver.apply(cx(), base, SPEC);
      driver.createExternalSnapshot(cx(), base, "one");
      driver.apply(
          cx(),
          root,
          VolumeSpec.from(new ImageSource.Backing(status(driver, base).path(), ImageFormat.QCOW2)));
      // Beneath are the two layers of the base.
      for (int i = 0; i < MOST - 2; i++) {
        driver.createExternalSnapshot(cx(), root, name(i));
      }

      assertThatThrownBy(() -> driver.createExternalSnapshot(cx(), root, name(MOST)))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION))
          .hasMessageContaining("201 images, must be 200 at most");

      assertThat(driver.externalSnapshots(root)).hasSize(MOST - 2);
      assertThat(status(driver, root).path().toString()).contains(name(MOST - 3));
      driver.createExternalSnapshot(cx(), root, name(0)); // which is there
      driver.deleteExternalSnapshot(cx(), root, name(MOST - 3));
      driver.createExternalSnapshot(cx(), root, name(MOST));
      driver.revertToExternalSnapshot(cx(), root, name(0));
      assertThat(driver.externalSnapshots(root)).containsExactly(name(0));
    }
  }

  @Test
  void recordThatCouldNotBeReadIsNotWritten() throws IOException {
    ResourceId id = ResourceId.fresh("volume", "root");
    VolumePool pool = new VolumePool(directory.resolve("pool"));
    pool.create();
    pool.makeDirectory(id);
    VolumeRecord good =
        VolumeRecord.of(id, ImageFormat.QCOW2, 1 << 20, Optional.empty()).shaped(layers(1000));
    pool.write(Stage.MAKING, good);

    assertThatThrownBy(() -> pool.write(Stage.MAKING, good.shaped(layers(10_000))))
        .isInstanceOf(N0Exception.class)
        .hasMessageContaining("must be 262144 at most");

    assertThat(pool.record(Stage.MAKING, id)).isEqualTo(good);
  }

  private static Shape layers(int count) {
    return new Shape(
        IntStream.range(0, count).mapToObj(MostLayersIT::name).toList(), Optional.empty());
  }
}
