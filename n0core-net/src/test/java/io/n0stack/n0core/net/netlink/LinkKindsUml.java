package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.LinkKind.Bond;
import io.n0stack.n0core.net.netlink.LinkKind.BondMode;
import io.n0stack.n0core.net.netlink.LinkKind.Bridge;
import io.n0stack.n0core.net.netlink.LinkKind.Dummy;
import io.n0stack.n0core.net.netlink.LinkKind.Vrf;
import io.n0stack.n0core.tck.child.InUserModeLinux;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Kinds of links that the kernels of small machines leave out. */
@InUserModeLinux
@IsolatedNetwork
class LinkKindsUml {
  private Netlink netlink;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
  }

  @AfterEach
  void close() {
    netlink.close();
  }

  private Link dummy(String name) {
    return netlink.links().create(LinkSpec.of(name, new Dummy()).up());
  }

  private Link find(String name) {
    return netlink.links().find(name).orElseThrow();
  }

  @Test
  void theKernelIsTheGuests() throws IOException {
    String release = Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip();

    assertThat(Path.of("/usr/lib/uml/modules", release)).isDirectory();
  }

  @Test
  void dummyIsMadeWithEverythingInOneMessage() {
    int bridge = netlink.links().create(LinkSpec.bridge("br0")).index();

    Link made = netlink
        .links()
        .create(LinkSpec.of("dummy0", new Dummy())
            .withMtu(9000)
            .withMaster(bridge)
            .withAlias("n0core: ä")
            .withGroup(7)
            .up());

    assertThat(made).isEqualTo(find("dummy0"));
    assertThat(made.kind()).isEqualTo(new Dummy());
    assertThat(made.mtu()).isEqualTo(9000);
    assertThat(made.master()).hasValue(bridge);
    assertThat(made.alias()).contains("n0core: ä");
    assertThat(made.group()).isEqualTo(7);
    assertThat(made.up()).isTrue();
  }

  @ParameterizedTest
  @EnumSource(BondMode.class)
  void bondHasItsModeAndTakesALink(BondMode mode) {
    Bond kind = new Bond(mode, Duration.ofMillis(mode == BondMode.LACP ? 50 : 200));
    Link bond = netlink.links().create(LinkSpec.of("bond7", kind).up());
    Link link = netlink.links().create(LinkSpec.of("dummy0", new Dummy()));

    netlink.links().change(link.index(), LinkChange.none().withMaster(bond.index()));

    assertThat(bond.kind()).isEqualTo(kind);
    assertThat(netlink.links().portsOf(bond.index())).containsExactly(find("dummy0"));
    await().until(() -> find("bond7").carrier() == Switch.ON);
    assertThat(find("dummy0").mac()).isEqualTo(find("bond7").mac());
    assertThat(find("dummy0").up()).isTrue();

    netlink.links().change(link.index(), LinkChange.none().withoutMaster());
    assertThat(netlink.links().portsOf(bond.index())).isEmpty();
  }

  @Test
  void bondTakesNoLinkThatIsUp() {
    Link bond = netlink.links().create(LinkSpec.of("bond7", Bond.of(BondMode.ACTIVE_BACKUP)));
    Link link = dummy("dummy0");

    assertThatThrownBy(
            () -> netlink.links().change(link.index(), LinkChange.none().withMaster(bond.index())))
        .isInstanceOfSatisfying(NetlinkException.class, e -> {
          assertThat(e.errnoName()).isEqualTo("EPERM");
          assertThat(e.kernelMessage()).isPresent();
        });
    assertThat(find("dummy0").master()).isEmpty();
  }

  @Test
  void vrfHasItsTableAndRoutesTheAddressesOfItsLinksByIt() throws IOException {
    Vrf kind = new Vrf(4_000_000_000L);
    Link vrf = netlink.links().create(LinkSpec.of("vrf0", kind).up());
    Link link = netlink
        .links()
        .create(LinkSpec.of("dummy0", new Dummy()).withMaster(vrf.index()).up());
    netlink.addresses().add(link.index(), CidrAddress.parse("10.77.0.1/24"));
    netlink.addresses().add(dummy("dummy1").index(), CidrAddress.parse("10.77.0.1/24"));

    assertThat(vrf.kind()).isEqualTo(kind);
    assertThat(netlink.links().portsOf(vrf.index()))
        .extracting(Link::name)
        .containsExactly("dummy0");
    assertThat(Files.readString(Path.of("/proc/thread-self/net/route"))) // the main table
        .contains("dummy1")
        .doesNotContain("dummy0");
  }

  @Test
  void bridgeFiltersVlans() {
    Bridge kind = Bridge.usual().withVlanFiltering().withDefaultPvid(10);

    Link bridge = netlink.links().create(LinkSpec.of("br0", kind));

    assertThat(bridge.kind()).isEqualTo(kind);
    assertThat(netlink.links().create(LinkSpec.bridge("br1")).kind()).isEqualTo(Bridge.usual());
  }

  @Test
  void kernelThatRenamesNoLinkThatIsUpSaysSo() {
    Link link = dummy("dummy0");

    assertThatThrownBy(
            () -> netlink.links().change(link.index(), LinkChange.none().withName("dummy1")))
        .isInstanceOfSatisfying(NetlinkException.class, e -> {
          assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY);
          assertThat(e.errnoName()).isEqualTo("EBUSY");
        });

    netlink.links().change(link.index(), LinkChange.none().down());
    netlink.links().change(link.index(), LinkChange.none().withName("dummy1").up());
    assertThat(find("dummy1").index()).isEqualTo(link.index());
  }
}
