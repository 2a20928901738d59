package io.n0stack.n0core.net;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.net.netlink.AddressFamily;
import io.n0stack.n0core.net.netlink.BridgePort;
import io.n0stack.n0core.net.netlink.LinkAddress;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.netlink.RouteFilter;
import io.n0stack.n0core.net.tap.Tap;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.net.Inet6Address;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A guest that says it is a router. What it writes to its tap has been through the kernel when the write
 * returns: what the host does not have then, it has not learnt.
 */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class AdvertisementIT {
  private static final MacAddress MAC = MacAddress.parse("52:54:00:00:00:01");
  private static final String GUEST = "fe80::5054:ff:fe00:1";
  private static final String PREFIX = "2001:db8:bad::";
  private static final byte[] ALL_NODES = {0x33, 0x33, 0, 0, 0, 1};
  private static final int ROUTER_ADVERTISEMENT = 9; // RTPROT_RA, linux/rtnetlink.h
  private static final int ETHERNET = 14;
  private static final int ICMP = ETHERNET + 40;

  @TempDir
  private Path directory;

  private final ResourceId lan = ResourceId.fresh("network", "lan");
  private final List<Tap> taps = new ArrayList<>();
  private Netlink netlink;
  private NetlinkNetworkDriver driver;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    driver = NetlinkNetworkDriver.open(NetConfig.of(directory));
  }

  @AfterEach
  void close() {
    taps.forEach(Tap::close);
    driver.close();
    netlink.close();
  }

  /** A router advertisement with a default route and a network for addresses, RFC 4861. */
  private static ByteBuffer advertisement() {
    ByteBuffer frame = ByteBuffer.allocateDirect(ICMP + 16 + 32);
    frame.put(ALL_NODES).put(MAC.octets());
    frame.putShort((short) 0x86dd).putInt(0x6000_0000).putShort((short) 48);
    frame.put((byte) 58).put((byte) 255);
    frame.put(CidrAddress.literal(GUEST).getAddress());
    frame.put(CidrAddress.literal("ff02::1").getAddress());
    frame.put((byte) 134).put((byte) 0).putShort((short) 0);
    frame.put((byte) 64).put((byte) 0).putShort((short) 1800).putInt(0).putInt(0);
    frame.put((byte) 3).put((byte) 4).put((byte) 64).put((byte) 0xc0);
    frame.putInt(86400).putInt(14400).putInt(0).put(CidrAddress.literal(PREFIX).getAddress());
    frame.flip().putShort(ICMP + 2, (short) ~checksum(frame));
    return frame;
  }

  /** Over the addresses, the length, the protocol and the message, RFC 4443. */
  private static int checksum(ByteBuffer frame) {
    int sum = 48 + 58;
    for (int i = ETHERNET + 8; i < frame.limit(); i += 2) {
      sum += Short.toUnsignedInt(frame.getShort(i));
    }
    return (sum & 0xffff) + (sum >>> 16);
  }

  private Tap plug(int bridge) {
    Tap tap = Tap.create("guest" + taps.size());
    taps.add(tap);
    int index = netlink.links().find(tap.name()).orElseThrow().index();
    netlink.links().change(index, LinkChange.none().withMaster(bridge).up());
    awaitForwarding(index);
    return tap;
  }

  private void awaitForwarding(int port) {
    await()
        .until(() ->
            netlink.bridges().port(port).orElseThrow().state() == BridgePort.State.FORWARDING);
  }

  /** What the host has in IPv6 on a link that was not given to it. */
  private List<String> learnt(int link) {
    Stream<String> routes =
        netlink.routes().list(RouteFilter.all().of(AddressFamily.IPV6).through(link)).stream()
            .filter(route -> route.protocol() == ROUTER_ADVERTISEMENT
                || route.destination().toString().startsWith("2001:db8:bad:"))
            .map(route -> "route to " + route.destination());
    Stream<String> addresses = netlink.addresses().of(link).stream()
        .filter(address -> address.cidr().address() instanceof Inet6Address)
        .filter(address -> address.origin() == LinkAddress.Origin.LEASED)
        .map(address -> "address " + address.cidr());
    return Stream.concat(routes, addresses).toList();
  }

  private void apply(NetworkSpec spec) {
    driver.apply(new StandaloneContext(), lan, spec);
  }

  private Observed.Present<NetworkStatus> observed() {
    return (Observed.Present<NetworkStatus>) driver.observe(lan);
  }

  private static Path setting(String link, String name) {
    return Path.of("/proc/sys/net/ipv6/conf", link, name);
  }

  @Test
  void hostLearnsNothingFromAGuest() {
    int other = netlink.links().create(LinkSpec.bridge("other").up()).index();
    plug(other).write(advertisement());
    assertThat(learnt(other)).as("on a bridge of somebody else").hasSizeGreaterThan(1);

    apply(NetworkSpec.Flat.isolated());
    int bridge = observed().status().bridgeIndex();
    plug(bridge).write(advertisement());

    assertThat(learnt(bridge)).isEmpty();
    assertThat(netlink.addresses().of(bridge)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {1279, 1280, 1281})
  void bridgeThatBecomesLargeEnoughForIpv6ListensToNobody(int mtu) throws IOException {
    apply(NetworkSpec.Flat.isolated().withMtu(mtu));
    apply(NetworkSpec.Flat.isolated().withMtu(1400));

    assertThat(observed().complete()).isTrue();
    assertThat(Files.readString(setting("lan", "accept_ra"), UTF_8).strip()).isEqualTo("0");
    int bridge = observed().status().bridgeIndex();
    plug(bridge).write(advertisement());
    assertThat(learnt(bridge)).isEmpty();
    assertThat(netlink.addresses().of(bridge)).isEmpty();
  }

  /** What networks were that were made by an earlier version. */
  @Test
  void bridgeThatListensIsDriftThatApplyMends() throws IOException {
    NetworkSpec spec = NetworkDriverIT.flat("10.77.0.1/24", "fd00:77::1/64");
    apply(spec);
    int bridge = observed().status().bridgeIndex();
    Files.writeString(setting("lan", "accept_ra"), "1");
    Files.writeString(setting("lan", "autoconf"), "1");
    Tap guest = plug(bridge);
    guest.write(advertisement());
    assertThat(learnt(bridge)).hasSizeGreaterThan(2);
    List<CidrAddress> own = observed().status().addresses();

    assertThat(observed().complete()).isFalse();
    apply(spec);

    assertThat(observed().complete()).isTrue();
    assertThat(learnt(bridge)).isEmpty();
    assertThat(observed().status().addresses()).hasSize(2).isEqualTo(own);
    assertThat(netlink.routes().list(RouteFilter.all().through(bridge)))
        .extracting(route -> route.destination().toString())
        .contains("fd00:77:0:0:0:0:0:0/64", "10.77.0.0/24");
    guest.write(advertisement());
    assertThat(learnt(bridge)).isEmpty();
  }

  @Test
  void routeThatAGuestToldKeepsNobodyFromTranslatingAddresses() throws IOException {
    apply(NetworkSpec.Flat.isolated());
    int bridge = observed().status().bridgeIndex();
    Files.writeString(setting("lan", "accept_ra"), "1");
    plug(bridge).write(advertisement());
    assertThat(learnt(bridge)).isNotEmpty();

    apply(NetworkSpec.Flat.isolated()
        .withGateway(NetworkSpec.Gateway.of(CidrAddress.parse("fd00:77::1/64"))
            .withNat(NetworkSpec.Nat.MASQUERADE)));

    assertThat(observed().complete()).isTrue();
    assertThat(learnt(bridge)).isEmpty();
  }

  @Test
  void tapWhoseBridgeSomebodyDeletedIsHeardByNobody() throws IOException {
    apply(NetworkSpec.Flat.isolated());
    ResourceId web1 = ResourceId.fresh("port", "web1");
    PortStatus status;
    try (TapPortDriver ports = TapPortDriver.open(NetConfig.of(directory))) {
      ports.apply(
          new StandaloneContext().with("network", "lan", observed().status()),
          web1,
          PortSpec.builder("lan").mac(MAC).antiSpoof(PortSpec.AntiSpoof.OFF).build());
      status = ((Observed.Present<PortStatus>) ports.observe(web1)).status();
    }
    Tap guest = Tap.open(status.tap());
    taps.add(guest);
    netlink.links().delete(observed().status().bridgeIndex());

    guest.write(advertisement());

    assertThat(learnt(status.tapIndex())).isEmpty();
    Files.writeString(setting("web1", "accept_ra"), "1");
    Files.writeString(setting("web1", "autoconf"), "1");
    guest.write(advertisement());
    assertThat(learnt(status.tapIndex())).as("the frame is a good one").isNotEmpty();
  }
}
