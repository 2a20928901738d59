package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Volumes on which others lie say that nobody may write to them. */
class BaseVolumesIT {
  private static final long MIB = 1 << 20;

  @TempDir
  private Path directory;

  private final ResourceId base = ResourceId.fresh("volume", "base");
  private final ResourceId clone = ResourceId.fresh("volume", "clone");
  private final ResourceId other = ResourceId.fresh("volume", "other");
  private Qcow2DirectoryDriver driver;
  private VolumeMaintenance maintenance;

  @BeforeEach
  void open() {
    driver = opened();
    maintenance = driver.capability(VolumeMaintenance.class).orElseThrow();
    driver.apply(cx(), base, VolumeSpec.empty(8 * MIB));
  }

  private Qcow2DirectoryDriver opened() {
    return new Qcow2DirectoryDriver(directory.resolve("pool"), Duration.ofSeconds(30));
  }

  @AfterEach
  void close() {
    driver.close();
  }

  private static StandaloneContext cx() {
    return new StandaloneContext();
  }

  private VolumeStatus status(ResourceId id) {
    assertThat(driver.observe(id)).isInstanceOf(Observed.Present.class);
    return ((Observed.Present<VolumeStatus>) driver.observe(id)).status();
  }

  private Optional<String> readOnly() {
    return status(base).readOnly();
  }

  private ImageSource.Backing on(ResourceId id) {
    return new ImageSource.Backing(status(id).path(), status(id).format());
  }

  private Path directory(ResourceId id) {
    return directory.resolve("pool").resolve(id.name() + "." + id.uid());
  }

  @Test
  void baseSaysSoForAsLongAsSomethingLiesOnIt() {
    assertThat(readOnly()).isEmpty();

    driver.apply(cx(), clone, VolumeSpec.from(on(base)));
    assertThat(readOnly().orElseThrow()).contains(clone.toString() + " lies on it");
    driver.apply(cx(), other, VolumeSpec.from(on(base)));
    assertThat(readOnly().orElseThrow())
        .contains(clone.toString() + ", " + other.toString() + " lie on it");
    assertThat(status(clone).readOnly()).isEmpty();
    try (Qcow2DirectoryDriver second = opened()) {
      assertThat(
              ((Observed.Present<VolumeStatus>) second.observe(base)).status().readOnly())
          .isEqualTo(readOnly());
    }

    driver.delete(cx(), clone);
    assertThat(readOnly().orElseThrow()).contains(other.toString()).doesNotContain("clone");
    maintenance.flatten(cx(), other);
    assertThat(readOnly()).isEmpty();
  }

  @Test
  void manyClonesAreCountedAndAFewNamed() {
    for (int i = 0; i < 8; i++) {
      driver.apply(cx(), ResourceId.fresh("volume", "clone-" + i), VolumeSpec.from(on(base)));
    }

    assertThat(readOnly().orElseThrow())
        .contains("clone-4", " and 3 more lie")
        .doesNotContain("clone-5");
  }

  @Test
  void externalSnapshotMakesALayerToWriteTo() {
    driver.apply(cx(), clone, VolumeSpec.from(on(base)));
    Path below = status(base).path();

    driver.createExternalSnapshot(cx(), base, "cloned");

    assertThat(status(base).path()).isNotEqualTo(below);
    assertThat(readOnly()).isEmpty();
    Images.run(List.of(
        "qemu-io", "-f", "qcow2", "-c", "write -P 3 0 64k", status(base).path().toString()));
    assertThat(Images.run(List.of(
            "qemu-io",
            "-f",
            "qcow2",
            "-c",
            "read -P 0 0 64k",
            status(clone).path().toString())))
        .doesNotContain("failed");
    driver.apply(cx(), other, VolumeSpec.from(on(base)));
    assertThat(readOnly().orElseThrow()).contains(other.toString()).doesNotContain("clone");
  }

