package io.n0stack.n0core.api.network;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.Refusal;
import io.n0stack.n0core.api.network.NetworkSpec.Dhcp;
import io.n0stack.n0core.api.network.NetworkSpec.Flat;
import io.n0stack.n0core.api.network.NetworkSpec.Gateway;
import io.n0stack.n0core.api.network.NetworkSpec.Nat;
import io.n0stack.n0core.api.network.NetworkSpec.Vlan;
import io.n0stack.n0core.api.network.NetworkSpec.Vxlan;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NetworkSpecTest {
  private static final Vxlan.Flooding NO_PEERS = new Vxlan.Flooding.Peers(List.of());

  @ParameterizedTest
  @ValueSource(strings = {"", "../x", "a/b", "a:b", "tap%d", "sixteen-bytes-xx", "a\n"})
  void uplinkIsALinkName(String name) {
    Refusal.invalid("uplink", name, "1 to 15 bytes", () -> Flat.onUplink(name));
    Refusal.invalid("uplink", name, "1 to 15 bytes", () -> vlan(1, name));
    Refusal.invalid(
        "flooding.uplink",
        name,
        "1 to 15 bytes",
        () -> new Vxlan.Flooding.Group(address("239.1.1.1"), name));
  }

  @ParameterizedTest
  @ValueSource(ints = {67, 65536, 0, -1})
  void mtuIsSixtyEightToSixtyFourKibibytes(int mtu) {
    Refusal.invalid(
        "mtu",
        mtu,
        "68 to 65535",
        () -> new Flat(Optional.empty(), Optional.empty(), Optional.of(mtu)));
    Refusal.invalid(
        "mtu", mtu, "68 to 65535", () -> new Vlan(1, "eth1", Optional.empty(), Optional.of(mtu)));
    Refusal.invalid(
        "mtu",
        mtu,
        "68 to 65535",
        () -> new Vxlan(1, NO_PEERS, Optional.empty(), 4789, Optional.empty(), Optional.of(mtu)));
  }

  @Test
  void reservedVlanIdsAreRefused() {
    assertThat(vlan(1, "eth1").vlanId()).isOne();
    assertThat(vlan(4094, "eth1").vlanId()).isEqualTo(4094);
    Refusal.invalid("vlanId", 0, "1 to 4094", () -> vlan(0, "eth1"));
    Refusal.invalid("vlanId", 4095, "1 to 4094", () -> vlan(4095, "eth1"));
  }

  @Test
  void vxlanChecksIdentifierAndPort() {
    assertThat(vxlan(16777215, 65535).vni()).isEqualTo(16777215);
    Refusal.invalid("vni", 0, "1 to 16777215", () -> vxlan(0, 4789));
    Refusal.invalid("vni", 16777216, "1 to 16777215", () -> vxlan(16777216, 4789));
    Refusal.invalid("port", 0, "1 to 65535", () -> vxlan(1, 0));
    Refusal.invalid("port", 65536, "1 to 65535", () -> vxlan(1, 65536));
  }

  @Test
  void groupsAreMulticastAndPeersAreNot() {
    Refusal.invalid(
        "flooding.address",
        address("10.0.0.1"),
        "multicast",
        () -> new Vxlan.Flooding.Group(address("10.0.0.1"), "eth1"));
    Refusal.invalid(
        "flooding.addresses",
        List.of(address("239.1.1.1")),
        "unicast",
        () -> new Vxlan.Flooding.Peers(List.of(address("239.1.1.1"))));
  }

  @Test
  void gatewayHasEachAddressOnce() {
    CidrAddress one = CidrAddress.parse("10.77.0.1/24");

    Refusal.invalid("gateway.addresses", List.of(), "one or more", () -> Gateway.of());
    Refusal.invalid(
        "gateway.addresses",
        List.of(one, one),
        "each once",
        () -> Gateway.of(one, one).withNat(Nat.MASQUERADE));
    assertThat(Gateway.of(one).nat()).isEqualTo(Nat.NONE);
  }

  @Test
  void dhcpNeedsAnIpv4NetworkWithRoom() {
    Dhcp dhcp = Dhcp.addressesOnly();
    CidrAddress six = CidrAddress.parse("fd00::1/64");
    CidrAddress narrow = CidrAddress.parse("10.77.0.1/31");

    Refusal.invalid(
        "gateway.addresses",
        List.of(six, narrow),
        "at most 30 bits for gateway.dhcp",
        () -> Gateway.of(six, narrow).withDhcp(dhcp));
    Gateway good = Gateway.of(six, CidrAddress.parse("10.77.0.1/30")).withDhcp(dhcp);
    assertThat(good.withNat(Nat.MASQUERADE).dhcp()).contains(dhcp);
  }

  @Test
  void dhcpChecksServersDomainAndTime() {
    Dhcp dhcp = Dhcp.addressesOnly();
    InetAddress one = address("192.0.2.1");

    Refusal.invalid(
        "dhcp.dnsServers", List.of(one, one), "each once", () -> dhcp.withDnsServers(one, one));
    Refusal.invalid(
        "dhcp.dnsServers",
        List.of(address("224.0.0.1")),
        "unicast",
        () -> dhcp.withDnsServers(address("224.0.0.1")));
    for (String domain :
        List.of("", ".", "a..b", "-a", "A", "a,b", "a\nb", "a.".repeat(127) + "b")) {
      Refusal.invalid("dhcp.domain", domain, "labels", () -> dhcp.withDomain(domain));
    }
    for (String time : List.of("PT119S", "PT-1H", "P366D", "PT120.5S")) {
      Duration duration = Duration.parse(time);
      Refusal.invalid(
          "dhcp.leaseTime", duration, "whole seconds", () -> dhcp.withLeaseTime(duration));
    }
    assertThat(
            dhcp.withDnsServers(one).withDomain("lan.example").withLeaseTime(Duration.ofMinutes(2)))
        .isEqualTo(
            new Dhcp(List.of(one), Optional.of("lan.example"), Optional.of(Duration.ofMinutes(2))));
  }

  @Test
  void addressesOfAVxlanAreOfOneFamily() {
    InetAddress four = address("192.0.2.1");
    InetAddress six = address("2001:db8::1");

    Refusal.invalid(
        "flooding.addresses", List.of(four, six), "one family", () -> Vxlan.toPeers(7, four, six));
    Refusal.invalid(
        "flooding.addresses", List.of(four, four), "once", () -> Vxlan.toPeers(7, four, four));
    Refusal.invalid(
        "local", "2001:db8:0:0:0:0:0:1", "family", () -> Vxlan.toPeers(7, four).withLocal(six));
    Refusal.invalid(
        "local", "239.1.1.1", "unicast", () -> Vxlan.toPeers(7).withLocal(address("239.1.1.1")));
    assertThat(Vxlan.toGroup(7, address("239.1.1.1"), "eth1")
            .withLocal(four)
            .withPort(8472)
            .withMtu(1400))
        .isEqualTo(new Vxlan(
            7,
            new Vxlan.Flooding.Group(address("239.1.1.1"), "eth1"),
            Optional.of(four),
            8472,
            Optional.empty(),
            Optional.of(1400)));
  }

  @Test
  void listsAreCopied() {
    List<CidrAddress> addresses = new ArrayList<>(List.of(CidrAddress.parse("10.77.0.1/24")));
    Gateway gateway = new Gateway(addresses, Nat.NONE, Optional.empty());

    addresses.clear();

    assertThat(gateway.addresses()).hasSize(1);
  }

  @Test
  void equalPartsMakeEqualSpecs() {
    Gateway gateway = Gateway.of(CidrAddress.parse("10.77.0.1/24"));

    assertThat(Flat.isolated().withGateway(gateway))
        .isEqualTo(new Flat(Optional.empty(), Optional.of(gateway), Optional.empty()))
        .isNotEqualTo(Flat.isolated());
    assertThat(Flat.isolated().dependencies()).isEmpty();
  }

  private static Vlan vlan(int id, String uplink) {
    return new Vlan(id, uplink, Optional.empty(), Optional.empty());
  }

  private static Vxlan vxlan(int vni, int port) {
    return new Vxlan(vni, NO_PEERS, Optional.empty(), port, Optional.empty(), Optional.empty());
  }

  private static InetAddress address(String text) {
    return CidrAddress.literal(text);
  }
}
