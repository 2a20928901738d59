package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.BlockUse;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.QEMU)
class LiveVolumeIT {
  private static final int BLOCKS = 128;
  private static final Duration LIMIT = Duration.ofSeconds(60);

  @TempDir
  Path directory;

  private final ResourceId root = ResourceId.fresh("volume", "root");
  private QemuHost host;
  private Path disk;
  private Guest guest;
  private LiveVolume volume;

  @BeforeEach
  void start() throws IOException {
    host = QemuHost.daemon(directory);
    Path base = Pictures.qcow2(directory.resolve("base.qcow2"), BLOCKS);
    Images.run(List.of("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 1M", base.toString()));
    disk = Pictures.overlay(directory.resolve("a disk, of: root.qcow2"), base);
    host.add("disk-root", disk, "qcow2");
    guest = host.attach("disk-root");
    volume = LiveVolume.open(host, root, disk, LIMIT);
  }

  @AfterEach
  void stop() {
    volume.close();
    guest.close();
    host.close();
  }

  @Test
  void aVolumeIsFoundByAnyOfItsLayers() {
    try (LiveVolume below = LiveVolume.open(host, root, directory.resolve("base.qcow2"), LIMIT)) {
      assertThat(below.machine()).isEqualTo(host.machine());
      assertThat(files(below)).containsExactly("a disk, of: root.qcow2", "base.qcow2");
      assertThat(below.layers().get(0).name()).isEqualTo("disk-root");
      assertThat(below.layers().get(0).readOnly()).isFalse();
      assertThat(below.layers().get(1).readOnly()).isTrue();
      assertThat(below.nodes()).hasSize(2);
      assertThat(below.jobs()).isEmpty();
    }
  }

  @Test
  void whatNoMachineHasOpenIsRefusedAndWhatCannotBeSeenIsUnavailable() {
    refused(
        () -> LiveVolume.open(host, root, directory.resolve("other"), LIMIT),
        N0Exception.Code.PRECONDITION);
    refused(() -> LiveVolume.open(blind(), root, disk, LIMIT), N0Exception.Code.UNAVAILABLE);
  }

  private static BlockMonitor blind() {
    return new BlockMonitor() {
      @Override
      public BlockUse use(Path file, Duration timeout) {
        return new BlockUse.Unknown("machine \"web1\" does not answer");
      }

      @Override
      public BlockSession connect(ResourceId machine, Duration timeout) {
        throw new AssertionError("nothing to connect to");
      }
    };
  }

  @Test
  void aDiskGrowsAndNeverShrinksAndAnExportKeepsItsSize() throws Exception {
    refused(() -> volume.resize(2L * BLOCKS * Guest.BLOCK), N0Exception.Code.BUSY);
    guest.close();
    host.run("block-export-del", Map.of("id", "dev-disk-root", "mode", "hard"));
    await().atMost(LIMIT).until(() -> host.run("query-block-exports", Map.of()).isEmpty());

    volume.resize(2L * BLOCKS * Guest.BLOCK);
    volume.resize(2L * BLOCKS * Guest.BLOCK);

    assertThat(volume.layers().get(0).sizeBytes()).isEqualTo(2L * BLOCKS * Guest.BLOCK);
    refused(() -> volume.resize(512), N0Exception.Code.INVALID);
    refused(() -> volume.resize(2L * BLOCKS * Guest.BLOCK + 1), N0Exception.Code.INVALID);
    try (Guest again = host.attach("disk-root")) {
      again.write(2 * BLOCKS - 1, 9);
    }
  }

  @Test
  void aSnapshotTakesWhatIsWrittenAfterIt() throws Exception {
    guest.write(20, 1);
    Path overlay = Pictures.overlay(directory.resolve("overlay.qcow2"), disk);

    volume.snapshot(overlay);
    guest.write(20, 2);
    volume.snapshot(overlay);

    assertThat(files(volume))
        .containsExactly("overlay.qcow2", "a disk, of: root.qcow2", "base.qcow2");
    host.quit();
    assertThat(Pictures.patterns(disk, "qcow2")[20]).isEqualTo(1);
    assertThat(Pictures.patterns(overlay, "qcow2")[20]).isEqualTo(2);
    Pictures.assertClean(overlay);
    Pictures.assertClean(disk);
  }

