package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.api.storage.Snapshots;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.storage.Qcow2DirectoryDriver;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** External snapshots of volumes: offline, in use by a QEMU, and with a crash at every point. */
class ExternalSnapshotsIT {
  private static final long MIB = 1 << 20;
  private static final VolumeSpec SPEC = VolumeSpec.empty(8 * MIB);

  @TempDir
  private Path directory;

  private final ResourceId root = ResourceId.fresh("volume", "root");
  private Qcow2DirectoryDriver driver;

  @BeforeEach
  void open() {
    driver = new Qcow2DirectoryDriver(directory.resolve("pool"), Duration.ofSeconds(30));
    driver.apply(cx(), root, SPEC);
  }

  @AfterEach
  void close() {
    driver.close();
  }

  private static StandaloneContext cx() {
    return new StandaloneContext();
  }

  private Observed.Present<VolumeStatus> seen() {
    assertThat(driver.observe(root)).isInstanceOf(Observed.Present.class);
    return (Observed.Present<VolumeStatus>) driver.observe(root);
  }

  private Path disk() {
    assertThat(seen().complete()).isTrue();
    return seen().status().path();
  }

  private void write(int pattern, long at) {
    io("write -P " + pattern + " " + at + " 64k");
  }

  private void requirePattern(int pattern, long at) {
    assertThat(io("read -P " + pattern + " " + at + " 64k")).doesNotContain("failed");
  }

  private String io(String command) {
    String format = seen().status().format() == ImageFormat.RAW ? "raw" : "qcow2";
    return Images.run(List.of("qemu-io", "-f", format, "-c", command, disk().toString()));
  }

