package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.Encryption;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Snapshots;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.storage.qemuimg.CheckResult;
import io.n0stack.n0core.storage.qemuimg.ImageFile;
import io.n0stack.n0core.storage.qemuimg.QemuImg;
import io.n0stack.n0core.storage.qemuimg.Run;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a qemu-img leaves within disks that dies at its work. */
@Requires(Requirement.QEMU)
class BrokenOffWorkIT {
  private static final long BYTES = 8 << 20;
  // docs/interop/qcow2.txt
  private static final int SNAPSHOTS = 60; // a 32 bit number
  private static final int DIRTY = 79; // bit 0 of the incompatible features
  private static final int REFCOUNTS = 2 << 16; // where a new image of ours has them

  @TempDir
  private Path directory;

  private final ResourceId root = ResourceId.fresh("volume", "root");
  private Qcow2DirectoryDriver driver;

  @BeforeEach
  void open() throws IOException {
    driver = QuickKeys.driver(directory.resolve("pool"), directory);
  }

  @AfterEach
  void close() {
    driver.close();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void clustersOfASnapshotThatIsInNoTableAreFreed(boolean encrypted) throws IOException {
    driver.apply(cx(), root, spec(encrypted));
    breakOff("record what is reached");
    // How many there are is written last when one is made, and first when one is deleted.
    Path disk = present().status().path();
    change(disk, SNAPSHOTS, new byte[4]);
    assertThat(encrypted || !isSound(disk)).isTrue();

    assertThat(present().complete()).isFalse();
    driver.apply(cx(), root, spec(encrypted));

    assertThat(present().complete()).isTrue();
    assertThat(soundness().sound()).isTrue();
    assertThat(snapshots().snapshots(root)).isEmpty();
  }

  @Test
  void snapshotThatIsWholeIsKept() throws IOException {
    driver.apply(cx(), root, spec(false));
    breakOff("record what is reached");

    snapshots().createSnapshot(cx(), root, "in");

    assertThat(present().complete()).isTrue();
    assertThat(soundness().sound()).isTrue();
    assertThat(snapshots().snapshots(root)).containsExactly("in");
  }

  @Test
  void nothingIsMadeOnAVolumeThatMayBeHalfReverted() throws IOException {
    driver.apply(cx(), root, spec(false));
    breakOff("create snapshot");
    ResourceId clone = ResourceId.fresh("volume", "clone");
    VolumeSpec onIt =
        VolumeSpec.from(new ImageSource.Backing(present().status().path(), ImageFormat.QCOW2));

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(cx(), clone, onIt))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));

    driver.apply(cx(), root, spec(false));
    driver.apply(cx(), clone, onIt);
    assertThat(driver.observe(clone)).isInstanceOf(Observed.Present.class);
  }

  /** Once it has committed all, it marks the disk, and forgets its counts before it counts anew. */
  @Test
  void disksOfACommitAreSoundAgain() throws IOException {
    driver.apply(cx(), root, spec(false));
    ResourceId clone = ResourceId.fresh("volume", "clone");
    driver.apply(
        cx(),
        clone,
        VolumeSpec.from(new ImageSource.Backing(present(root).status().path(), ImageFormat.QCOW2)));
    LayerChurn.fill(driver, clone);
    assertThatThrownBy(() -> maintenance().commit(dying("record what is reached"), clone))
        .isInstanceOf(SimulatedCrash.class);
    Path disk = present(clone).status().path();
    change(disk, REFCOUNTS, new byte[1 << 16]);
    change(disk, DIRTY, new byte[] {1});
    assertThat(isSound(disk)).isFalse();
    assertThat(present(root).complete()).isFalse();
    assertThat(present(clone).complete()).isFalse();

    maintenance().commit(cx(), clone);

    for (ResourceId id : List.of(root, clone)) {
      assertThat(present(id).complete()).isTrue();
      assertThat(maintenance().check(cx(), id).sound()).as("%s", id).isTrue();
    }
  }

  private static StandaloneContext cx() {
    return new StandaloneContext();
  }

  private VolumeSpec spec(boolean encrypted) throws IOException {
    VolumeSpec plain = VolumeSpec.empty(BYTES);
    return encrypted
        ? plain.withEncryption(
            new Encryption(Files.writeString(directory.resolve("key"), "correct horse")))
        : plain;
  }

  private Snapshots snapshots() {
    return driver.capability(Snapshots.class).orElseThrow();
  }

  private VolumeMaintenance maintenance() {
    return driver.capability(VolumeMaintenance.class).orElseThrow();
  }

  private VolumeMaintenance.Soundness soundness() {
    return maintenance().check(cx(), root);
  }

  private Observed.Present<VolumeStatus> present() {
    return present(root);
  }

  private Observed.Present<VolumeStatus> present(ResourceId id) {
    return (Observed.Present<VolumeStatus>) driver.observe(id);
  }

  /** Dies before a step of making a snapshot. */
  private void breakOff(String step) {
    assertThatThrownBy(() -> snapshots().createSnapshot(dying(step), root, "in"))
        .isInstanceOf(SimulatedCrash.class);
  }

  private static StandaloneContext dying(String step) {
    return cx().before(step, () -> {
      throw new SimulatedCrash(step);
    });
  }

  private static boolean isSound(Path disk) {
    CheckResult found =
        QemuImg.installed().check(ImageFile.qcow2(disk), Run.within(Duration.ofMinutes(1)));
    return found.corruptions() + found.leaks() == 0;
  }

  private static void change(Path disk, long at, byte[] bytes) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
      file.seek(at);
      file.write(bytes);
    }
  }
}