  @Test
  void anOverlayThatIsNotForTheActiveFileIsRefusedAndNothingChanges() {
    Path alone = Pictures.qcow2(directory.resolve("alone.qcow2"), BLOCKS);
    Path wrong =
        Pictures.overlay(directory.resolve("wrong.qcow2"), directory.resolve("base.qcow2"));
    Path larger = directory.resolve("larger.qcow2");
    Images.qemuImg("create", "-q", "-u", "-f", "qcow2", "-b", disk, "-F", "qcow2", larger, "64M");

    refused(() -> volume.snapshot(alone), N0Exception.Code.INVALID);
    refused(() -> volume.snapshot(wrong), N0Exception.Code.INVALID);
    refused(() -> volume.snapshot(larger), N0Exception.Code.INVALID);
    refused(() -> volume.snapshot(directory.resolve("none")), N0Exception.Code.NOT_FOUND);

    assertThat(volume.nodes()).hasSize(2);
  }

  @Test
  void aSnapshotThatQemuRefusesIsUndone() {
    LiveJob mirror = volume.mirror(
        MirrorSpec.of(Pictures.raw(directory.resolve("copy.raw"), BLOCKS), ImageFormat.RAW));
    mirror.awaitReady(Waiting.longEnough());
    Path overlay = Pictures.overlay(directory.resolve("overlay.qcow2"), disk);

    refused(() -> volume.snapshot(overlay), N0Exception.Code.BUSY);
    refused(() -> volume.resize(2L * BLOCKS * Guest.BLOCK), N0Exception.Code.BUSY);

    assertThat(host.run("query-named-block-nodes", Map.of()).toString())
        .doesNotContain("overlay.qcow2");
    mirror.cancel(LIMIT);
    volume.snapshot(overlay);
    assertThat(files(volume)).startsWith("overlay.qcow2");
  }

  @Test
  void anImageThatAnotherQemuHasOpenIsRefusedAsBusy() throws Exception {
    Path copy = Pictures.qcow2(directory.resolve("copy.qcow2"), BLOCKS);
    try (QemuHost second = QemuHost.daemon(Files.createDirectory(directory.resolve("second")))) {
      second.add("disk-root", copy, "qcow2");
      try (Guest other = second.attach("disk-root")) {
        other.write(1, 1);

        refused(() -> volume.mirror(MirrorSpec.of(copy, ImageFormat.QCOW2)), N0Exception.Code.BUSY);
      }
    }
    assertThat(files(volume)).startsWith("a disk, of: root.qcow2");
    assertThat(volume.nodes()).hasSize(2);
  }

  @Test
  void theActiveLayerIsCommittedWhileTheGuestWrites() throws Exception {
    Path overlay = Pictures.overlay(directory.resolve("overlay.qcow2"), disk);
    volume.snapshot(overlay);
    guest.keepWriting(BLOCKS, 3);
    awaitWrites(50);

    volume.commit(overlay, disk).complete(Waiting.longEnough());
    awaitWrites(guest.count() + 20);
    guest.stopWriting();

    assertThat(files(volume)).containsExactly("a disk, of: root.qcow2", "base.qcow2");
    assertThat(volume.nodes()).hasSize(2);
    assertThat(host.hasJobs()).isFalse();
    volume.commit(overlay, disk).complete(Waiting.longEnough()); // again: there is nothing to do
    host.quit();
    assertThat(Pictures.patterns(disk, "qcow2")).isEqualTo(expected());
    Pictures.assertClean(disk);
  }

  @Test
  void layersInTheMiddleAreCommittedAndTheLayerAboveIsToldItsNewBase() throws Exception {
    Path one = snapshotAfterWriting(directory.resolve("one.qcow2"), disk, 1);
    Path two = snapshotAfterWriting(directory.resolve("two.qcow2"), one, 2);
    Path three = snapshotAfterWriting(directory.resolve("three.qcow2"), two, 3);
    guest.write(4, 4);

    volume.commit(two, disk).complete(Waiting.longEnough());

    assertThat(files(volume))
        .containsExactly("three.qcow2", "a disk, of: root.qcow2", "base.qcow2");
    assertThat(volume.nodes()).hasSize(3);
    assertThat(Images.qemuImg("info", "-U", "-f", "qcow2", three))
        .contains("backing file: " + disk);
    host.quit();
    assertThat(Pictures.patterns(three, "qcow2")).isEqualTo(expected());
    assertThat(Pictures.patterns(disk, "qcow2")[2]).isEqualTo(2);
    assertThat(Pictures.patterns(disk, "qcow2")[4]).isEqualTo(7);
    Pictures.assertClean(disk);
  }

