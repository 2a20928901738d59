package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.BridgePortChange.Flag;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Bridges and their ports; VLANs are tested where the kernel has them. */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class BridgesIT {
  private Netlink netlink;
  private Bridges bridges;
  private int bridge;
  private int port;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    bridges = netlink.bridges();
    bridge = netlink.links().create(LinkSpec.bridge("br0").up()).index();
    port = netlink
        .links()
        .create(LinkSpec.veth("eth1", "eth1-peer").withMaster(bridge))
        .index();
  }

  @AfterEach
  void close() {
    netlink.close();
  }

  @ParameterizedTest
  @EnumSource
  void eachFlagIsSwitchedAloneAndBack(Flag flag) {
    BridgePort before = bridges.port(port).orElseThrow();
    Switch was = value(before, flag);
    Switch other = was == Switch.ON ? Switch.OFF : Switch.ON;

    bridges.changePort(port, BridgePortChange.none().with(flag, other));

    BridgePort after = bridges.port(port).orElseThrow();
    assertThat(value(after, flag)).isEqualTo(other);
    for (Flag each : Flag.values()) {
      assertThat(value(after, each) == value(before, each)).as(each.name()).isEqualTo(each != flag);
    }
    bridges.changePort(port, BridgePortChange.none().with(flag, was));
    assertThat(bridges.port(port)).contains(before);
  }

  private static Switch value(BridgePort port, Flag flag) {
    return switch (flag) {
      case HAIRPIN -> port.hairpin();
      case GUARD -> port.guard();
      case LEARNING -> port.learning();
      case UNICAST_FLOOD -> port.unicastFlood();
      case MULTICAST_FLOOD -> port.multicastFlood();
      case BROADCAST_FLOOD -> port.broadcastFlood();
      case NEIGHBOUR_SUPPRESSION -> port.neighbourSuppression();
      case ISOLATED -> port.isolated();
      case LOCKED -> port.locked();
    };
  }

  @Test
  void portHasCostAndPriority() {
    bridges.changePort(port, BridgePortChange.none().withCost(77).withPriority(5));

    BridgePort after = bridges.port(port).orElseThrow();
    assertThat(after.cost()).isEqualTo(77);
    assertThat(after.priority()).isEqualTo(5);
    assertThat(after.bridge()).isEqualTo(bridge);
    assertThat(bridges.ports(bridge)).containsExactly(after);
    bridges.flush(port);
  }

  @Test
  void linkThatIsNoPortIsNone() {
    int peer = netlink.links().find("eth1-peer").orElseThrow().index();

    assertThat(bridges.port(peer)).isEmpty();
    assertThat(bridges.port(4711)).isEmpty();
    assertThat(bridges.ports(peer)).isEmpty();
    assertThatThrownBy(
            () -> bridges.changePort(peer, BridgePortChange.none().with(Flag.HAIRPIN, Switch.ON)))
        .isInstanceOf(NetlinkException.class);
  }

  @Test
  void bridgeIsMadeAsItIsWanted() {
    LinkKind.Bridge kind =
        new LinkKind.Bridge(Switch.OFF, 1, Switch.ON, Switch.OFF, Duration.ofSeconds(77));

    Link made = netlink.links().create(LinkSpec.of("br1", kind));

    assertThat(made.kind()).isEqualTo(kind);
    assertThat(netlink.links().ofKind("bridge"))
        .extracting(Link::name)
        .containsExactly("br0", "br1");
    assertThat(netlink.links().portsOf(bridge)).extracting(Link::name).containsExactly("eth1");
  }

  @Test
  void portCannotBeOfTwoBridgesAtOnceButMoves() {
    int other = netlink.links().create(LinkSpec.bridge("br1")).index();

    netlink.links().change(port, LinkChange.none().withMaster(other));

    assertThat(bridges.ports(bridge)).isEmpty();
    assertThat(bridges.ports(other)).extracting(BridgePort::index).containsExactly(port);
    netlink.links().change(port, LinkChange.none().withoutMaster());
    assertThat(bridges.port(port)).isEmpty();
    assertThatThrownBy(() -> netlink.links().change(other, LinkChange.none().withMaster(bridge)))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
  }
}
