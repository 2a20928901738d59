package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.NetworkSpec.Vxlan;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two hosts, each a namespace, with a cable between them and a guest on a VXLAN network on each. */
@Requires(Requirement.ROOT)
class TwoHostsIT {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir
  private Path directory;

  private Host one;
  private Host two;

  private static final class Host implements AutoCloseable {
    private final Site site = new Site();
    private final Site guest = new Site();
    private final NetlinkNetworkDriver driver;
    private final ResourceId id = ResourceId.fresh("network", "lan");

    Host(Path directory) {
      driver = site.namespace().call(() -> NetlinkNetworkDriver.open(NetConfig.of(directory)));
    }

    void apply(NetworkSpec spec) {
      driver.apply(new StandaloneContext(), id, spec);
    }

    Observed.Present<NetworkStatus> present() {
      return (Observed.Present<NetworkStatus>) driver.observe(id);
    }

    void plugGuest(String mac, String cidr) {
      site.plug(present().status().bridge(), guest, MacAddress.parse(mac));
      guest.address("eth0", cidr);
      guest
          .netlink()
          .links()
          .change(
              guest.link("eth0").index(),
              LinkChange.none().withMtu(present().status().mtu()));
    }

    @Override
    public void close() {
      driver.close();
      guest.close();
      site.close();
    }
  }

  /** Leaves a thread that waits for processes in the first namespace, where it keeps none alive. */
  @BeforeAll
  static void startAProcessFromOutside() throws Exception {
    assertThat(new ProcessBuilder("true").start().waitFor()).isZero();
  }

  @BeforeEach
  void open() {
    one = new Host(directory);
    two = new Host(directory);
    one.site.cable("underlay", two.site, "underlay");
    one.site.address("underlay", "192.0.2.1/24").address("underlay", "2001:db8::1/64");
    two.site.address("underlay", "192.0.2.2/24").address("underlay", "2001:db8::2/64");
  }

  @AfterEach
  void close() {
    one.close();
    two.close();
  }

  private static InetAddress address(String text) {
    return CidrAddress.literal(text);
  }

  private void assertGuestsReachEachOther(int mtu) {
    assertThat(List.of(one.present().complete(), two.present().complete())).containsOnly(true);
    assertThat(one.present().status().mtu()).isEqualTo(mtu);
    one.plugGuest("52:54:00:00:00:01", "10.77.0.2/24");
    two.plugGuest("52:54:00:00:00:02", "10.77.0.3/24");
    await().atMost(LIMIT).until(() -> one.guest.reaches("10.77.0.3"));
    int payload = mtu - 28; // IPv4 20, ICMP 8
    assertThat(one.guest.run(
            "ping", "-c", "1", "-W", "2", "-M", "do", "-s", String.valueOf(payload), "10.77.0.3"))
        .as("a packet as long as the network carries")
        .extracting(Site.Said::status)
        .isEqualTo(0);
  }

  @Test
  void guestsReachEachOtherThroughPeers() {
    one.apply(Vxlan.toPeers(7, address("192.0.2.2")));
    two.apply(Vxlan.toPeers(7, address("192.0.2.1")));

    assertGuestsReachEachOther(1450);
    assertThat(one.present().status().uplink()).isPresent();

    one.apply(Vxlan.toPeers(7, address("192.0.2.3")));
    two.apply(Vxlan.toPeers(7));
    assertThat(one.site.netlink().forwarding().list().toString())
        .contains("192.0.2.3")
        .doesNotContain("192.0.2.2, ");
    one.apply(Vxlan.toPeers(7, address("192.0.2.2"), address("192.0.2.3")));
    two.apply(Vxlan.toPeers(7, address("192.0.2.1")));
    await().atMost(LIMIT).until(() -> two.guest.reaches("10.77.0.2"));
  }

  @Test
  void guestsReachEachOtherThroughPeersInIpv6() {
    one.apply(Vxlan.toPeers(7, address("2001:db8::2")));
    two.apply(Vxlan.toPeers(7, address("2001:db8::1")).withLocal(address("2001:db8::2")));

    assertGuestsReachEachOther(1430);
  }

  @Test
  void guestsReachEachOtherThroughAGroup() {
    one.apply(Vxlan.toGroup(8, address("239.1.1.1"), "underlay"));
    two.apply(Vxlan.toGroup(8, address("239.1.1.1"), "underlay"));

    assertGuestsReachEachOther(1450);
  }

  @Test
  void aRouteIsNotNeededBeforehand() {
    one.apply(Vxlan.toPeers(7, address("198.51.100.1")));

    assertThat(one.present().complete()).isTrue();
    assertThat(one.present().status().mtu()).isEqualTo(1450);
  }

  @Test
  void guestsOfDifferentNetworksDoNotReachEachOther() {
    one.apply(Vxlan.toPeers(7, address("192.0.2.2")));
    two.apply(Vxlan.toPeers(8, address("192.0.2.1")));
    one.plugGuest("52:54:00:00:00:01", "10.77.0.2/24");
    two.plugGuest("52:54:00:00:00:02", "10.77.0.3/24");

    assertThat(one.guest.reaches("10.77.0.3")).isFalse();
  }
}