  @Test
  void severalLayersWithTheActiveOneAreCommittedAtOnce() throws Exception {
    Path one = snapshotAfterWriting(directory.resolve("one.qcow2"), disk, 20);
    Path two = snapshotAfterWriting(directory.resolve("two.qcow2"), one, 21);
    guest.write(22, 22);
    Path base = directory.resolve("base.qcow2");

    volume.commit(two, base).complete(Waiting.longEnough());

    assertThat(files(volume)).containsExactly("base.qcow2");
    assertThat(volume.nodes()).hasSize(1);
    host.quit();
    assertThat(Pictures.patterns(base, "qcow2")).isEqualTo(expected());
  }

  @Test
  void aVolumeIsFlattenedWholeOrOntoABase() throws Exception {
    Path one = snapshotAfterWriting(directory.resolve("one.qcow2"), disk, 1);
    Path two = snapshotAfterWriting(directory.resolve("two.qcow2"), one, 2);
    Path base = directory.resolve("base.qcow2");

    volume.flattenOnto(base).complete(Waiting.longEnough());
    assertThat(files(volume)).containsExactly("two.qcow2", "base.qcow2");
    volume.flattenOnto(base).complete(Waiting.longEnough());
    volume.flatten().complete(Waiting.longEnough());
    volume.flatten().complete(Waiting.longEnough());

    assertThat(files(volume)).containsExactly("two.qcow2");
    assertThat(volume.nodes()).hasSize(1);
    assertThat(Images.qemuImg("info", "-U", "-f", "qcow2", two)).doesNotContain("backing file");
    host.quit();
    assertThat(Pictures.patterns(two, "qcow2")).isEqualTo(expected());
    Pictures.assertClean(two);
  }

  @Test
  void layersThatAreNoneOrInTheWrongOrderAreRefused() {
    Path base = directory.resolve("base.qcow2");

    refused(() -> volume.commit(base, disk), N0Exception.Code.INVALID);
    refused(() -> volume.commit(disk, disk), N0Exception.Code.INVALID);
    refused(() -> volume.commit(disk, directory.resolve("none")), N0Exception.Code.NOT_FOUND);
    refused(() -> volume.flattenOnto(directory.resolve("none")), N0Exception.Code.NOT_FOUND);
    refused(() -> volume.flattenOnto(disk), N0Exception.Code.INVALID);
    refused(() -> volume.commit(Path.of("relative"), disk), N0Exception.Code.INVALID);
    assertThat(host.hasJobs()).isFalse();
  }

  @Test
  void aVolumeThatNoDeviceHasIsNotWorkedOn() {
    Path spare = Pictures.qcow2(directory.resolve("spare.qcow2"), BLOCKS);
    host.add("disk-spare", spare, "qcow2");

    refused(
        () -> LiveVolume.open(host, ResourceId.fresh("volume", "spare"), spare, LIMIT),
        N0Exception.Code.PRECONDITION);
  }

  private Path snapshotAfterWriting(Path overlay, Path active, int block) {
    guest.write(block, block);
    Pictures.overlay(overlay, active);
    volume.snapshot(overlay);
    return overlay;
  }

  /** What the base has, and then what the guest wrote. */
  private int[] expected() {
    int[] patterns = guest.after(guest.count(), BLOCKS);
    for (int i = 0; i < 16; i++) {
      patterns[i] = patterns[i] == 0 ? 7 : patterns[i];
    }
    return patterns;
  }

  private void awaitWrites(int count) {
    await().atMost(LIMIT).pollInterval(Duration.ofMillis(5)).until(() -> guest.count() >= count);
  }

  private static List<String> files(LiveVolume volume) {
    return volume.layers().stream()
        .map(LiveNode::file)
        .flatMap(Optional::stream)
        .map(file -> file.getFileName().toString())
        .toList();
  }

  private static void refused(ThrowingCallable call, N0Exception.Code code) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).as("%s", e).isEqualTo(code));
  }
}
