package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeMaintenance.ExportedImage;
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
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Volumes are flattened and exported while a QEMU has them open, with a crash at every point. */
@Requires(Requirement.QEMU)
class RunningMaintenanceIT {
  private static final int BLOCKS = 64;
  private static final int FROM_BASE = 200;
  private static final Duration LIMIT = Duration.ofSeconds(60);

  @TempDir
  private Path directory;

  private final ResourceId base = ResourceId.fresh("volume", "base");
  private ResourceId root = ResourceId.fresh("volume", "root");
  private Qcow2DirectoryDriver driver;
  private VolumeSpec spec;
  private QemuHost host;
  private Guest guest;

  @BeforeEach
  void start() throws IOException {
    open();
    driver.apply(new StandaloneContext(), base, VolumeSpec.empty((long) BLOCKS * Guest.BLOCK));
    io(status(base).path(), "write -P " + FROM_BASE + " 0 " + (long) BLOCKS * Guest.BLOCK);
    spec = VolumeSpec.from(new ImageSource.Backing(status(base).path(), ImageFormat.QCOW2));
    Files.createDirectory(directory.resolve("host"));
    begin();
  }

  /** Makes a clone and gives it to a guest. */
  private void begin() throws IOException {
    root = ResourceId.fresh("volume", "root");
    driver.apply(new StandaloneContext(), root, spec);
    host = QemuHost.daemon(directory.resolve("host"));
    host.add("disk-root", disk(), "qcow2");
    guest = host.attach("disk-root");
    guest.write(0, 1);
  }

  private void end() {
    guest.close();
    host.close();
    driver.delete(new StandaloneContext(), root);
  }

  @AfterEach
  void stop() {
    guest.close();
    host.close();
    driver.close();
  }

  private void open() {
    driver = new Qcow2DirectoryDriver(directory.resolve("pool"), Duration.ofSeconds(30));
  }

  /** What the next agent does. */
  private void openAgain() {
    driver.close();
    open();
    driver.apply(cx(), root, spec);
    assertThat(seen().complete()).isTrue();
  }

  private VolumeMaintenance maintenance() {
    return driver.capability(VolumeMaintenance.class).orElseThrow();
  }

  private StandaloneContext cx() {
    return new StandaloneContext().lending("machine", host);
  }

  private static StandaloneContext dyingBefore(StandaloneContext cx, String step) {
    return cx.before(step, () -> {
      throw new SimulatedCrash(step);
    });
  }

  private VolumeStatus status(ResourceId id) {
    return ((Observed.Present<VolumeStatus>) driver.observe(id)).status();
  }

  private Observed.Present<VolumeStatus> seen() {
    assertThat(driver.observe(root)).isInstanceOf(Observed.Present.class);
    return (Observed.Present<VolumeStatus>) driver.observe(root);
  }

  private Path disk() {
    return seen().status().path();
  }

  private Path copy() {
    return disk().resolveSibling("export.qcow2");
  }

  private static void io(Path file, String command) {
    assertThat(Images.run(List.of("qemu-io", "-f", "qcow2", "-c", command, file.toString())))
        .doesNotContain("failed");
  }

