package io.n0stack.n0core.net.nft;

import static io.n0stack.n0core.net.nft.Frames.arp;
import static io.n0stack.n0core.net.nft.Frames.ethernet;
import static io.n0stack.n0core.net.nft.Frames.hex;
import static io.n0stack.n0core.net.nft.Frames.icmp6;
import static io.n0stack.n0core.net.nft.Frames.ipv4;
import static io.n0stack.n0core.net.nft.Frames.ipv6;
import static io.n0stack.n0core.net.nft.Frames.macOption;
import static io.n0stack.n0core.net.nft.Frames.neighbour;
import static io.n0stack.n0core.net.nft.Frames.optioned;
import static io.n0stack.n0core.net.nft.Frames.tagged;
import static io.n0stack.n0core.net.nft.Frames.udp4;
import static io.n0stack.n0core.net.nft.Frames.udp6;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.PortSpec.Isolation;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.tap.Tap;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Sends frames as a guest would, through guarded taps of a bridge. */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class PortGuardIT {
  private static final String MAC = "52:54:00:00:00:01";
  private static final String OTHER_MAC = "52:54:00:00:00:02";
  private static final String IP = "10.77.0.2";
  private static final String OTHER_IP = "10.77.0.3";
  private static final String IP6 = "fd00:77::2";
  private static final String OTHER_IP6 = "fd00:77::3";
  private static final String LINK_LOCAL = "fe80::5054:ff:fe00:1";
  private static final String OTHER_LINK_LOCAL = "fe80::5054:ff:fe00:2";
  private static final String ARP = "0806";
  private static final String RARP = "8035";
  private static final String IPV4 = "0800";
  private static final String IPV6 = "86dd";
  private static final int ROUTER_SOLICITATION = 133;
  private static final int ROUTER_ADVERTISEMENT = 134;
  private static final int SOLICITATION = 135;
  private static final int ADVERTISEMENT = 136;
  private static final int REDIRECT = 137;
  private static final byte[] SPOOFED_IPV4 =
      ethernet(MAC, IPV4, udp4(OTHER_IP, "10.77.0.1", 5000, 5001));
  private static final PortGuard STRICT = PortGuard.strict(
      "web1",
      MacAddress.parse(MAC),
      List.of(CidrAddress.parse(IP + "/32"), CidrAddress.parse(IP6 + "/128")));

  private final List<Tap> taps = new ArrayList<>();
  private Netlink netlink;
  private Nft nft;
  private Firewall firewall;
  private int bridge;
  private byte markers;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    nft = Nft.open();
    firewall = Firewall.of(nft, "n0core", "n0core test");
    bridge = netlink.links().create(LinkSpec.bridge("br0").up()).index();
  }

  @AfterEach
  void close() {
    taps.forEach(Tap::close);
    nft.close();
    netlink.close();
  }

  private Tap plug(String name) {
    Tap tap = Tap.create(name);
    taps.add(tap);
    int index = netlink.links().find(name).orElseThrow().index();
    netlink
        .links()
        .change(
            index,
            LinkChange.none().withoutGeneratedAddresses().withMaster(bridge).up());
    return tap;
  }

  /** Tells whether a frame goes from tap to tap: whatever is sent behind it arrives behind it. */
  private boolean passes(byte[] frame, Tap from, Tap to) {
    from.write(ByteBuffer.wrap(frame));
    boolean[] arrived = {false};
    await().until(() -> {
      // Good for every guard of the test: an ARP probe, told from others by its last byte.
      byte[] marker = ethernet(MAC, ARP, arp(1, MAC, "0.0.0.0", ""));
      marker[marker.length - 1] = ++markers;
      from.write(ByteBuffer.wrap(marker));
      for (byte[] got = read(to); got.length > 0; got = read(to)) {
        arrived[0] |= Arrays.equals(got, frame);
        if (Arrays.equals(got, marker)) {
          return true;
        }
      }
      return false;
    });
    return arrived[0];
  }

  private static byte[] read(Tap tap) {
    ByteBuffer into = ByteBuffer.allocate(2000);
    return Arrays.copyOf(into.array(), tap.read(into));
  }

  private static Map<String, byte[]> good() {
    Map<String, byte[]> frames = new LinkedHashMap<>();
    frames.put("ARP", ethernet(MAC, ARP, arp(1, MAC, IP, "")));
    frames.put("ARP probe", ethernet(MAC, ARP, arp(1, MAC, "0.0.0.0", "")));
    frames.put("RARP after a migration", ethernet(MAC, RARP, arp(3, MAC, "0.0.0.0", MAC)));
    frames.put("IPv4", ethernet(MAC, IPV4, udp4(IP, OTHER_IP, 5000, 5001)));
    frames.put("DHCP discovery", ethernet(MAC, IPV4, udp4("0.0.0.0", "255.255.255.255", 68, 67)));
    frames.put("IPv6", ethernet(MAC, IPV6, udp6(IP6)));
    frames.put("IPv6 link-local", ethernet(MAC, IPV6, udp6(LINK_LOCAL)));
    frames.put(
        "detection of own address twice",
        ethernet(MAC, IPV6, icmp6("::", SOLICITATION, neighbour(IP6))));
    frames.put(
        "router solicitation", ethernet(MAC, IPV6, icmp6("::", ROUTER_SOLICITATION, new byte[4])));
    frames.put(
        "multicast report",
        ethernet(MAC, IPV6, ipv6("::", 0, hex("3a00 0502 0000 0100 8f00 0000 0000 0000"))));
    frames.put(
        "solicitation of a neighbour",
        ethernet(MAC, IPV6, icmp6(IP6, SOLICITATION, neighbour(OTHER_IP6), macOption(1, MAC))));
    frames.put(
        "advertisement",
        ethernet(MAC, IPV6, icmp6(IP6, ADVERTISEMENT, neighbour(IP6), macOption(2, MAC))));
    frames.put(
        "advertisement of the link-local address",
        ethernet(MAC, IPV6, icmp6(IP6, ADVERTISEMENT, neighbour(LINK_LOCAL), macOption(2, MAC))));
    frames.put(
        "advertisement without MAC",
        ethernet(MAC, IPV6, icmp6(IP6, ADVERTISEMENT, neighbour(IP6))));
    return frames;
  }

  private static Map<String, byte[]> bad() {
    Map<String, byte[]> frames = new LinkedHashMap<>();
    good().forEach((name, frame) -> {
      byte[] spoofed = frame.clone();
      System.arraycopy(Frames.mac(OTHER_MAC), 0, spoofed, 6, 6);
      frames.put(name + " from another MAC", spoofed);
    });
    good().forEach((name, frame) -> frames.put(name + " in a VLAN", tagged(frame)));
    frames.put("ARP for another MAC", ethernet(MAC, ARP, arp(1, OTHER_MAC, IP, "")));
    frames.put("ARP for another address", ethernet(MAC, ARP, arp(2, MAC, OTHER_IP, MAC)));
    byte[] strange = arp(1, MAC, IP, "");
    strange[1] = 6;
    frames.put("ARP of other hardware", ethernet(MAC, ARP, strange));
    frames.put("RARP for another", ethernet(MAC, RARP, arp(3, OTHER_MAC, "0.0.0.0", OTHER_MAC)));
    frames.put("IPv4", SPOOFED_IPV4);
    frames.put("IPv4 in a VLAN", tagged(SPOOFED_IPV4));
    frames.put(
        "UDP of nobody that is not DHCP",
        ethernet(MAC, IPV4, udp4("0.0.0.0", "255.255.255.255", 68, 53)));
    frames.put("DHCP to one", ethernet(MAC, IPV4, udp4("0.0.0.0", "10.77.0.1", 68, 67)));
    frames.put(
        "TCP of nobody",
        ethernet(MAC, IPV4, ipv4("0.0.0.0", "255.255.255.255", 6, hex("0044 0043 00000000"))));
    frames.put("experimental EtherType", ethernet(MAC, "88b5", new byte[50]));
    frames.putAll(badIpv6());
    return frames;
  }

  private static Map<String, byte[]> badIpv6() {
    Map<String, byte[]> packets = new LinkedHashMap<>();
    byte[] own = macOption(2, MAC);
    packets.put("IPv6", udp6(OTHER_IP6));
    packets.put("link-local address", udp6(OTHER_LINK_LOCAL));
    packets.put("IPv6 of nobody", udp6("::"));
    packets.put(
        "detection of another's address twice", icmp6("::", SOLICITATION, neighbour(OTHER_IP6)));
    packets.put(
        "solicitation for another MAC",
        icmp6(IP6, SOLICITATION, neighbour(OTHER_IP6), macOption(1, OTHER_MAC)));
    packets.put(
        "advertisement from another's address",
        icmp6(OTHER_IP6, ADVERTISEMENT, neighbour(IP6), own));
    packets.put(
        "advertisement of another's address", icmp6(IP6, ADVERTISEMENT, neighbour(OTHER_IP6), own));
    packets.put(
        "advertisement for another MAC",
        icmp6(IP6, ADVERTISEMENT, neighbour(IP6), macOption(2, OTHER_MAC)));
    packets.put(
        "advertisement with another MAC behind",
        icmp6(IP6, ADVERTISEMENT, neighbour(IP6), own, macOption(2, OTHER_MAC)));
    packets.put(
        "advertisement of another's address behind options",
        optioned(IP6, ADVERTISEMENT, neighbour(OTHER_IP6), own));
    packets.put(
        "advertisement for another MAC behind options",
        optioned(IP6, ADVERTISEMENT, neighbour(IP6), macOption(2, OTHER_MAC)));
    packets.put("router advertisement", icmp6(LINK_LOCAL, ROUTER_ADVERTISEMENT, new byte[12]));
    packets.put(
        "router advertisement behind options",
        optioned(LINK_LOCAL, ROUTER_ADVERTISEMENT, new byte[12]));
    packets.put("redirect", icmp6(LINK_LOCAL, REDIRECT, new byte[36]));
    Map<String, byte[]> frames = new LinkedHashMap<>();
    packets.forEach((name, packet) -> frames.put(name, ethernet(MAC, IPV6, packet)));
    return frames;
  }

  @Test
  void strictGuardLetsPassWhatIsTheGuestsAndNothingElse() {
    Tap guest = plug("tap1");
    Tap neighbour = plug("tap2");
    Map<String, byte[]> all = new LinkedHashMap<>(good());
    bad().forEach((name, frame) -> all.put("bad " + name, frame));
    // All could arrive: it is the guard that drops.
    all.forEach(
        (name, frame) -> assertThat(passes(frame, guest, neighbour)).as(name).isTrue());

    firewall.guard("tap1", STRICT);

    good()
        .forEach((name, frame) ->
            assertThat(passes(frame, guest, neighbour)).as(name).isTrue());
    bad()
        .forEach((name, frame) ->
            assertThat(passes(frame, guest, neighbour)).as(name).isFalse());
    assertThat(firewall.ports())
        .containsExactly(new GuardedPort("tap1", "web1", Isolation.SHARED, bad().size()));
    assertThat(passes(SPOOFED_IPV4, neighbour, guest)).as("others are free").isTrue();
    firewall.unguard("tap1");
    assertThat(passes(SPOOFED_IPV4, guest, neighbour)).isTrue();
  }

  @Test
  void guardWithoutAddressesHoldsTheGuestToItsMac() {
    Tap guest = plug("tap1");
    Tap neighbour = plug("tap2");

    firewall.guard("tap1", PortGuard.strict("web1", MacAddress.parse(MAC), List.of()));

    byte[] anything = ethernet(MAC, "88b5", new byte[50]);
    byte[] arp = ethernet(MAC, ARP, arp(1, OTHER_MAC, IP, ""));
    assertThat(passes(SPOOFED_IPV4, guest, neighbour)).isTrue();
    assertThat(passes(anything, guest, neighbour)).isTrue();
    assertThat(passes(tagged(anything), guest, neighbour)).isTrue();
    assertThat(passes(ethernet(OTHER_MAC, "88b5", new byte[50]), guest, neighbour))
        .isFalse();
    assertThat(passes(arp, guest, neighbour)).isFalse();
    assertThat(passes(tagged(arp), guest, neighbour)).isFalse();
  }

  @Test
  void prefixesLetPassAllTheirAddresses() {
    Tap guest = plug("tap1");
    Tap neighbour = plug("tap2");

    firewall.guard(
        "tap1",
        PortGuard.strict(
            "web1",
            MacAddress.parse(MAC),
            List.of(CidrAddress.parse("10.77.0.0/22"), CidrAddress.parse("fd00:77::/61"))));

    for (String address : List.of("10.77.0.1", "10.77.3.255")) {
      byte[] frame = ethernet(MAC, IPV4, udp4(address, "10.77.0.9", 5000, 5001));
      assertThat(passes(frame, guest, neighbour)).as(address).isTrue();
      frame = ethernet(MAC, ARP, arp(1, MAC, address, ""));
      assertThat(passes(frame, guest, neighbour)).as(address).isTrue();
    }
    byte[] frame = ethernet(MAC, IPV4, udp4("10.77.4.0", "10.77.0.9", 5000, 5001));
    assertThat(passes(frame, guest, neighbour)).isFalse();
    assertThat(passes(ethernet(MAC, IPV6, udp6("fd00:77:0:7::1")), guest, neighbour))
        .isTrue();
    assertThat(passes(ethernet(MAC, IPV6, udp6("fd00:77:0:8::1")), guest, neighbour))
        .isFalse();
  }

  @Test
  void isolatedPortReachesUplinkAndGatewayAndNoOtherPort() {
    netlink.addresses().add(bridge, CidrAddress.parse("10.77.0.1/24"));
    Tap alone = plug("tap1");
    Tap shared = plug("tap2");
    Tap third = plug("tap3");
    Tap uplink = plug("up0");
    byte[] frame = ethernet(MAC, "88b5", new byte[50]);

    firewall.guard("tap1", PortGuard.open("web1").withIsolation(Isolation.ISOLATED));
    firewall.guard("tap2", PortGuard.open("web2"));
    firewall.guard("tap3", PortGuard.open("web3"));

    assertThat(passes(frame, alone, uplink)).isTrue();
    assertThat(ofGuests(shared)).as("to a shared port").isEmpty();
    assertThat(passes(frame, shared, third)).isTrue();
    assertThat(passes(frame, shared, uplink)).isTrue();
    assertThat(ofGuests(alone)).as("to the isolated port").isEmpty();
    assertThat(passes(frame, uplink, alone)).isTrue();
    alone.write(ByteBuffer.wrap(ethernet(MAC, ARP, arp(1, MAC, IP, ""))));
    await().until(() -> isReplyOf("10.77.0.1", read(alone)));

    firewall.guard("tap1", PortGuard.open("web1"));

    assertThat(passes(frame, shared, alone)).isTrue();
  }

  /** Reads what came from a guest; the bridge itself sends multicast reports. */
  private static List<byte[]> ofGuests(Tap tap) {
    List<byte[]> frames = new ArrayList<>();
    for (byte[] got = read(tap); got.length > 0; got = read(tap)) {
      if (Arrays.equals(Arrays.copyOfRange(got, 6, 12), Frames.mac(MAC))) {
        frames.add(got);
      }
    }
    return frames;
  }

  private static boolean isReplyOf(String address, byte[] frame) {
    return frame.length >= 42
        && frame[12] == 8
        && frame[13] == 6
        && frame[21] == 2
        && Arrays.equals(Arrays.copyOfRange(frame, 28, 32), Frames.ip(address));
  }

  @Test
  void guardThatIsReplacedHoldsAtEachMoment() {
    Tap guest = plug("tap1");
    Tap neighbour = plug("tap2");
    PortGuard other = STRICT.withIsolation(Isolation.ISOLATED);
    firewall.guard("tap1", STRICT);
    assertThat(passes(SPOOFED_IPV4, guest, neighbour)).isFalse();

    try (Background replacing = Background.repeat(() -> {
      firewall.guard("tap1", other);
      firewall.guard("tap1", STRICT);
    })) {
      for (int i = 0; i < 2_000 || replacing.rounds() < 20; i++) {
        guest.write(ByteBuffer.wrap(SPOOFED_IPV4));
        for (byte[] got = read(neighbour); got.length > 0; got = read(neighbour)) {
          assertThat(got).isNotEqualTo(SPOOFED_IPV4);
        }
      }
    }
  }
}
