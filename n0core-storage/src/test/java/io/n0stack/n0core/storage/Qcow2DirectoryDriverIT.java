package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Snapshots;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.QEMU)
class Qcow2DirectoryDriverIT {
  private static final long MIB = 1 << 20;

  @TempDir
  Path directory;

  private final ResourceId root = ResourceId.fresh("volume", "root");
  private final ResourceId clone = ResourceId.fresh("volume", "clone");
  private Path pool;
  private Qcow2DirectoryDriver driver;

  @BeforeEach
  void open() {
    pool = directory.resolve("pool, of: volumes");
    driver = new Qcow2DirectoryDriver(pool, Duration.ofSeconds(30));
  }

  @AfterEach
  void close() {
    driver.close();
  }

  private Snapshots snapshots() {
    return driver.capability(Snapshots.class).orElseThrow();
  }

  @Test
  void aVolumeIsWhatQemuImgChecksAndOnlyTheOwnerMayRead() throws IOException {
    driver.apply(new StandaloneContext(), root, VolumeSpec.empty(64 * MIB));

    VolumeStatus status = status(root);
    assertThat(status.sizeBytes()).isEqualTo(64 * MIB);
    assertThat(status.allocatedBytes()).isBetween(512L, MIB);
    assertThat(check(status)).contains("No errors");
    assertThat(Files.getPosixFilePermissions(status.path())).hasSize(2);
    assertThat(Files.getPosixFilePermissions(pool)).hasSize(3);
    assertThat(Files.getPosixFilePermissions(status.path().getParent())).hasSize(3);
  }

  @Test
  void aRawVolumeIsSparseAndItsContentIsNeverProbed() throws IOException {
    VolumeSpec spec = new VolumeSpec(ImageFormat.RAW, Optional.of(64 * MIB), Optional.empty());
    driver.apply(new StandaloneContext(), root, spec);
    Path evil = image("evil.qcow2", "-b", "/etc/passwd", "-F", "raw");
    try (RandomAccessFile disk = new RandomAccessFile(status(root).path().toFile(), "rw")) {
      disk.write(Files.readAllBytes(evil));
    }

    driver.apply(new StandaloneContext(), root, spec.withSizeBytes(128 * MIB));

    assertThat(status(root).sizeBytes()).isEqualTo(128 * MIB);
    assertThat(status(root).backingImage()).isEmpty();
    assertThat(status(root).allocatedBytes()).isLessThan(MIB);
  }

  @Test
  void aLinkedCloneGrowsAndNeverShrinks() throws IOException {
    Path base = image("base, 1: a.qcow2", "8M");
    ImageSource.Backing backing = new ImageSource.Backing(base, ImageFormat.QCOW2);
    byte[] before = Files.readAllBytes(base);
    requireRefused(
        N0Exception.Code.INVALID,
        "sizeBytes",
        () -> apply(VolumeSpec.from(backing).withSizeBytes(MIB)));
    assertThat(pool).doesNotExist();

    apply(VolumeSpec.from(backing));
    assertThat(status(root).sizeBytes()).isEqualTo(8 * MIB);
    assertThat(status(root).backingImage()).contains(base);
    apply(VolumeSpec.from(backing).withSizeBytes(32 * MIB));

    assertThat(status(root).sizeBytes()).isEqualTo(32 * MIB);
    assertThat(check(status(root))).contains("No errors");
    requireRefused(
        N0Exception.Code.INVALID,
        "sizeBytes",
        () -> apply(VolumeSpec.from(backing).withSizeBytes(16 * MIB)));
    requireRefused(N0Exception.Code.INVALID, "source", () -> apply(VolumeSpec.empty(32 * MIB)));
    assertThat(Files.readAllBytes(base)).isEqualTo(before);
  }

