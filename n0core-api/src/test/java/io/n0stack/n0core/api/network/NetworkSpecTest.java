package io.n0stack.n0core.api.network;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.Refusal;
import io.n0stack.n0core.api.network.NetworkSpec.Flat;
import io.n0stack.n0core.api.network.NetworkSpec.Gateway;
import io.n0stack.n0core.api.network.NetworkSpec.Nat;
import io.n0stack.n0core.api.network.NetworkSpec.Vlan;
import io.n0stack.n0core.api.network.NetworkSpec.Vxlan;
import java.net.InetAddress;
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

    Refusal.invalid(
        "gateway.addresses", List.of(), "one or more", () -> new Gateway(List.of(), Nat.NONE));
    Refusal.invalid(
        "gateway.addresses",
        List.of(one, one),
        "each once",
        () -> new Gateway(List.of(one, one), Nat.MASQUERADE));
    assertThat(Gateway.of(one).nat()).isEqualTo(Nat.NONE);
  }

  @Test
  void listsAreCopied() {
    List<CidrAddress> addresses = new ArrayList<>(List.of(CidrAddress.parse("10.77.0.1/24")));
    Gateway gateway = new Gateway(addresses, Nat.NONE);

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
