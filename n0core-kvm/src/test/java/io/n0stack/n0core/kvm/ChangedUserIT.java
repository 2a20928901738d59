package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.LaunchConfig.RunAs;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of a machine whose agent comes back with other users for machines. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class ChangedUserIT {
  private static final long FIRST = 700_041;
  private static final long SECOND = 700_051;

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;
  private Path base;
  private Path disk;
  private MachineSpec spec;

  @BeforeEach
  void prepare() throws Exception {
    host = new Host(directory);
    // JUnit's directory is for its owner alone.
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx--x--x"));
    Path pool = Files.createDirectory(
        directory.resolve("pool"),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    base = pool.resolve("base.qcow2");
    disk = pool.resolve("root.qcow2");
    Host.run("qemu-img", "create", "-q", "-f", "qcow2", base.toString(), "8M");
    Host.run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base + "", disk + "");
    for (Path file : List.of(base, disk)) {
      Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
    }
    spec = host.nano(Chipset.Q35)
        .bootDisk("root")
        .hardware(Hardware.standard().withTpm(Hardware.Tpm.VERSION_2_0))
        .build();
  }

  @AfterEach
  void nothingIsLeft() {
    try (QemuMachineDriver driver = open(LaunchConfig.standard())) {
      driver.delete(cx(), id);
    }
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
    assertNobodyReads(FIRST, SECOND);
  }

  private QemuMachineDriver open(LaunchConfig launch) {
    return new QemuMachineDriver(
        KvmConfig.of(host.root).withAccelerator(Accelerator.TCG).withLaunch(launch));
  }

  private StandaloneContext cx() {
    return Host.context()
        .with(
            "volume",
            "root",
            new VolumeStatus(disk, ImageFormat.QCOW2, 8 << 20, 0, Optional.of(base)));
  }

  private void assertNobodyReads(long... users) {
    for (long user : users) {
      assertThat(List.of(base, disk)).as("user %d", user).noneMatch(f -> Host.mayRead(user, f));
    }
  }

  private Path machine() {
    return host.root.resolve(id.uid().toString());
  }

  private static long user(Path file) throws Exception {
    return ((Number) Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS)).longValue();
  }

  private void runsAs(long user, LaunchConfig launch) throws Exception {
    try (QemuMachineDriver driver = open(launch)) {
      driver.apply(cx(), id, spec);
      if (state(driver, id) == MachineState.SHUTDOWN) {
        driver.power(cx(), id, PowerAction.BOOT);
      }
      assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
      assertThat(user(Path.of("/proc", "" + Host.pid(driver, id)))).isEqualTo(user);
      assertThat(user(machine().resolve("tpm/tpm2-00.permall"))).isEqualTo(user);
      driver.power(cx(), id, PowerAction.HARD_SHUTDOWN);
      // What swtpm left must be handed over, and nothing that a link leads to.
      Path link = machine().resolve("tpm/link-" + user);
      new Foe(user == 0 ? SECOND : user).tries("ln", "-s", base.toString(), link.toString());
    }
  }

  @Test
  void theFormerUserLosesItsDisksAndTheNextOneGetsWhatTheTpmHolds() throws Exception {
    LaunchConfig usual = LaunchConfig.standard();

    runsAs(FIRST, usual.withRunAs(RunAs.range(FIRST, FIRST + 1)));
    assertThat(Host.mayRead(FIRST, disk)).isTrue();
    runsAs(SECOND, usual.withRunAs(RunAs.user(SECOND, SECOND)));

    assertThat(Host.mayRead(SECOND, disk)).isTrue();
    assertNobodyReads(FIRST);
    assertThat(machine().resolve("tpm/link-" + FIRST)).isSymbolicLink();
    assertThat(user(base)).isZero();
    runsAs(0, usual);
    assertNobodyReads(FIRST, SECOND);
    assertThat(user(base)).isZero();
    runsAs(FIRST, usual.withRunAs(RunAs.range(FIRST, FIRST + 1)));
    assertThat(Host.mayRead(FIRST, disk)).isTrue();
  }
}