  private static void requireCode(N0Exception.Code code, Runnable call) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).as("%s", e).isEqualTo(code));
  }

  private int[] written(int writes) {
    int[] patterns = guest.after(writes, BLOCKS);
    for (int i = 0; i < BLOCKS; i++) {
      patterns[i] = patterns[i] == 0 ? FROM_BASE : patterns[i];
    }
    return patterns;
  }

  /** Fails unless the machine has the disk alone, and the guest still writes to it. */
  private void assertGoesOn(Path... layers) {
    guest.write(1, 2);
    assertThat(host.hasJobs()).isFalse();
    try (LiveVolume live = LiveVolume.open(host, root, disk(), LIMIT)) {
      assertThat(live.nodes())
          .extracting(node -> node.file().orElseThrow())
          .containsExactlyInAnyOrder(layers);
    }
  }

  private void assertContent() throws Exception {
    int count = guest.count();
    guest.close();
    host.quit();
    assertThat(Pictures.patterns(disk(), "qcow2")).isEqualTo(written(count));
    Pictures.assertClean(disk());
  }

  @Test
  void diskIsFlattenedWhileTheGuestWrites() throws Exception {
    guest.keepWriting(BLOCKS, 5);

    maintenance().flatten(cx(), root);

    guest.stopWriting();
    assertThat(seen().complete()).isTrue();
    assertThat(seen().status().backingImage()).isEmpty();
    assertThat(status(base).readOnly()).isEmpty();
    assertGoesOn(disk());
    maintenance().flatten(cx(), root);
    driver.delete(new StandaloneContext(), base);
    assertContent();
  }

  @Test
  void whatCannotBeFlattenedIsLeftAsItIs() throws Exception {
    requireCode(N0Exception.Code.BUSY, () -> maintenance().flatten(new StandaloneContext(), root));
    assertThat(seen().complete()).isTrue();
    try (LiveVolume live = LiveVolume.open(host, root, disk(), LIMIT)) {
      Path target = Pictures.qcow2(directory.resolve("target.qcow2"), BLOCKS);
      LiveJob job = live.backup(BackupSpec.full(target, ImageFormat.QCOW2).withBytesPerSecond(1));
      requireCode(N0Exception.Code.BUSY, () -> maintenance().flatten(cx(), root));
      requireCode(
          N0Exception.Code.BUSY,
          () -> maintenance().export(cx(), root, directory.resolve("image.raw"), ImageFormat.RAW));
      job.cancel(LIMIT);
    }
    assertThat(seen().complete()).isTrue();
    assertThat(copy()).doesNotExist();
    driver.createExternalSnapshot(cx(), root, "one");
    requireCode(N0Exception.Code.PRECONDITION, () -> maintenance().flatten(cx(), root));
    assertThat(seen().complete()).isTrue();
    driver.deleteExternalSnapshot(cx(), root, "one");
    maintenance().flatten(cx(), root);
    assertGoesOn(disk());
    assertContent();
  }

  /** Whatever instruction it dies at, the next agent finds it flattened or not, and flattens it. */
  @Test
  void crashWhileFlatteningLosesNothing() throws Exception {
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      assertThat(point).isLessThan(20);
      try {
        maintenance().flatten(cx().crashAt(point), root);
        crashed = false;
      } catch (SimulatedCrash e) {
        crashed = true;
      }
      openAgain();
      maintenance().flatten(cx(), root);

      assertThat(seen().status().backingImage()).isEmpty();
      assertGoesOn(disk());
      assertContent();
      end();
      begin();
    }
  }

  @Test
  void flatteningThatGoesOnWithoutUsIsWaitedFor() throws Exception {
    assertThatThrownBy(() -> maintenance().flatten(dyingBefore(cx(), "flatten running disk"), root))
        .isInstanceOf(SimulatedCrash.class);
    try (LiveVolume live = LiveVolume.open(slowHost(), root, disk(), LIMIT)) {
      LiveJob job = live.flatten();
      assertThat(job.status().state()).isEqualTo(JobState.RUNNING);
      driver.close();
      open();
      StandaloneContext next = cx().before("await running disk", () -> job.limitRate(0));
      assertThat(seen().complete()).isFalse();

      driver.apply(next, root, spec);
    }

    assertThat(seen().complete()).isTrue();
    assertThat(seen().status().backingImage()).isEmpty();
    assertGoesOn(disk());
    assertContent();
  }

  @Test
  void machineThatEndsWhileItFlattensLeavesTheVolumeAsItWas() throws Exception {
    assertThatThrownBy(() -> maintenance().flatten(dyingBefore(cx(), "flatten running disk"), root))
        .isInstanceOf(SimulatedCrash.class);
    try (LiveVolume live = LiveVolume.open(slowHost(), root, disk(), LIMIT)) {
      assertThat(live.flatten().status().state()).isEqualTo(JobState.RUNNING);
    }
    // As a power failure would: the guest has flushed, QEMU has not ended its job.
    int count = guest.count();
    guest.close();
    host.quit();

    openAgain();

    assertThat(Pictures.patterns(disk(), "qcow2")).isEqualTo(written(count));
    assertThat(seen().status().backingImage()).isPresent();
    maintenance().flatten(new StandaloneContext(), root);
    assertThat(Pictures.patterns(disk(), "qcow2")).isEqualTo(written(count));
  }

  @Test
  void exportIsTheVolumeOfOneMoment() throws Exception {
    for (ImageFormat format : ImageFormat.values()) {
      Path target = directory.resolve("image." + format);
      guest.keepWriting(BLOCKS, 7);
      int before = guest.count();

      ExportedImage exported = maintenance().export(cx(), root, target, format);

      guest.stopWriting();
      int after = guest.count() + 1;
      assertThat(exported.consistency()).isEqualTo(SnapshotConsistency.CRASH);
      assertThat(exported.lengthBytes()).isEqualTo(Files.size(target));
      assertMoment(
          Pictures.patterns(target, format == ImageFormat.RAW ? "raw" : "qcow2"), before, after);
      assertThat(copy()).doesNotExist();
      assertGoesOn(disk(), status(base).path());
    }
    assertThat(seen().status().backingImage()).isPresent();
    assertContent();
  }

  private SlowMonitor slowHost() {
    return new SlowMonitor(host, 1 << 16);
  }

  private void assertMoment(int[] patterns, int first, int last) {
    for (int count = first; count <= Math.min(last, guest.count()); count++) {
      if (Arrays.equals(patterns, written(count))) {
        return;
      }
    }
    throw new AssertionError("no moment between " + first + " and " + last);
  }

  @Test
  void withNoTimeLeftTheMachineIsNotAsked() {
    StandaloneContext late = new StandaloneContext(Duration.ZERO).lending("machine", host);

    assertThatThrownBy(() -> driver.createExternalSnapshot(late, root, "one"))
        .isInstanceOf(OperationTimeoutException.class)
        .hasMessageContaining("root");

    assertThat(late.steps()).isEmpty();
    assertThat(seen().complete()).isTrue();
    assertGoesOn(disk(), status(base).path());
  }

  /** A guest that has broken into its QEMU can write to what QEMU has had open, at any time. */
  @Test
  void fileOfTheHostThatACopyNamesIsNotExported() throws Exception {
    Path secret = Files.write(directory.resolve("secret"), new byte[BLOCKS * Guest.BLOCK]);
    for (ImageFormat format : ImageFormat.values()) {
      for (List<Object> named : List.of(
          List.<Object>of("rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", secret, copy()),
          List.<Object>of(
              "create", "-q", "-f", "qcow2", "-o", "data_file=" + secret, copy(), "4M"))) {
        Path target = directory.resolve("exports").resolve("image");
        Files.createDirectories(target.resolveSibling(""));
        StandaloneContext cx = cx().before("export disk", () -> Images.qemuImg(named.toArray()));

        requireCode(
            N0Exception.Code.UNAVAILABLE, () -> maintenance().export(cx, root, target, format));

        assertThat(target.resolveSibling("")).isEmptyDirectory();
        assertThat(copy()).doesNotExist();
        maintenance().export(cx(), root, target, format);
        assertThat(Images.tree(target.resolveSibling("")))
            .singleElement()
            .asString()
            .startsWith("image ");
        Files.delete(target);
      }
    }
    assertGoesOn(disk(), status(base).path());
  }

  @Test
  void guestIsFrozenForTheMomentAlone() throws Exception {
    QuietMonitor monitor = new QuietMonitor(host);

    ExportedImage exported =
        maintenance().export(lending(monitor), root, directory.resolve("a.raw"), ImageFormat.RAW);

    assertThat(exported.consistency()).isEqualTo(SnapshotConsistency.FROZEN);
    assertThat(monitor.whileQuiet()).containsExactly("transaction");
    monitor.refuse();
    assertThat(maintenance()
            .export(lending(monitor), root, directory.resolve("b.raw"), ImageFormat.RAW)
            .consistency())
        .isEqualTo(SnapshotConsistency.CRASH);
    int count = guest.count();
    guest.close();
    host.quit();
    ExportedImage off = maintenance()
        .export(new StandaloneContext(), root, directory.resolve("c.raw"), ImageFormat.RAW);
    assertThat(off.consistency()).isEqualTo(SnapshotConsistency.EXACT);
    assertThat(Pictures.patterns(off.path(), "raw")).isEqualTo(written(count));
    assertThat(off.digest()).isEqualTo(exported.digest());
  }

  private static StandaloneContext lending(BlockMonitor monitor) {
    return new StandaloneContext().lending("machine", monitor);
  }

  @Test
  void crashWhileExportingLeavesNothing() throws Exception {
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      assertThat(point).isLessThan(20);
      Path target = directory.resolve("image-" + point + ".raw");
      try {
        maintenance().export(cx().crashAt(point), root, target, ImageFormat.RAW);
        crashed = false;
      } catch (SimulatedCrash e) {
        assertThat(seen().complete()).isTrue();
      }
      openAgain();

      assertThat(copy()).doesNotExist();
      assertGoesOn(disk(), status(base).path());
      if (Files.exists(target)) {
        assertMoment(Pictures.patterns(target, "raw"), 0, guest.count());
      } else {
        maintenance().export(cx(), root, target, ImageFormat.RAW);
      }
    }
    assertContent();
  }

  @Test
  void exportThatGoesOnWithoutUsIsEnded() throws Exception {
    for (boolean ended : List.of(false, true)) {
      assertThatThrownBy(() -> maintenance()
              .export(
                  dyingBefore(cx(), "copy running disk"),
                  root,
                  directory.resolve("image.raw"),
                  ImageFormat.RAW))
          .isInstanceOf(SimulatedCrash.class);
      try (LiveVolume live = LiveVolume.open(host, root, disk(), LIMIT)) {
        LiveJob job = live.backup(
            BackupSpec.full(copy(), ImageFormat.QCOW2).withBytesPerSecond(ended ? 0 : 1));
        await()
            .atMost(LIMIT)
            .until(() -> job.status().state() == (ended ? JobState.CONCLUDED : JobState.RUNNING));
      }

      // Whatever is done next with the volume.
      driver.close();
      open();
      driver.createExternalSnapshot(cx(), root, "one");

      assertThat(copy()).doesNotExist();
      assertThat(host.hasJobs()).isFalse();
      driver.deleteExternalSnapshot(cx(), root, "one");
      assertGoesOn(disk(), status(base).path());
    }
    assertContent();
  }

  @Test
  void copyOfAMachineThatHasEndedIsForgotten() throws Exception {
    assertThatThrownBy(() -> maintenance()
            .export(
                dyingBefore(cx(), "export disk"),
                root,
                directory.resolve("image.raw"),
                ImageFormat.RAW))
        .isInstanceOf(SimulatedCrash.class);
    assertThat(copy()).exists();
    int count = guest.count();
    guest.close();
    host.quit();

    driver.close();
    open();
    driver.apply(new StandaloneContext(), root, spec);

    assertThat(copy()).doesNotExist();
    assertThat(Pictures.patterns(disk(), "qcow2")).isEqualTo(written(count));
  }

  @Test
  void cancelledOrRefusedExportLeavesNothing() throws Exception {
    Path taken = Files.writeString(directory.resolve("taken"), "mine");
    requireCode(
        N0Exception.Code.ALREADY_EXISTS,
        () -> maintenance().export(cx(), root, taken, ImageFormat.RAW));
    requireCode(
        N0Exception.Code.BUSY,
        () -> maintenance()
            .export(new StandaloneContext(), root, directory.resolve("a"), ImageFormat.RAW));
    for (int step = 0; step < 3; step++) {
      int at = step;
      requireCode(
          N0Exception.Code.CANCELLED,
          () -> maintenance()
              .export(cx().cancelBefore(at), root, directory.resolve("a"), ImageFormat.RAW));
      assertThat(copy()).doesNotExist();
      assertThat(directory.resolve("a")).doesNotExist();
    }
    assertThat(taken).hasContent("mine");
    assertGoesOn(disk(), status(base).path());
  }

  @Test
  void diskOfAMachineIsFlattenedAndExported() throws Exception {
    end();
    driver.apply(new StandaloneContext(), root, spec);
    host = QemuHost.machine(directory.resolve("host"));
    host.add("disk-root", disk(), "qcow2");
    host.run(
        "device_add",
        Map.of(
            "driver", "virtio-blk-pci", "id", "disk-root", "bus", "port0", "drive", "disk-root"));

    Path target = directory.resolve("image.raw");
    ExportedImage exported = maintenance().export(cx(), root, target, ImageFormat.RAW);
    maintenance().flatten(cx(), root);

    assertThat(exported.consistency()).isEqualTo(SnapshotConsistency.CRASH);
    assertThat(seen().complete()).isTrue();
    assertThat(host.run("query-block", Map.of()).get(0).at("/inserted/file").asText())
        .isEqualTo(disk().toString());
    host.quit();
    int[] expected = new int[BLOCKS];
    Arrays.fill(expected, FROM_BASE);
    assertThat(Pictures.patterns(target, "raw")).isEqualTo(expected);
    assertThat(Pictures.patterns(disk(), "qcow2")).isEqualTo(expected);
    Pictures.assertClean(disk());
  }
}
