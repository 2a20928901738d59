package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
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
import java.util.Set;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Layers of once that a power cut has brought back: no guest finds anything of them. */
@Requires(Requirement.QEMU)
class OldLayersIT {
  private static final VolumeSpec SPEC = VolumeSpec.empty(8 << 20);

  @TempDir
  private Path directory;

  private final ResourceId root = ResourceId.fresh("volume", "root");
  private final ResourceId data = ResourceId.fresh("volume", "data");
  private Qcow2DirectoryDriver driver;

  /** Leaves each volume with pattern 2 in its disk and 1 in a file that was a layer named "one". */
  @BeforeEach
  void open() throws IOException {
    driver = new Qcow2DirectoryDriver(directory.resolve("pool"), Duration.ofSeconds(30));
    for (ResourceId id : List.of(root, data)) {
      driver.apply(cx(), id, SPEC);
      driver.createExternalSnapshot(cx(), id, "one");
      io(id, "write -P 1 0 64k");
      Path layer = disk(id);
      Path kept = Files.copy(layer, directory.resolve("kept-" + id.name()));
      driver.deleteExternalSnapshot(cx(), id, "one");
      io(id, "write -P 2 0 64k");
      assertThat(layer).doesNotExist();
      Files.move(kept, layer);
    }
  }

  @AfterEach
  void close() {
    driver.close();
  }

  private static StandaloneContext cx() {
    return new StandaloneContext();
  }

  private Path disk(ResourceId id) {
    Observed.Present<VolumeStatus> seen = (Observed.Present<VolumeStatus>) driver.observe(id);
    assertThat(seen.complete()).isTrue();
    return seen.status().path();
  }

  private void io(ResourceId id, String command) {
    assertThat(Images.run(List.of("qemu-io", "-f", "qcow2", "-c", command, "" + disk(id))))
        .doesNotContain("failed");
  }

  private QemuHost boot() throws IOException {
    QemuHost host = QemuHost.daemon(Files.createDirectories(directory.resolve("host")));
    host.add("disk-root", disk(root), "qcow2");
    host.add("disk-data", disk(data), "qcow2");
    return host;
  }

  @Test
  void applyUnlinksThem() throws Exception {
    Files.copy(disk(root), disk(root).resolveSibling("joined-disk-two.qcow2"));

    driver.apply(cx(), root, SPEC);

    assertThat(disk(root).resolveSibling(".").toFile().list())
        .containsOnly("volume.json", "disk.qcow2");
    io(root, "read -P 2 0 64k");
  }

  @Test
  void layersOfTheVolumeAreNotTakenForOldOnes() {
    driver.createExternalSnapshot(cx(), root, "two");
    io(root, "write -P 3 0 64k");

    driver.apply(cx(), root, SPEC);

    assertThat(driver.externalSnapshots(root)).containsExactly("two");
    io(root, "read -P 3 0 64k");
  }

  @Test
  void newSnapshotOfThatNameIsEmpty() {
    driver.createExternalSnapshot(cx(), root, "one");

    io(root, "read -P 2 0 64k");
  }

  @Test
  void newSnapshotOfThatNameOfARunningMachineIsEmpty() throws Exception {
    try (QemuHost host = boot();
        Guest guest = host.attach("disk-root")) {
      driver.createExternalSnapshot(cx().lending("machine", host), root, "one");
      guest.write(1, 3);
      host.quit();
    }

    io(root, "read -P 2 0 64k");
    io(root, "read -P 3 64k 64k");
  }

  /** What the old layers hold is no proof that a machine has changed over to new ones. */
  @Test
  void newSnapshotOfThatNameOfSeveralVolumesIsEmpty() throws Exception {
    try (QemuHost host = boot();
        Guest guest = host.attach("disk-root");
        Guest other = host.attach("disk-data")) {
      guest.write(1, 3);
      other.write(1, 3);
      Assertions.assertThatThrownBy(() -> driver.createExternalSnapshots(
              cx().lending("machine", host).before("change over", () -> {
                throw new SimulatedCrash("change over");
              }),
              Set.of(root, data),
              "one"))
          .isInstanceOf(SimulatedCrash.class);
      host.quit();
    }
    for (ResourceId id : List.of(root, data)) {
      driver.apply(cx(), id, SPEC);
      assertThat(driver.externalSnapshots(id)).isEmpty();
      io(id, "read -P 2 0 64k");
      io(id, "read -P 3 64k 64k");
    }
  }
}
