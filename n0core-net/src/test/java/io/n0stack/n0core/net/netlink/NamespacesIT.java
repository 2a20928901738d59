package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class NamespacesIT {
  private static final String NAME = "n0core-test-" + ProcessHandle.current().pid();

  private Netlink netlink;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
  }

  @AfterEach
  void close() {
    netlink.close();
    if (NetNs.names().contains(NAME)) {
      NetNs.delete(NAME);
    }
  }

  private static String own() {
    try {
      return Files.readSymbolicLink(Path.of("/proc/thread-self/ns/net")).toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Counts those of sockets, namespaces and the like: the JVM opens files for a moment at times. */
  private static long descriptors() throws IOException {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.filter(fd -> !target(fd).startsWith("/")).count();
    }
  }

  private static String target(Path fd) {
    try {
      return Files.readSymbolicLink(fd).toString();
    } catch (IOException e) {
      return "/"; // it is closed by now
    }
  }

  @Test
  void namedNamespaceIsWhatIpNetnsSeesAndStays() throws IOException, InterruptedException {
    try (NetNs made = NetNs.create(NAME);
        Netlink there = Netlink.open(made)) {
      Link unused = there.links().create(LinkSpec.bridge("br0"));
    }

    assertThat(NetNs.names()).contains(NAME);
    Process ip = new ProcessBuilder("ip", "-n", NAME, "-br", "link").start();
    assertThat(new String(ip.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
        .contains("br0");
    assertThat(ip.waitFor()).isZero();
    try (NetNs again = NetNs.named(NAME);
        Netlink there = Netlink.open(again)) {
      assertThat(there.links().find("br0")).isPresent();
    }
    assertThatThrownBy(() -> NetNs.create(NAME))
        .isInstanceOfSatisfying(
            N0Exception.class,
            e -> assertThat(e.code()).isEqualTo(N0Exception.Code.ALREADY_EXISTS));

    NetNs.delete(NAME);

    assertThat(NetNs.names()).doesNotContain(NAME);
    assertThatThrownBy(() -> NetNs.delete(NAME))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.NOT_FOUND));
    assertThatThrownBy(() -> NetNs.named(NAME))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.NOT_FOUND));
  }

  @Test
  void whatAKilledCreationLeftIsDeleted() throws IOException {
    Files.createDirectories(Path.of("/run/netns"));
    Files.createFile(Path.of("/run/netns", NAME));

    NetNs.delete(NAME);

    assertThat(NetNs.names()).doesNotContain(NAME);
  }

  @Test
  void namesThatAreNoFileNamesAreRefused() {
    for (String name : new String[] {"", ".", "..", "a/b", "a\0b"}) {
      assertThatThrownBy(() -> NetNs.named(name))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
    }
  }

  @Test
  void linkMovesWithItsNewNameAndComesBackWithItsNamespace() {
    Link port = netlink.links().create(LinkSpec.veth("eth0", "peer0"));
    try (NetNs other = NetNs.create();
        Netlink there = Netlink.open(other)) {
      netlink.links().change(port.index(), LinkChange.none().into(other).withName("moved"));

      Link moved = there.links().find("moved").orElseThrow();
      assertThat(netlink.links().find("eth0")).isEmpty();
      Link peer = netlink.links().find("peer0").orElseThrow();
      // An index over there, which here may be another link's.
      assertThat(peer.parent()).hasValue(moved.index());
      assertThat(peer.parentNamespace()).isPresent();
      assertThat(moved.parentNamespace()).isPresent();
    }
    // With the namespace its end of the cable goes, and with that the other.
    await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> netlink.links().find("peer0").isEmpty());
  }

  @Test
  void bothEndsAreMadeWhereTheyAreWanted() {
    try (NetNs one = NetNs.create();
        NetNs two = NetNs.create()) {
      LinkKind cable = new LinkKind.Veth(Optional.of("eth0"), Optional.of(two));

      Link made = netlink.links().create(LinkSpec.of("eth0", cable).in(one).withMtu(1400));

      assertThat(made.mtu()).isEqualTo(1400);
      assertThat(netlink.links().find("eth0")).isEmpty();
      for (NetNs each : new NetNs[] {one, two}) {
        try (Netlink there = Netlink.open(each)) {
          assertThat(there.links().find("eth0")).isPresent();
        }
      }
    }
  }

  @Test
  void whatCannotMoveStaysAndClashesAreRefused() {
    Link bridge = netlink.links().create(LinkSpec.bridge("br0"));
    Link port = netlink.links().create(LinkSpec.veth("eth0", "peer0"));
    try (NetNs other = NetNs.create();
        Netlink there = Netlink.open(other)) {
      Link unused = there.links().create(LinkSpec.bridge("eth0"));
      LinkChange move = LinkChange.none().into(other);

      assertThatThrownBy(() -> netlink.links().change(bridge.index(), move))
          .isInstanceOfSatisfying(
              NetlinkException.class, e -> assertThat(e.errnoName()).isEqualTo("EINVAL"));
      assertThatThrownBy(() -> netlink.links().change(port.index(), move))
          .isInstanceOfSatisfying(
              NetlinkException.class, e -> assertThat(e.errnoName()).isEqualTo("EEXIST"));
      assertThat(netlink.links().find("eth0")).isPresent();
    }
  }

  @Test
  void callRunsThereAndNobodyElseIsMoved() {
    String here = own();
    try (NetNs other = NetNs.create()) {
      String there = other.call(NamespacesIT::own);

      assertThat(there).isNotEqualTo(here);
      assertThat(own()).isEqualTo(here);
      assertThat(other.call(NamespacesIT::own)).isEqualTo(there);
      assertThatThrownBy(() -> other.call(() -> {
            throw new IOException("on purpose");
          }))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE))
          .hasRootCauseMessage("on purpose");
      assertThatThrownBy(() -> other.call(() -> {
            throw new InterruptedException("on purpose");
          }))
          .isInstanceOf(IllegalStateException.class)
          .hasRootCauseMessage("on purpose");
      assertThatThrownBy(() -> other.call(() -> {
            throw new AccessDeniedException("/etc/shadow");
          }))
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PERMISSION))
          .hasMessageContaining("/etc/shadow");
      assertThatThrownBy(() -> other.call(() -> {
            throw new ArithmeticException("on purpose");
          }))
          .isInstanceOf(ArithmeticException.class);
    }
  }

  @Test
  void closedNamespaceSaysSo() {
    NetNs other = NetNs.create();
    other.close();
    other.close();

    assertThatThrownBy(() -> Netlink.open(other)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void namespacesOfProcessesAndFilesAreHeld() {
    long self = ProcessHandle.current().pid();
    try (NetNs ofProcess = NetNs.ofProcess(self);
        NetNs ofFile = NetNs.at(Path.of("/proc/self/ns/net"));
        NetNs current = NetNs.current()) {
      assertThat(ofProcess.call(NamespacesIT::own)).isEqualTo(ofFile.call(NamespacesIT::own));
      assertThat(current.call(NamespacesIT::own)).isEqualTo(own());
    }
  }

  @Test
  void thousandNamespacesLeaveNoDescriptorAndNoThread() throws IOException {
    for (int i = 0; i < 1000; i++) {
      round();
      if (i == 10) {
        assertThat(NetNs.names()).doesNotContain(NAME);
      }
    }
    long descriptors = descriptors();
    for (int i = 0; i < 100; i++) {
      round();
    }

    assertThat(descriptors()).isLessThanOrEqualTo(descriptors);
    assertThat(Thread.getAllStackTraces().keySet())
        .noneMatch(thread -> thread.getName().equals("n0core-netns"));
  }

  private static void round() {
    try (NetNs other = NetNs.create();
        Netlink there = Netlink.open(other)) {
      assertThat(there.links().list()).hasSize(1);
    }
  }
}