  @Test
  void rawVolumeIsABaseToo() {
    ResourceId raw = ResourceId.fresh("volume", "raw");
    driver.apply(
        cx(), raw, new VolumeSpec(ImageFormat.RAW, Optional.of(8 * MIB), Optional.empty()));

    driver.apply(cx(), clone, VolumeSpec.from(on(raw)));

    assertThat(status(raw).readOnly().orElseThrow()).contains(clone.toString());
    assertThat(readOnly()).isEmpty();
  }

  /** Whatever instruction its making dies at, what may be a clone counts until it is deleted. */
  @Test
  void halfMadeCloneCounts() {
    for (String step : List.of("make disk", "publish volume")) {
      assertThat(readOnly()).isEmpty();
      assertThatThrownBy(() -> driver.apply(
              cx().before(step, () -> {
                throw new SimulatedCrash(step);
              }),
              clone,
              VolumeSpec.from(on(base))))
          .isInstanceOf(SimulatedCrash.class);

      assertThat(readOnly().orElseThrow()).as(step).contains(clone.toString());
      driver.delete(cx(), clone);
    }
    assertThat(readOnly()).isEmpty();
  }

  @Test
  void volumeThatIsBeingMovedOntoItCountsFromTheMomentThatIsOnRecord() {
    driver.apply(cx(), other, VolumeSpec.empty(8 * MIB));
    driver.apply(cx(), clone, VolumeSpec.from(on(other)));
    assertThatThrownBy(() -> maintenance.rebase(
            cx().before("rebase disk", () -> {
              throw new SimulatedCrash("rebase disk");
            }),
            clone,
            on(base)))
        .isInstanceOf(SimulatedCrash.class);

    assertThat(readOnly().orElseThrow()).contains(clone.toString());
    assertThat(status(other).readOnly().orElseThrow()).contains(clone.toString());
    maintenance.rebase(cx(), clone, on(base));
    assertThat(readOnly().orElseThrow()).contains(clone.toString());
    assertThat(status(other).readOnly()).isEmpty();
  }

  @Test
  void damagedCloneCountsByWhatIsLeftOfIt() throws IOException {
    driver.apply(cx(), clone, VolumeSpec.from(on(base)));
    Path record = directory(clone).resolve("volume.json");
    byte[] good = Files.readAllBytes(record);

    Files.writeString(record, "no record");
    aged();
    assertThat(readOnly().orElseThrow()).contains(clone.toString() + " lies on it");
    Files.writeString(directory(clone).resolve("disk.qcow2"), "no disk");
    aged();
    assertThat(readOnly().orElseThrow())
        .contains("nothing says whether " + clone.toString(), "damaged");
    Files.write(record, good);
    aged();
    assertThat(readOnly().orElseThrow()).contains(clone.toString() + " lies on it");
    driver.delete(cx(), clone);
    assertThat(readOnly()).isEmpty();
  }

  /** Lets the driver look anew: nothing but its own work changes records while it is there. */
  private void aged() {
    driver.close();
    driver = opened();
  }

  @Test
  void whatAnotherProcessHasMadeOrRemovedIsSeen() throws IOException {
    Path pool = directory.resolve("pool");
    Path aside = directory.resolve("aside");
    driver.apply(cx(), clone, VolumeSpec.from(on(base)));
    // Until the pool has been left alone for so long that what is seen of it is kept.
    Instant changed = Files.getLastModifiedTime(pool).toInstant();
    await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> Instant.now().isAfter(changed.plusSeconds(3)));
    assertThat(readOnly()).isPresent();

    Files.move(directory(clone), aside);
    assertThat(readOnly()).isEmpty();
    Files.move(aside, directory(clone));
    assertThat(readOnly().orElseThrow()).contains(clone.toString());
  }

  @Test
  void poolThatIsReachedByALinkKnowsItsBasesToo() throws IOException {
    driver.apply(cx(), clone, VolumeSpec.from(on(base)));
    driver.close();
    Files.createSymbolicLink(directory.resolve("link"), directory.resolve("pool"));

    driver = new Qcow2DirectoryDriver(directory.resolve("link"), Duration.ofSeconds(30));

    assertThat(readOnly().orElseThrow()).contains(clone.toString());
  }
}
