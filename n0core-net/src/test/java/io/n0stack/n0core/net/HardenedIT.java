package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.NetworkSpec.Dhcp;
import io.n0stack.n0core.api.network.NetworkSpec.Gateway;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Objects;
import jnr.ffi.LibraryLoader;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What units of systemd and containers do to an agent. */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class HardenedIT {
  private static final int CLONE_NEWNS = 0x20000; // linux/sched.h
  private static final long MS_RDONLY = 1; // linux/mount.h
  private static final long MS_REMOUNT = 32;
  private static final long MS_BIND = 4096;
  private static final long MS_REC = 16384;
  private static final long MS_PRIVATE = 1 << 18;
  private static final C LIBRARY = LibraryLoader.create(C.class).load("c");

  /** What the C library is needed for. */
  public interface C {
    /** See umask(2). */
    int umask(int mask);

    /** See unshare(2). */
    int unshare(int flags);

    /** See mount(2). */
    int mount(String source, String target, String type, long flags, String data);
  }

  @TempDir
  private Path directory;

  private final ResourceId lan = ResourceId.fresh("network", "lan");
  private NetlinkNetworkDriver driver;

  /** Leaves a thread that waits for processes in the first namespace, where it keeps none alive. */
  @BeforeAll
  static void startAProcessFromOutside() throws Exception {
    assertThat(new ProcessBuilder("true").start().waitFor()).isZero();
  }

  @BeforeEach
  void open() throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    driver = NetlinkNetworkDriver.open(NetConfig.of(directory.resolve("lib/net")));
  }

  @AfterEach
  void close() {
    driver.delete(new StandaloneContext(), lan);
    driver.close();
    assertThat(Residue.processes(directory)).isEmpty();
  }

  private static NetworkSpec served() {
    return NetworkSpec.Flat.isolated()
        .withGateway(Gateway.of(CidrAddress.parse("10.77.0.1/24")).withDhcp(Dhcp.addressesOnly()));
  }

  /** The mask of the whole process: other tests of this JVM do not run meanwhile. */
  @Test
  void directoriesCanBeSearchedWhateverTheUmaskIs() throws IOException {
    int before = LIBRARY.umask(0077);
    try {
      driver.apply(new StandaloneContext(), lan, served());
    } finally {
      int unused = LIBRARY.umask(before);
    }

    Path hosts = directory.resolve("lib/net/lan." + lan.uid() + "/hosts");
    for (Path at = hosts; !at.equals(directory); at = Objects.requireNonNull(at.getParent())) {
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(at)))
          .as(at.toString())
          .isEqualTo("rwxr-xr-x");
    }
  }

  private static void makeSettingsReadOnly() {
    assertThat(LIBRARY.unshare(CLONE_NEWNS)).isZero();
    assertThat(LIBRARY.mount("none", "/", "", MS_REC | MS_PRIVATE, "")).isZero();
    assertThat(LIBRARY.mount("/proc/sys", "/proc/sys", "", MS_BIND, "")).isZero();
    assertThat(LIBRARY.mount("none", "/proc/sys", "", MS_REMOUNT | MS_BIND | MS_RDONLY, ""))
        .isZero();
  }

  private void assertRefused(NetworkSpec spec, String file) {
    assertThatThrownBy(() -> driver.apply(new StandaloneContext(), lan, spec))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PERMISSION))
        .hasMessageContaining(file)
        .hasMessageContaining("Read-only file system");
  }

  @Test
  void settingsThatCanOnlyBeReadAreNamed() throws IOException {
    for (String name : List.of(
        "ipv6/conf/default/accept_ra",
        "ipv6/conf/default/autoconf",
        "ipv6/conf/default/accept_redirects",
        "ipv4/conf/default/accept_redirects")) {
      Files.writeString(Path.of("/proc/sys/net", name), "0");
    }
    makeSettingsReadOnly();

    driver.apply(new StandaloneContext(), lan, NetworkSpec.Flat.isolated());

    assertThat(((Observed.Present<?>) driver.observe(lan)).complete()).isTrue();
    assertRefused(
        NetworkSpec.Flat.isolated()
            .withGateway(
                Gateway.of(CidrAddress.parse("10.77.0.1/24")).withNat(NetworkSpec.Nat.MASQUERADE)),
        "/proc/sys/net/ipv4/ip_forward");
  }

  @Test
  void bridgeThatCannotBeKeptFromListeningIsNotSetUp() {
    makeSettingsReadOnly();

    assertRefused(NetworkSpec.Flat.isolated(), "net/ipv6/conf/lan/accept_ra");
  }

  @Test
  void serverThatCannotBeStartedIsNoDefect() throws IOException {
    Path program = Files.writeString(directory.resolve("dnsmasq"), "#!/is/not/there\n");
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    try (NetlinkNetworkDriver other = NetlinkNetworkDriver.open(
        new NetConfig(directory.resolve("lib/net"), program.toString(), "n0core"))) {
      assertThatThrownBy(() -> other.apply(new StandaloneContext(), lan, served()))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE))
          .hasMessageContaining("Cannot run program")
          .hasMessageContaining(program.toString());
    }
  }
}