  @Test
  void aCopyHasTheImagesContentInEitherFormat() throws IOException {
    byte[] content = new byte[(int) (3 * MIB)];
    new Random(7).nextBytes(content);
    Path raw = Files.write(directory.resolve("image.raw"), content);
    Path qcow2 = directory.resolve("image.qcow2");
    Images.qemuImg("convert", "-f", "raw", "-O", "qcow2", raw, qcow2);

    for (ImageFormat format : ImageFormat.values()) {
      ResourceId id = ResourceId.fresh("volume", "copy");
      ImageSource source = new ImageSource.Copy(qcow2, ImageFormat.QCOW2);
      driver.apply(
          new StandaloneContext(),
          id,
          new VolumeSpec(format, Optional.of(4 * MIB), Optional.of(source)));

      String name = format == ImageFormat.RAW ? "raw" : "qcow2";
      Images.qemuImg("compare", "-f", "raw", "-F", name, raw, status(id).path());
      assertThat(status(id).sizeBytes()).isEqualTo(4 * MIB);
      driver.delete(new StandaloneContext(), id);
    }
    assertThat(Images.volumes(pool)).isEmpty();
  }

  @Test
  void whatCannotBeDoneIsRefusedBeforeAnythingIsMade() throws IOException {
    Path base = image("base.qcow2", "8M");

    requireRefused(
        N0Exception.Code.INVALID, "sizeBytes", () -> apply(VolumeSpec.empty((1L << 51) + 512)));
    requireRefused(
        N0Exception.Code.INVALID,
        "kind",
        () -> driver.apply(
            new StandaloneContext(), ResourceId.fresh("machine", "web1"), VolumeSpec.empty(MIB)));
    Files.delete(base);
    assertThatThrownBy(() -> apply(VolumeSpec.from(new ImageSource.Copy(base, ImageFormat.QCOW2))))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.NOT_FOUND));
    assertThat(pool).doesNotExist();
  }

  @Test
  void aVolumeUnderAnotherIsNeitherDeletedNorReverted() {
    apply(VolumeSpec.empty(8 * MIB));
    snapshots().createSnapshot(new StandaloneContext(), root, "before");
    Path base = status(root).path();
    VolumeSpec overlay = VolumeSpec.from(new ImageSource.Backing(base, ImageFormat.QCOW2));
    requireRefused(
        N0Exception.Code.INVALID,
        "source.format",
        () -> driver.apply(
            new StandaloneContext(),
            clone,
            VolumeSpec.from(new ImageSource.Backing(base, ImageFormat.RAW))));
    driver.apply(new StandaloneContext(), clone, overlay);

    requireRefused(
        N0Exception.Code.BUSY, root.toString(), () -> driver.delete(new StandaloneContext(), root));
    requireRefused(
        N0Exception.Code.BUSY,
        root.toString(),
        () -> snapshots().revertToSnapshot(new StandaloneContext(), root, "before"));
    assertThat(status(root).path()).exists();

    driver.delete(new StandaloneContext(), clone);
    driver.delete(new StandaloneContext(), root);
    assertThat(Images.volumes(pool)).isEmpty();
  }

  @Test
  void aVolumeThatAProcessHasOpenIsBusyAndStaysAsItIs() throws Exception {
    apply(VolumeSpec.empty(8 * MIB));
    Path socket = directory.resolve("nbd.sock");
    Process daemon = new ProcessBuilder(
            "qemu-storage-daemon",
            "--blockdev",
            "node-name=disk,driver=qcow2,file.driver=file,file.filename="
                + status(root).path().toString().replace(",", ",,"),
            "--nbd-server",
            "addr.type=unix,addr.path=" + socket,
            "--export",
            "type=nbd,id=disk,node-name=disk,writable=on")
        .inheritIO()
        .start();
    try {
      Awaitility.await().atMost(Duration.ofMinutes(1)).until(() -> Files.exists(socket));
      Awaitility.await()
          .untilAsserted(() -> requireRefused(
              N0Exception.Code.BUSY,
              root.toString(),
              () -> driver.delete(new StandaloneContext(), root)));
      assertThatThrownBy(() -> apply(VolumeSpec.empty(16 * MIB)))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
      assertThatThrownBy(() -> snapshots().createSnapshot(new StandaloneContext(), root, "now"))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
      assertThat(status(root).sizeBytes()).isEqualTo(8 * MIB);
      assertThat(((Observed.Present<VolumeStatus>) driver.observe(root)).complete())
          .as("a growth was asked for that is not done")
          .isFalse();
    } finally {
      daemon.destroy();
      daemon.waitFor();
    }

    apply(VolumeSpec.empty(16 * MIB));
    assertThat(status(root).sizeBytes()).isEqualTo(16 * MIB);
    driver.delete(new StandaloneContext(), root);
    assertThat(Images.volumes(pool)).isEmpty();
  }

  @Test
  void snapshotsAreTakenListedRevertedToAndDeleted() {
    apply(VolumeSpec.empty(8 * MIB));
    Path disk = status(root).path();
    writePattern(disk, 1);
    snapshots().createSnapshot(new StandaloneContext(), root, "before");
    snapshots().createSnapshot(new StandaloneContext(), root, "before");
    writePattern(disk, 2);
    snapshots().createSnapshot(new StandaloneContext(), root, "after");

    assertThat(snapshots().snapshots(root)).containsExactly("before", "after");
    snapshots().revertToSnapshot(new StandaloneContext(), root, "before");
    Images.run(List.of("qemu-io", "-f", "qcow2", "-c", "read -P 1 0 64k", disk.toString()));
    snapshots().deleteSnapshot(new StandaloneContext(), root, "before");
    snapshots().deleteSnapshot(new StandaloneContext(), root, "before");

    assertThat(snapshots().snapshots(root)).containsExactly("after");
    assertThat(check(status(root))).contains("No errors");
    requireRefused(
        N0Exception.Code.NOT_FOUND,
        root.toString(),
        () -> snapshots().revertToSnapshot(new StandaloneContext(), root, "before"));
    for (String name : new String[] {"../x", "a,b", "-c", "", "Up", "1", "a\nb"}) {
      requireRefused(
          N0Exception.Code.INVALID,
          "snapshot",
          () -> snapshots().createSnapshot(new StandaloneContext(), root, name));
    }
  }

  @Test
  void whatCannotBeSeenIsUnknownAndNeverAbsent() throws IOException {
    apply(VolumeSpec.empty(8 * MIB));
    Path record = status(root).path().resolveSibling("volume.json");
    String good = Files.readString(record);

    Files.writeString(record, good.substring(20));
    assertThat(driver.observe(root)).isInstanceOf(Observed.Unknown.class);
    assertThat(driver.list()).containsExactly(root);
    Files.writeString(record, good.replace(root.uid().toString(), clone.uid().toString()));
    assertThat(driver.observe(root)).isInstanceOf(Observed.Unknown.class);
    Files.writeString(record, good);
    assertThat(driver.observe(root)).isInstanceOf(Observed.Present.class);

    Files.move(pool, directory.resolve("elsewhere"));
    Files.writeString(pool, "not a directory");
    requireBlind();
    Files.delete(pool);
    Files.createSymbolicLink(pool, directory.resolve("not-mounted"));
    requireBlind();
    Files.delete(pool);
    assertThat(driver.observe(root)).isInstanceOf(Observed.Absent.class);
    assertThat(driver.list()).isEmpty();
  }

  @Test
  void aDamagedVolumeIsLeftAloneByApplyAndRemovedByDelete() throws IOException {
    apply(VolumeSpec.empty(8 * MIB));
    Files.writeString(status(root).path().resolveSibling("volume.json"), "{");
    List<String> before = Images.volumes(pool);

    assertThatThrownBy(() -> apply(VolumeSpec.empty(16 * MIB)))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
    assertThat(Images.volumes(pool)).isEqualTo(before);

    driver.delete(new StandaloneContext(), root);
    assertThat(Images.volumes(pool)).isEmpty();
  }

  @Test
  void aDiskThatNamesAnotherBackingFileThanItsRecordIsUnknown() {
    Path base = image("base.qcow2", "8M");
    apply(VolumeSpec.from(new ImageSource.Backing(base, ImageFormat.QCOW2)));
    Images.qemuImg(
        "rebase",
        "-u",
        "-f",
        "qcow2",
        "-b",
        "/etc/passwd",
        "-F",
        "raw",
        status(root).path());

    assertThat(driver.observe(root)).isInstanceOf(Observed.Unknown.class);
    assertThatThrownBy(() -> snapshots().createSnapshot(new StandaloneContext(), root, "now"))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
  }

  private void requireBlind() {
    assertThat(driver.observe(root)).isInstanceOf(Observed.Unknown.class);
    assertThat(driver.probe().message()).isNotEmpty();
    for (ThrowingCallable call : new ThrowingCallable[] {
      driver::list,
      () -> apply(VolumeSpec.empty(8 * MIB)),
      () -> driver.delete(new StandaloneContext(), root)
    }) {
      assertThatThrownBy(call)
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
    }
  }

  @Test
  void whatIsNotOursStaysUntouched() throws IOException {
    Files.createDirectory(pool);
    Files.writeString(pool.resolve("note.txt"), "mine");
    Files.createDirectory(pool.resolve("lost+found"));
    Files.createDirectory(pool.resolve("root.not-a-uid"));

    apply(VolumeSpec.empty(8 * MIB));
    assertThat(driver.list()).containsExactly(root);
    driver.delete(new StandaloneContext(), root);

    assertThat(Images.volumes(pool)).hasSize(3);
  }

  private void apply(VolumeSpec spec) {
    driver.apply(new StandaloneContext(), root, spec);
  }

  private VolumeStatus status(ResourceId id) {
    return ((Observed.Present<VolumeStatus>) driver.observe(id)).status();
  }

  private Path image(String name, String... arguments) {
    Path image = directory.resolve(name);
    List<Object> all = new ArrayList<>(List.of("create", "-q", "-f", "qcow2", image));
    all.addAll(List.of(arguments));
    Images.qemuImg(all.toArray());
    return image;
  }

  private static void writePattern(Path disk, int pattern) {
    Images.run(
        List.of("qemu-io", "-f", "qcow2", "-c", "write -P " + pattern + " 0 64k", disk.toString()));
  }

  private static String check(VolumeStatus status) {
    return Images.qemuImg("check", "-f", "qcow2", status.path());
  }

  static void requireRefused(N0Exception.Code code, String subject, ThrowingCallable call) {
    assertThatThrownBy(call).isInstanceOfSatisfying(N0Exception.class, e -> {
      assertThat(e.code()).as(e.getMessage()).isEqualTo(code);
      assertThat(e.subject()).isEqualTo(subject);
    });
  }

  @Test
  void aVolumeIsKeptWhileItCannotBeSeenWhatAHalfMadeOneLiesOn() throws IOException {
    apply(VolumeSpec.empty(8 * MIB));
    Path making = Files.createDirectory(pool.resolve(".new-clone." + clone.uid()));
    driver.delete(new StandaloneContext(), root);
    assertThat(driver.observe(root)).as("nothing was begun").isInstanceOf(Observed.Absent.class);

    apply(VolumeSpec.empty(8 * MIB));
    Files.writeString(making.resolve("volume.json"), "{");
    requireRefused(
        N0Exception.Code.UNAVAILABLE,
        clone.toString(),
        () -> driver.delete(new StandaloneContext(), root));
    assertThat(driver.observe(root)).isInstanceOf(Observed.Present.class);

    driver.delete(new StandaloneContext(), clone);
    Path loop = pool.resolve("clone." + clone.uid());
    Files.createSymbolicLink(loop, loop);
    assertThatThrownBy(() -> driver.delete(new StandaloneContext(), root))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
    Files.delete(loop);
    driver.delete(new StandaloneContext(), root);
    assertThat(Images.volumes(pool)).isEmpty();
  }

  @Test
  void aVolumeWithADamagedDiskKeepsNoOtherButItsOwnBase() throws IOException {
    ResourceId other = ResourceId.fresh("volume", "other");
    apply(VolumeSpec.empty(8 * MIB));
    driver.apply(new StandaloneContext(), other, VolumeSpec.empty(8 * MIB));
    driver.apply(
        new StandaloneContext(),
        clone,
        VolumeSpec.from(new ImageSource.Backing(status(root).path(), ImageFormat.QCOW2)));
    Files.write(status(clone).path(), new byte[512]);

    driver.delete(new StandaloneContext(), other);
    requireRefused(
        N0Exception.Code.BUSY, root.toString(), () -> driver.delete(new StandaloneContext(), root));
    driver.delete(new StandaloneContext(), clone);
    driver.delete(new StandaloneContext(), root);

    assertThat(Images.volumes(pool)).isEmpty();
  }

  @Test
  void whatAnInterruptedThreadCannotReadIsUnknown() {
    apply(VolumeSpec.empty(MIB));

    Thread.currentThread().interrupt();
    assertThat(driver.observe(root)).isInstanceOf(Observed.Unknown.class);
    assertThat(Thread.interrupted()).isTrue();

    assertThat(driver.observe(root)).isInstanceOf(Observed.Present.class);
  }
}
