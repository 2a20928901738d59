package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.kvm.LaunchConfig.RunAs;
import io.n0stack.n0core.kvm.internal.launch.AccessList;
import io.n0stack.n0core.kvm.internal.launch.Owner;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import jnr.ffi.LibraryLoader;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A QEMU without privileges opens by its name a persistent tap that belongs to its user. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class OwnedTapIT {
  private static final Path TUN = Path.of("/dev/net/tun");
  private static final long USER = 700_301;
  private static final long OTHER = 700_302;

  /** What the JDK has not. */
  public interface LibC {
    /** See getxattr(2). */
    long getxattr(String path, String name, @Nullable ByteBuffer value, long size);

    /** See removexattr(2). */
    int removexattr(String path, String name);
  }

  private static final String ACL = "system.posix_acl_access";
  private static final LibC C = LibraryLoader.create(LibC.class).load("c");

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private final String netns = "n0kvm-" + id.uid().toString().substring(0, 8);
  private boolean opened;
  private boolean had;
  private Host host;
  private QemuMachineDriver driver;

  @BeforeEach
  void prepare() throws Exception {
    host = new Host(directory);
    // JUnit's directory is for its owner alone.
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx--x--x"));
    Host.run("ip", "netns", "add", netns);
    if (!Files.getPosixFilePermissions(TUN).contains(PosixFilePermission.OTHERS_WRITE)) {
      had = C.getxattr(TUN.toString(), ACL, null, 0) >= 0;
      opened = true;
      AccessList.allowWriting(TUN, new Owner(USER, USER)); // udev lets everybody
    }
    driver = new QemuMachineDriver(KvmConfig.of(host.root)
        .withAccelerator(Accelerator.TCG)
        .withLaunch(LaunchConfig.standard()
            .withRunAs(RunAs.user(USER, USER))
            .withNetworkNamespace(Path.of("/run/netns", netns))));
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    if (opened) {
      AccessList.deny(TUN, new Owner(USER, USER));
    }
    if (opened && !had) {
      assertThat(C.removexattr(TUN.toString(), ACL)).isZero();
    }
    driver.delete(Host.context(), id);
    List<String> left = host.residue();
    host.cleanUp();
    Host.run("ip", "netns", "del", netns);
    assertThat(left).isEmpty();
  }

  private void tap(long owner) throws Exception {
    Host.run("ip", "-n", netns, "tuntap", "add", "dev", "tap0", "mode", "tap", "user", "" + owner);
    Host.run("ip", "-n", netns, "addr", "add", "10.77.0.1/24", "dev", "tap0");
    Host.run("ip", "-n", netns, "link", "set", "tap0", "up");
  }

  /** Nobody lends the tap. */
  private static StandaloneContext cx() {
    return new StandaloneContext(LinuxGuest.BOOT)
        .with("port", "eth0", new PortStatus("tap0", 1, "br0", Board.mac(0), 1500, 0));
  }

  @Test
  void theGuestIsReachedThroughATapOfItsOwn() throws Exception {
    tap(USER);

    driver.apply(
        cx(),
        id,
        LinuxGuest.build().spec("n0.noagent=1 n0.ip=10.77.0.2/24").nic("eth0").build());

    LinuxGuest.awaitSaid(driver, id, "N0: READY");
    assertPowerless();
    assertThat(openTaps()).containsExactly("tap0");
    assertThat(Host.run("ip", "netns", "exec", netns, "ping", "-c", "3", "-w", "30", "10.77.0.2"))
        .contains(" 3 received");
    driver.delete(Host.context(), id);
    assertThat(Host.run("ip", "-n", netns, "link", "show", "tap0")).contains("tap0:");
  }

  @Test
  void theTapOfAnotherUserStaysShut() throws Exception {
    tap(OTHER);
    MachineSpec bare = host.nano(Chipset.PC).build();
    driver.apply(cx(), id, bare);

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(
            () -> driver.apply(cx(), id, host.nano(Chipset.PC).nic("eth0").build()))
        .withMessageContaining("tap0");

    assertPowerless();
    assertThat(openTaps()).isEmpty();
    try (QmpClient qmp =
        QmpClient.connect(present(driver, id).serialLog().resolveSibling("qmp"), Board.LIMIT)) {
      assertThat(Board.parts(qmp)).isEmpty();
    }
    Host.run("ip", "-n", netns, "link", "del", "tap0");
    tap(USER);
    driver.apply(cx(), id, host.nano(Chipset.PC).nic("eth0").build());
    assertThat(openTaps()).containsExactly("tap0");
  }

  private void assertPowerless() throws IOException {
    String ids = USER + "\t" + USER + "\t" + USER + "\t" + USER;
    assertThat(Files.readString(Path.of("/proc", "" + pid(driver, id), "status")))
        .contains("Uid:\t" + ids)
        .contains("Gid:\t" + ids)
        .containsPattern("Groups:\\s*\n")
        .contains("CapEff:\t0000000000000000")
        .contains("CapBnd:\t0000000000000000");
  }

  /** The taps that QEMU holds, as the kernel names them. */
  private Set<String> openTaps() throws IOException {
    Set<String> taps = new TreeSet<>();
    Path all = Path.of("/proc", "" + pid(driver, id), "fdinfo");
    try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(all)) {
      for (Path descriptor : descriptors) {
        lines(descriptor).stream()
            .filter(line -> line.startsWith("iff:"))
            .forEach(line -> taps.add(line.substring(4).strip()));
      }
    }
    return taps;
  }

  private static List<String> lines(Path descriptor) throws IOException {
    try {
      return Files.readAllLines(descriptor);
    } catch (NoSuchFileException e) {
      return List.of(); // it was closed just now
    }
  }
}
