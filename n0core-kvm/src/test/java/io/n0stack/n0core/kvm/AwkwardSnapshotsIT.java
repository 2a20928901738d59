package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSnapshot.Content;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.Encryption;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.BufferedReader;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Snapshots of a machine that has disks which others have not. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class AwkwardSnapshotsIT {
  private static final long BYTES = 8 << 20;
  // Of the steps of a deletion, the first notes it.
  private static final int NOTED = 1;

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;
  private Path root;
  private QemuMachineDriver driver;
  private MachineSnapshots snapshots;

  @BeforeEach
  void prepare() throws Exception {
    host = new Host(directory);
    root = directory.resolve("root.qcow2");
    Host.run("qemu-img", "create", "-q", "-f", "qcow2", root.toString(), "8M");
    driver = host.open();
    snapshots = driver.capability(MachineSnapshots.class).orElseThrow();
  }

  @AfterEach
  void nothingIsLeft() {
    driver.delete(context(), id);
    driver.close();
    host.cleanUp();
    assertThat(host.residue()).isEmpty();
  }

  private StandaloneContext cx() {
    return context().with("volume", "root", volume(root, ImageFormat.QCOW2));
  }

  private static VolumeStatus volume(Path file, ImageFormat format) {
    return new VolumeStatus(file, format, BYTES, 0, Optional.empty());
  }

  private MachineSpec.Builder nano() {
    return host.nano(Chipset.Q35).bootDisk("root");
  }

  @Test
  void aSnapshotIsDeletedThoughARawDiskWasPluggedSince() throws Exception {
    driver.apply(cx(), id, nano().build());
    snapshots.takeSnapshot(cx(), id, "one", Content.DISKS);
    snapshots.takeSnapshot(cx(), id, "two", Content.DISKS);
    Path raw = directory.resolve("scratch.img");
    Host.run("qemu-img", "create", "-q", "-f", "raw", raw.toString(), "8M");
    StandaloneContext more = cx().with("volume", "scratch", volume(raw, ImageFormat.RAW));
    driver.apply(more, id, nano().disk("scratch", DiskModel.VIRTIO_SCSI).build());

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> snapshots.takeSnapshot(more, id, "three", Content.DISKS))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
    snapshots.deleteSnapshot(more, id, "one");
    driver.power(context(), id, PowerAction.HARD_SHUTDOWN);
    snapshots.deleteSnapshot(more, id, "two");

    assertThat(snapshots.snapshots(id)).isEmpty();
    assertThat(tags(root)).doesNotContain("n0-");
    driver.power(more, id, PowerAction.BOOT);
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void anEncryptedDiskHasSnapshotsWhileItsMachineIsOff() throws Exception {
    Path plain = directory.resolve("key");
    Files.writeString(plain, "for your eyes only");
    Path sealed = directory.resolve("sealed.qcow2");
    Host.luks(sealed, plain);
    Path key = Files.move(plain, directory.resolve("the key, of web1"));
    StandaloneContext all = cx().with("volume", "sealed", sealed(sealed, key));
    driver.apply(all, id, nano().disk("sealed", DiskModel.VIRTIO_SCSI).build());
    snapshots.takeSnapshot(all, id, "running", Content.DISKS);
    driver.power(context(), id, PowerAction.HARD_SHUTDOWN);

    snapshots.takeSnapshot(all, id, "off", Content.DISKS);
    snapshots.revertToSnapshot(all, id, "running");
    snapshots.deleteSnapshot(all, id, "running");
    snapshots.deleteSnapshot(all, id, "off");

    assertThat(snapshots.snapshots(id)).isEmpty();
    assertThat(tags(root)).doesNotContain("n0-");
    driver.power(all, id, PowerAction.BOOT);
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void aSnapshotThatCannotBeDeletedIsInNobodysWay() throws Exception {
    Path key = directory.resolve("key");
    Files.writeString(key, "for your eyes only");
    Path sealed = directory.resolve("sealed.qcow2");
    Host.luks(sealed, key);
    StandaloneContext all = cx().with("volume", "sealed", sealed(sealed, key));
    driver.apply(all, id, nano().disk("sealed", DiskModel.VIRTIO_SCSI).build());
    snapshots.takeSnapshot(all, id, "one", Content.DISKS);
    driver.power(context(), id, PowerAction.HARD_SHUTDOWN);
    StandaloneContext dying = cx().with("volume", "sealed", sealed(sealed, key)).crashAt(NOTED);
    assertThatExceptionOfType(SimulatedCrash.class)
        .isThrownBy(() -> snapshots.deleteSnapshot(dying, id, "one"));
    Path away = Files.move(key, directory.resolve("away"));
    StandaloneContext locked = cx().with("volume", "sealed", sealed(sealed, key));

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> snapshots.deleteSnapshot(locked, id, "one"))
        .withMessageContaining("key");
    driver.apply(locked, id, nano().build()); // which gives the disk up
    driver.power(locked, id, PowerAction.BOOT);

    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    assertThat(snapshots.snapshots(id)).isEmpty();
    assertThat(tags(root)).doesNotContain("n0-");
    Files.move(away, key);
  }

  /** How many snapshots there are is written last when one is made, after all of its clusters were counted. */
  @Test
  void whatAQemuImgThatDiedHasCountedIsFreed() throws Exception {
    Host.run("qemu-io", "-f", "qcow2", "-c", "write 0 1M", root.toString());
    driver.apply(cx(), id, nano().build());
    driver.power(context(), id, PowerAction.HARD_SHUTDOWN);
    StandaloneContext dying = cx().before("note that the snapshot is complete", () -> {
      throw new SimulatedCrash("qemu-img");
    });
    assertThatExceptionOfType(SimulatedCrash.class)
        .isThrownBy(() -> snapshots.takeSnapshot(dying, id, "one", Content.DISKS));
    try (RandomAccessFile disk = new RandomAccessFile(root.toFile(), "rw")) {
      disk.seek(60); // docs/interop/qcow2.txt
      disk.writeInt(0);
    }
    assertThat(leaks()).isTrue();

    driver.apply(cx(), id, nano().build());

    assertThat(leaks()).isFalse();
    assertThat(snapshots.snapshots(id)).isEmpty();
  }

  private boolean leaks() throws Exception {
    Process check = new ProcessBuilder("qemu-img", "check", "-f", "qcow2", root.toString()).start();
    try (BufferedReader lines = check.inputReader()) {
      return lines.lines().anyMatch(line -> line.contains("leaked clusters were found"));
    }
  }

  @Test
  void qemuImgOpensNothingThatTheHeaderOfADiskNames() throws Exception {
    driver.apply(cx(), id, nano().build());
    driver.power(context(), id, PowerAction.HARD_SHUTDOWN);
    Host.run("qemu-img", "rebase", "-u", "-b", "nbd://127.0.0.1:1/", "-F", "raw", root.toString());

    snapshots.takeSnapshot(cx(), id, "one", Content.DISKS);
    assertThat(tags(root)).contains("n0-one");
    snapshots.deleteSnapshot(cx(), id, "one");
    assertThat(tags(root)).doesNotContain("n0-one");

    Path elsewhere = directory.resolve("elsewhere.raw");
    Host.run(
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-o",
        "data_file=" + elsewhere,
        root.toString(),
        "8M");
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> snapshots.takeSnapshot(cx(), id, "two", Content.DISKS))
        .withMessageContaining("must not keep its data in another file")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
    driver.power(
        cx().with("volume", "root", volume(replaced(), ImageFormat.QCOW2)), id, PowerAction.BOOT);
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  private Path replaced() throws Exception {
    Host.run("qemu-img", "create", "-q", "-f", "qcow2", root.toString(), "8M");
    return root;
  }

  private static VolumeStatus sealed(Path file, Path key) {
    return new VolumeStatus(
        file, ImageFormat.QCOW2, BYTES, 0, Optional.empty(), Optional.of(new Encryption(key)));
  }

  private static String tags(Path volume) throws Exception {
    return Host.run(
        "qemu-img",
        "snapshot",
        "-U",
        "-l",
        "json:{\"driver\":\"qcow2\",\"backing\":null,\"file\":{\"driver\":\"file\",\"filename\":\""
            + volume + "\"}}");
  }
}
