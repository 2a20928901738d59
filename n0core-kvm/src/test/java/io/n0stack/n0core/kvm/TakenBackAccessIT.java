package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A machine's user that is let into volumes, each in a directory that is the agent's alone. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class TakenBackAccessIT extends HostFixture {
  private static final long FIRST = 700_061;
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  private final ResourceId other = another("web2");
  private Path base;
  private Path root;
  private Path data;
  private Path alone;
  private Path aloneBase;

  @BeforeEach
  void prepare() throws Exception {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx--x--x"));
    FileAttribute<?> agents =
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
    Path pool = Files.createDirectory(directory.resolve("pool"), agents);
    Path second = Files.createDirectory(directory.resolve("second"), agents);
    base = image(pool.resolve("base"), Optional.empty());
    root = image(pool.resolve("root"), Optional.of(base));
    data = image(pool.resolve("data"), Optional.of(base));
    aloneBase = image(second.resolve("base"), Optional.empty());
    alone = image(second.resolve("alone"), Optional.of(aloneBase));
  }

  private static Path image(Path file, Optional<Path> backing) throws Exception {
    if (backing.isPresent()) {
      Host.run(
          "qemu-img",
          "create",
          "-q",
          "-f",
          "qcow2",
          "-F",
          "qcow2",
          "-b",
          backing.get() + "",
          file + "");
    } else {
      Host.run("qemu-img", "create", "-q", "-f", "qcow2", file.toString(), "8M");
    }
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
  }

  @Override
  QemuMachineDriver open() {
    return open(LaunchConfig.RunAs.range(FIRST, FIRST + 1));
  }

  private QemuMachineDriver open(LaunchConfig.RunAs who) {
    return new QemuMachineDriver(KvmConfig.of(host.root)
        .withAccelerator(Accelerator.TCG)
        .withPatience(Patience.usual().withUnplug(PATIENCE))
        .withLaunch(LaunchConfig.standard().withRunAs(who)));
  }

  @Override
  @AfterEach
  void nothingIsLeft() {
    super.nothingIsLeft();
    for (Path file : List.of(base, root, data, alone, aloneBase)) {
      assertThat(Host.mayRead(FIRST, file)).as(file.toString()).isFalse();
    }
  }

  private StandaloneContext cx() {
    return Host.context()
        .with("volume", "root", status(root, base))
        .with("volume", "data", status(data, base))
        .with("volume", "alone", status(alone, aloneBase));
  }

  private static VolumeStatus status(Path file, Path backing) {
    return new VolumeStatus(file, ImageFormat.QCOW2, 8 << 20, 0, Optional.of(backing));
  }

  private MachineSpec spec(DiskModel model, String... disks) {
    MachineSpec.Builder builder = host.nano(Chipset.Q35);
    for (String disk : disks) {
      builder.disk(disk, model);
    }
    return builder.build();
  }

  private void assertOpen(Path... files) {
    List<Path> open = List.of(files);
    for (Path file : List.of(base, root, data, alone, aloneBase)) {
      assertThat(Host.mayRead(FIRST, file)).as(file.toString()).isEqualTo(open.contains(file));
    }
  }

  @Test
  void diskThatIsUnpluggedIsShutAndWhatOthersNeedStaysOpen() throws Exception {
    driver.apply(cx(), id, spec(DiskModel.VIRTIO_SCSI, "root", "data", "alone"));
    assertOpen(base, root, data, alone, aloneBase);

    driver.apply(cx(), id, spec(DiskModel.VIRTIO_SCSI, "root"));

    assertOpen(base, root);
    Path later = Files.writeString(alone.resolveSibling("later"), "x");
    Files.setPosixFilePermissions(later.getParent(), PosixFilePermissions.fromString("rwx--x--x"));
    assertThat(Host.mayRead(FIRST, later)).as("what is made beside it later").isFalse();

    driver.apply(cx(), id, spec(DiskModel.VIRTIO_SCSI, "root", "alone"));
    assertOpen(base, root, alone, aloneBase);
  }

  @Test
  void whereverTheAgentDiesItIsShutInTheEnd() {
    MachineSpec less = spec(DiskModel.VIRTIO_SCSI, "root");
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      driver.apply(cx(), id, spec(DiskModel.VIRTIO_SCSI, "root", "data", "alone"));
      try {
        driver.apply(cx().crashAt(point), id, less);
        crashed = false;
      } catch (SimulatedCrash e) {
        driver.close();
        driver = open();
        driver.apply(cx(), id, less);
      }
      assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
      assertOpen(base, root);
    }
  }

  @Test
  void diskIsOpenAsLongAsTheGuestKeepsItAndShutAfterTheMachineHasCrashed() throws Exception {
    driver.apply(cx(), id, spec(DiskModel.VIRTIO_BLK, "root", "alone"));
    MachineSpec less = spec(DiskModel.VIRTIO_BLK, "root");
    assertThatExceptionOfType(N0Exception.class).isThrownBy(() -> driver.apply(cx(), id, less));
    assertOpen(base, root, alone, aloneBase);

    Host.signal("KILL", Host.pid(driver, id));
    driver.apply(cx(), id, less);

    assertOpen(base, root);
  }

  @Test
  void diskThatIsTakenOutOfAMachineThatIsOffIsShutWhenItIsStarted() throws Exception {
    driver.apply(cx(), id, spec(DiskModel.VIRTIO_BLK, "root", "data", "alone"));
    Host.signal("KILL", Host.pid(driver, id));

    driver.apply(cx(), id, spec(DiskModel.VIRTIO_BLK, "root"));

    assertOpen(base, root);
  }

  @Test
  void diskThatIsWantedAgainStaysOpen() throws Exception {
    driver.apply(cx(), id, spec(DiskModel.VIRTIO_BLK, "root", "alone"));
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(cx(), id, spec(DiskModel.VIRTIO_BLK, "root")));

    driver.apply(cx(), id, spec(DiskModel.VIRTIO_BLK, "root", "alone"));
    Host.signal("KILL", Host.pid(driver, id));
    driver.apply(cx(), id, spec(DiskModel.VIRTIO_BLK, "root", "alone"));

    assertOpen(base, root, alone, aloneBase);
  }

  @Test
  void whatAnotherMachineOfTheSameUserNeedsStaysOpen() throws IOException {
    driver = open(LaunchConfig.RunAs.user(FIRST, FIRST));
    driver.apply(cx(), id, spec(DiskModel.VIRTIO_SCSI, "root", "alone"));
    driver.apply(cx(), other, spec(DiskModel.VIRTIO_SCSI, "data"));

    driver.apply(cx(), id, spec(DiskModel.VIRTIO_SCSI, "alone"));
    assertOpen(base, data, alone, aloneBase);

    driver.delete(Host.context(), id);
    assertOpen(base, data);
  }
}
