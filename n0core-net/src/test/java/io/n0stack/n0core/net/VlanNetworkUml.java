package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.NetworkSpec.Vlan;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkKind;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import io.n0stack.n0core.tck.child.InUserModeLinux;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Networks that are VLANs of a link, in a kernel that has VLANs but no nftables. */
@InUserModeLinux
@IsolatedNetwork
class VlanNetworkUml {
  private final ResourceId id = ResourceId.fresh("network", "lan");
  private Netlink netlink;
  private NetlinkNetworkDriver driver;
  private Link uplink;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    driver = NetlinkNetworkDriver.open();
    uplink = netlink.links().create(LinkSpec.veth("eth1", "eth1-peer").withMtu(1400));
    netlink.addresses().add(uplink.index(), CidrAddress.parse("192.0.2.1/24"));
  }

  @AfterEach
  void close() {
    driver.list().forEach(left -> driver.delete(new StandaloneContext(), left));
    netlink.links().delete(uplink.index());
    driver.close();
    netlink.close();
  }

  private void apply(NetworkSpec spec) {
    driver.apply(new StandaloneContext(), id, spec);
  }

  private Observed.Present<NetworkStatus> present() {
    return (Observed.Present<NetworkStatus>) driver.observe(id);
  }

  private List<Link> vlans() {
    return netlink.links().ofKind("vlan");
  }

  @Test
  void vlanOfTheUplinkIsAPortOfTheBridge() {
    apply(Vlan.of(7, "eth1"));

    assertThat(present().complete()).isTrue();
    Link vlan = netlink.links().find(present().status().uplink().orElseThrow()).orElseThrow();
    assertThat(vlan.kind()).isEqualTo(LinkKind.Vlan.of(uplink.index(), 7));
    assertThat(vlan.master()).hasValue(present().status().bridgeIndex());
    assertThat(vlan.up()).isTrue();
    assertThat(vlan.mtu()).isEqualTo(1400).isEqualTo(present().status().mtu());
    assertThat(netlink.addresses().of(uplink.index()))
        .as("the uplink's own")
        .extracting(address -> address.cidr().toString())
        .contains("192.0.2.1/24");

    driver.delete(new StandaloneContext(), id);
    assertThat(vlans()).isEmpty();
    assertThat(driver.observe(id)).isInstanceOf(Observed.Absent.class);
    assertThat(netlink.links().find("eth1")).isPresent();
  }

  @Test
  void vlanIsChangedLostAndMended() {
    apply(Vlan.of(7, "eth1"));

    apply(Vlan.of(8, "eth1").withMtu(1300));
    assertThat(present().complete()).isTrue();
    assertThat(vlans()).hasSize(1);
    netlink.links().change(vlans().get(0).index(), LinkChange.none().down());
    assertThat(present().complete()).isFalse();
    apply(Vlan.of(8, "eth1").withMtu(1300));
    netlink.links().delete(vlans().get(0).index());
    assertThat(present().complete()).isFalse();
    apply(Vlan.of(8, "eth1").withMtu(1300));
    assertThat(present().complete()).isTrue();

    netlink.links().delete(present().status().bridgeIndex());
    assertThat(driver.list()).containsExactly(id);
    assertThat(present().complete()).isFalse();
  }

  @Test
  void deathAtEachPointLeavesWhatTheNextAgentFinishes() {
    for (int point = 0; ; point++) {
      StandaloneContext cx = new StandaloneContext().crashAt(point);
      try {
        driver.apply(cx, id, Vlan.of(7, "eth1"));
        assertThat(point).as("points").isGreaterThan(8);
        break;
      } catch (SimulatedCrash e) {
        assertThat(driver.list().isEmpty()).as("nothing of it after %s", e).isEqualTo(point == 0);
      }
      apply(Vlan.of(7, "eth1"));
      assertThat(present().complete()).isTrue();
      driver.delete(new StandaloneContext(), id);
      assertThat(vlans()).isEmpty();
    }
  }

  @Test
  void vlanOfAnotherIsLeftAlone() {
    netlink.links().create(LinkSpec.of("theirs", LinkKind.Vlan.of(uplink.index(), 7)));

    assertThatThrownBy(() -> apply(Vlan.of(7, "eth1")))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.ALREADY_EXISTS))
        .hasMessageContaining("\"theirs\" is VLAN 7 of \"eth1\"");

    assertThat(driver.list()).isEmpty();
  }

  @Test
  void translationIsUnsupportedBeforeAnyEffect() {
    NetworkSpec spec = Vlan.of(7, "eth1")
        .withGateway(NetworkSpec.Gateway.of(CidrAddress.parse("10.77.0.1/24"))
            .withNat(NetworkSpec.Nat.MASQUERADE));

    assertThatThrownBy(() -> apply(spec))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED));

    assertThat(driver.list()).isEmpty();
    assertThat(vlans()).isEmpty();
  }
}