  private static void requireCode(N0Exception.Code code, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  @Test
  void snapshotsAreTakenRevertedToAndJoined() {
    write(1, 0);
    driver.createExternalSnapshot(cx(), root, "one");
    write(2, 0);
    write(2, MIB);
    driver.createExternalSnapshot(cx(), root, "two");
    driver.createExternalSnapshot(cx(), root, "two");
    write(3, 2 * MIB);

    assertThat(driver.externalSnapshots(root)).containsExactly("one", "two");
    assertThat(seen().status().format()).isEqualTo(ImageFormat.QCOW2);
    assertThat(seen().status().backingImage()).isPresent();
    driver.deleteExternalSnapshot(cx(), root, "one");
    driver.deleteExternalSnapshot(cx(), root, "one");
    requirePattern(2, 0);
    requirePattern(2, MIB);
    requirePattern(3, 2 * MIB);
    driver.revertToExternalSnapshot(cx(), root, "two");
    requirePattern(2, MIB);
    requirePattern(0, 2 * MIB);
    write(4, 3 * MIB);
    driver.createExternalSnapshot(cx(), root, "three");
    driver.revertToExternalSnapshot(cx(), root, "two");
    assertThat(driver.externalSnapshots(root)).containsExactly("two");
    requirePattern(0, 3 * MIB);
    driver.deleteExternalSnapshot(cx(), root, "two");

    assertThat(driver.externalSnapshots(root)).isEmpty();
    assertThat(seen().status().backingImage()).isEmpty();
    requirePattern(2, 0);
    assertThat(disk().resolveSibling(".").toFile().list())
        .containsOnly("disk.qcow2", "volume.json");
    assertThat(driver
            .capability(VolumeMaintenance.class)
            .orElseThrow()
            .check(cx(), root)
            .sound())
        .isTrue();
  }

  @Test
  void nobodyCanOpenTheOldLayerWhileTheNewOneIsPutOnTop() {
    Path lowest = disk();
    AtomicBoolean tried = new AtomicBoolean();
    StandaloneContext cx = cx().before("record what is reached", () -> {
      tried.set(true);
      assertThatThrownBy(() ->
              Images.run(List.of("qemu-io", "-f", "qcow2", "-c", "write 0 64k", lowest.toString())))
          .hasMessageContaining("lock");
    });

    driver.createExternalSnapshot(cx, root, "one");

    assertThat(tried).isTrue();
    requirePattern(0, 0);
  }

  @Test
  void rawVolumeHasThemToo() {
    ResourceId raw = ResourceId.fresh("volume", "raw");
    driver.apply(
        cx(), raw, new VolumeSpec(ImageFormat.RAW, Optional.of(8 * MIB), Optional.empty()));

    driver.createExternalSnapshot(cx(), raw, "one");
    VolumeStatus layered = ((Observed.Present<VolumeStatus>) driver.observe(raw)).status();
    Images.run(List.of(
        "qemu-io", "-f", "qcow2", "-c", "write -P 5 1M 64k", layered.path().toString()));
    driver.deleteExternalSnapshot(cx(), raw, "one");

    VolumeStatus joined = ((Observed.Present<VolumeStatus>) driver.observe(raw)).status();
    assertThat(joined.format()).isEqualTo(ImageFormat.RAW);
    assertThat(Images.run(List.of(
            "qemu-io", "-f", "raw", "-c", "read -P 5 1M 64k", joined.path().toString())))
        .doesNotContain("failed");
  }

  @Test
  void volumeUnderAnotherKeepsWhatItIsMadeOf() {
    ResourceId clone = ResourceId.fresh("volume", "clone");
    driver.createExternalSnapshot(cx(), root, "one");
    driver.apply(cx(), clone, VolumeSpec.from(new ImageSource.Backing(disk(), ImageFormat.QCOW2)));

    requireCode(N0Exception.Code.BUSY, () -> driver.revertToExternalSnapshot(cx(), root, "one"));
    requireCode(N0Exception.Code.BUSY, () -> driver.deleteExternalSnapshot(cx(), root, "one"));
    driver.createExternalSnapshot(cx(), root, "two");
    assertThat(((Observed.Present<VolumeStatus>) driver.observe(clone)).complete())
        .isTrue();
    requireCode(
        N0Exception.Code.NOT_FOUND, () -> driver.revertToExternalSnapshot(cx(), root, "none"));
    requireCode(
        N0Exception.Code.INVALID, () -> driver.createExternalSnapshot(cx(), root, "../none"));
    requireCode(
        N0Exception.Code.PRECONDITION,
        () -> driver.capability(Snapshots.class).orElseThrow().createSnapshot(cx(), root, "in"));
  }

  /** Whatever instruction it dies at, the next agent finds the content, and finishes or forgets. */
  @Test
  void crashAtAnyPointLosesNothing() {
    write(1, 0);
    for (String action : List.of("create", "create", "delete", "revert", "delete")) {
      String snapshot =
          action.equals("create") && driver.externalSnapshots(root).isEmpty() ? "one" : "two";
      String subject =
          action.equals("create") ? snapshot : driver.externalSnapshots(root).get(0);
      for (int point = 0; ; point++) {
        StandaloneContext crashing = cx().crashAt(point);
        boolean crashed = false;
        try {
          act(action, crashing, subject);
        } catch (Throwable e) {
          crashed = true;
        }
        driver.close();
        driver = new Qcow2DirectoryDriver(directory.resolve("pool"), Duration.ofSeconds(30));
        driver.apply(cx(), root, SPEC);
        requirePattern(1, 0);
        act(action, cx(), subject);
        requirePattern(1, 0);
        if (!crashed) {
          break;
        }
        assertThat(point).isLessThan(20);
        undo(action, subject);
      }
    }
    assertThat(driver.externalSnapshots(root)).isEmpty();
    assertThat(disk().resolveSibling(".").toFile().list())
        .containsOnly("disk.qcow2", "volume.json");
  }

  private void act(String action, StandaloneContext cx, String snapshot) {
    switch (action) {
      case "create" -> driver.createExternalSnapshot(cx, root, snapshot);
      case "delete" -> driver.deleteExternalSnapshot(cx, root, snapshot);
      case "revert" -> driver.revertToExternalSnapshot(cx, root, snapshot);
      default -> throw new AssertionError(action);
    }
  }

  /** So that the same can be tried again with a crash at the next point. */
  private void undo(String action, String snapshot) {
    if (action.equals("create")) {
      driver.deleteExternalSnapshot(cx(), root, snapshot);
    } else if (action.equals("delete")) {
      driver.createExternalSnapshot(cx(), root, snapshot);
    }
  }

  @Test
  void diskInUseIsSnapshotAndJoinedWhileTheGuestWrites() throws Exception {
    Files.createDirectory(directory.resolve("host"));
    try (QemuHost host = QemuHost.daemon(directory.resolve("host"))) {
      Path lowest = disk();
      host.add("disk-root", lowest, "qcow2");
      try (Guest guest = host.attach("disk-root")) {
        requireCode(N0Exception.Code.BUSY, () -> driver.createExternalSnapshot(cx(), root, "one"));
        StandaloneContext cx = cx().lending("machine", host);

        guest.write(0, 1);
        driver.createExternalSnapshot(cx, root, "one");
        Path top = disk();
        assertThat(top).isNotEqualTo(lowest);
        guest.write((int) MIB / Guest.BLOCK, 2);
        driver.deleteExternalSnapshot(cx, root, "one");

        assertThat(disk()).isEqualTo(lowest);
        assertThat(top).doesNotExist();
        guest.write((int) (2 * MIB) / Guest.BLOCK, 3);
      }
      host.quit();
    }
    requirePattern(1, 0);
    requirePattern(2, MIB);
    requirePattern(3, 2 * MIB);
  }

  @Test
  void whatIsKnownOfEachSnapshotIsKept() throws Exception {
    Files.createDirectory(directory.resolve("host"));
    driver.createExternalSnapshot(cx(), root, "off");
    try (QemuHost host = QemuHost.daemon(directory.resolve("host"))) {
      host.add("disk-root", disk(), "qcow2");
      try (Guest guest = host.attach("disk-root")) {
        QuietMonitor monitor = new QuietMonitor(host);
        StandaloneContext cx = cx().lending("machine", monitor);

        driver.createExternalSnapshot(cx, root, "frozen");
        assertThat(monitor.whileQuiet()).containsExactly("blockdev-snapshot");
        monitor.refuse();
        driver.createExternalSnapshot(cx, root, "running");
        driver.createExternalSnapshot(cx().lending("machine", host), root, "mute");
        guest.write(0, 1);
      }
      host.quit();
    }
    driver.close();
    driver = new Qcow2DirectoryDriver(directory.resolve("pool"), Duration.ofSeconds(30));

    assertThat(driver.consistency(root, "off")).isEqualTo(SnapshotConsistency.EXACT);
    assertThat(driver.consistency(root, "frozen")).isEqualTo(SnapshotConsistency.FROZEN);
    assertThat(driver.consistency(root, "running")).isEqualTo(SnapshotConsistency.CRASH);
    assertThat(driver.consistency(root, "mute")).isEqualTo(SnapshotConsistency.CRASH);
    driver.deleteExternalSnapshot(cx(), root, "frozen");
    requireCode(N0Exception.Code.NOT_FOUND, () -> driver.consistency(root, "frozen"));
    assertThat(driver.consistency(root, "off")).isEqualTo(SnapshotConsistency.EXACT);
  }

  @Test
  void snapshotThatIsFinishedAfterACrashIsNotTakenForMoreThanItIs() throws Exception {
    Files.createDirectory(directory.resolve("host"));
    try (QemuHost host = QemuHost.daemon(directory.resolve("host"))) {
      host.add("disk-root", disk(), "qcow2");
      try (Guest guest = host.attach("disk-root")) {
        StandaloneContext cx = cx().lending("machine", new QuietMonitor(host))
            .before("record what is reached", () -> {
              throw new SimulatedCrash("record what is reached");
            });
        assertThatThrownBy(() -> driver.createExternalSnapshot(cx, root, "one"))
            .isInstanceOf(SimulatedCrash.class);
        guest.write(0, 1);
      }
      host.quit();
    }

    driver.apply(cx(), root, SPEC);

    assertThat(driver.consistency(root, "one")).isEqualTo(SnapshotConsistency.CRASH);
    requirePattern(1, 0);
  }

  @Test
  void rawDiskInUseGoesOnInALayerAndIsSetBack() throws Exception {
    ResourceId raw = ResourceId.fresh("volume", "raw");
    VolumeSpec spec = new VolumeSpec(ImageFormat.RAW, Optional.of(8 * MIB), Optional.empty());
    driver.apply(cx(), raw, spec);
    Path lowest =
        ((Observed.Present<VolumeStatus>) driver.observe(raw)).status().path();
    Files.createDirectory(directory.resolve("host"));
    try (QemuHost host = QemuHost.daemon(directory.resolve("host"))) {
      host.add("disk-raw", lowest, "raw");
      try (Guest guest = host.attach("disk-raw")) {
        StandaloneContext cx = cx().lending("machine", new QuietMonitor(host));
        guest.write(0, 1);
        driver.createExternalSnapshot(cx, raw, "one");
        guest.write(0, 2);
      }
      host.quit();
    }

    assertThat(driver.consistency(raw, "one")).isEqualTo(SnapshotConsistency.FROZEN);
    assertThat(
            Images.run(List.of("qemu-io", "-f", "raw", "-c", "read -P 1 0 64k", lowest.toString())))
        .doesNotContain("failed");
    driver.revertToExternalSnapshot(cx(), raw, "one");
    driver.deleteExternalSnapshot(cx(), raw, "one");
    assertThat(
            Images.run(List.of("qemu-io", "-f", "raw", "-c", "read -P 1 0 64k", lowest.toString())))
        .doesNotContain("failed");
  }

  /** What QEMU has open below another disk is found by its file, and must not be taken for that disk. */
  @Test
  void volumeBelowARunningCloneIsNotTakenForTheClone() throws Exception {
    ResourceId clone = ResourceId.fresh("volume", "clone");
    driver.apply(cx(), clone, VolumeSpec.from(new ImageSource.Backing(disk(), ImageFormat.QCOW2)));
    Path top = ((Observed.Present<VolumeStatus>) driver.observe(clone)).status().path();
    Files.createDirectory(directory.resolve("host"));
    try (QemuHost host = QemuHost.daemon(directory.resolve("host"))) {
      host.add("disk-clone", top, "qcow2");
      try (Guest guest = host.attach("disk-clone")) {
        StandaloneContext cx = cx().lending("machine", host);
        guest.write(0, 1);

        assertThatThrownBy(() -> driver.apply(cx, root, SPEC.withSizeBytes(16 * MIB)))
            .isInstanceOf(N0Exception.class)
            .hasMessageContaining("which lies on it");
        requireCode(N0Exception.Code.BUSY, () -> driver.createExternalSnapshot(cx, root, "one"));
        assertThat(driver.externalSnapshots(root)).isEmpty();
      }
      host.quit();
    }
    driver.apply(cx(), root, SPEC.withSizeBytes(16 * MIB));
    VolumeStatus kept = ((Observed.Present<VolumeStatus>) driver.observe(clone)).status();
    assertThat(kept.sizeBytes()).isEqualTo(8 * MIB);
    assertThat(kept.path()).isEqualTo(top);
  }

  @Test
  void diskOfARunningMachineIsMadeLargerByTheMachine() throws Exception {
    Files.createDirectory(directory.resolve("host"));
    try (QemuHost host = QemuHost.machine(directory.resolve("host"))) {
      host.add("disk-root", disk(), "qcow2");
      host.run(
          "device_add", Map.of("driver", "virtio-blk-pci", "drive", "disk-root", "bus", "port0"));
      VolumeSpec larger = SPEC.withSizeBytes(16 * MIB);

      requireCode(N0Exception.Code.BUSY, () -> driver.apply(cx(), root, larger));
      driver.apply(cx().lending("machine", host), root, larger);

      assertThat(seen().complete()).isTrue();
      assertThat(seen().status().sizeBytes()).isEqualTo(16 * MIB);
      driver.createExternalSnapshot(cx().lending("machine", host), root, "one");
      driver.deleteExternalSnapshot(cx().lending("machine", host), root, "one");
      host.quit();
    }
    assertThat(Images.qemuImg("check", "-f", "qcow2", disk())).contains("No errors");
  }
}
