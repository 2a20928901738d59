package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.NetworkSpec.Flat;
import io.n0stack.n0core.api.network.NetworkSpec.Gateway;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.tck.DriverFixture;
import io.n0stack.n0core.tck.DriverTck;
import io.n0stack.n0core.tck.FixtureRecipe;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import io.n0stack.n0core.tck.Topic;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class NetworkDriverIT {
  private Netlink netlink;
  private NetlinkNetworkDriver driver;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    driver = NetlinkNetworkDriver.open();
  }

  @AfterEach
  void close() {
    driver.close();
    netlink.close();
  }

  static Flat flat(String... addresses) {
    return Flat.isolated()
        .withGateway(new Gateway(
            Stream.of(addresses).map(CidrAddress::parse).toList(), NetworkSpec.Nat.NONE));
  }

  @TestFactory
  Stream<DynamicTest> conformsWithinTheHost() {
    return DriverTck.of(new Factory().create(List.of("host")));
  }

  @TestFactory
  Stream<DynamicTest> conformsWithAnUplink() {
    netlink.links().create(LinkSpec.veth("eth1", "eth1-peer"));
    netlink.links().create(LinkSpec.veth("eth2", "eth2-peer"));
    for (int i = 0; i < 16; i++) {
      netlink.links().create(LinkSpec.veth("up" + i, "up" + i + "-peer"));
    }
    return DriverTck.of(new Factory().create(List.of("uplink")));
  }

  private record Fixture(String kind, Flat spec, Flat other)
      implements DriverFixture<NetworkSpec, NetworkStatus> {
    @Override
    public Driver<NetworkSpec, NetworkStatus> open() {
      return NetlinkNetworkDriver.open();
    }

    @Override
    public NetworkSpec spec(int number) {
      return spec.uplink().isPresent() ? Flat.onUplink("up" + number) : spec;
    }

    @Override
    public Optional<NetworkSpec> changed() {
      return Optional.of(other);
    }

    @Override
    public List<String> residue() {
      return Residue.lines();
    }

    @Override
    public Optional<FixtureRecipe> recipe() {
      return Optional.of(new FixtureRecipe(Factory.class, List.of(kind)));
    }

    @Override
    public Optional<Undo> plantForeign(ResourceId near) {
      return Optional.of(Residue.plantForeign(near));
    }

    @Override
    public Optional<Undo> cutOff(Driver<NetworkSpec, NetworkStatus> driver) {
      driver.close();
      return Optional.of(() -> {});
    }

    /** The kernel takes its time to delete a bridge, and one of the two fixtures shows the leaks. */
    @Override
    public int cycles() {
      return spec.uplink().isPresent() ? 1000 : 100;
    }

    @Override
    public List<NetworkSpec> hostile() {
      return List.of(new NetworkSpec.Vlan(7, "$(reboot)", Optional.empty(), Optional.empty()));
    }

    @Override
    public Map<Topic, String> notApplicable() {
      return Map.of(
          Topic.DISK_FULL, "writes no disk",
          Topic.SILENT_RESOURCE, "the kernel answers",
          Topic.CAPABILITIES, "offers none");
    }
  }

  /** Creates a fixture, in another process too. */
  static final class Factory implements FixtureRecipe.Factory {
    @Override
    public DriverFixture<?, ?> create(List<String> arguments) {
      return arguments.get(0).equals("uplink")
          ? new Fixture(
              "uplink",
              Flat.onUplink("eth1"),
              new Flat(Optional.of("eth2"), flat("10.77.0.1/24").gateway(), Optional.of(1400)))
          : new Fixture(
              "host",
              flat("10.77.0.1/24", "10.77.0.2/24", "fd00::1/64"),
              flat("10.77.0.2/24", "10.78.0.1/24"));
    }
  }

  private ResourceId apply(String name, NetworkSpec spec) {
    ResourceId id = ResourceId.fresh("network", name);
    driver.apply(new StandaloneContext(), id, spec);
    return id;
  }

  private Observed.Present<NetworkStatus> present(ResourceId id) {
    assertThat(driver.observe(id)).isInstanceOf(Observed.Present.class);
    return (Observed.Present<NetworkStatus>) driver.observe(id);
  }

  private void assertRefused(ResourceId id, NetworkSpec spec, N0Exception.Code code, String text) {
    List<String> before = Residue.lines();

    assertThatThrownBy(() -> driver.apply(new StandaloneContext(), id, spec))
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(text);

    assertThat(Residue.lines()).isEqualTo(before);
  }

  @Test
  void addressesThatChangeByHandAreDriftThatApplyMends() {
    ResourceId id = apply("web", flat("10.77.0.1/24"));
    int index = present(id).status().bridgeIndex();
    netlink.addresses().remove(index, CidrAddress.parse("10.77.0.1/24"));
    netlink.addresses().add(index, CidrAddress.parse("10.99.0.1/24"));
    assertThat(present(id).complete()).isFalse();

    driver.apply(new StandaloneContext(), id, flat("10.77.0.1/24"));

    assertThat(present(id).complete()).isTrue();
    assertThat(present(id).status().addresses()).containsExactly(CidrAddress.parse("10.77.0.1/24"));
  }

  @Test
  void networkWithALongNameHasABridgeWithAShortOne() {
    ResourceId id = apply("web", flat("10.77.0.1/24"));
    ResourceId longNamed = apply("a-network-with-a-rather-long-name", Flat.isolated());
    assertThat(present(longNamed).status().bridge()).hasSize(15).startsWith("a-netw-");

    assertThat(driver.list()).containsExactlyInAnyOrder(id, longNamed);
    driver.delete(new StandaloneContext(), longNamed);

    assertThat(driver.list()).containsExactly(id);
  }

  @Test
  void bridgeKeepsMacAndMtuWhateverItsPortsAre() {
    ResourceId id = apply("web", Flat.isolated());
    Link before = netlink.links().find("web").orElseThrow();
    Link low = netlink.links().create(LinkSpec.veth("eth1", "eth1-peer").withMtu(1000));

    netlink
        .links()
        .change(low.index(), LinkChange.none().withMaster(before.index()).up());

    Link after = netlink.links().find("web").orElseThrow();
    assertThat(after.mac()).isEqualTo(before.mac());
    assertThat(after.mtu()).isEqualTo(before.mtu());
    assertThat(present(id).complete()).isTrue();
  }

  @Test
  void bridgeWithoutGatewayHasNoAddressAtAll() {
    apply("web", Flat.isolated());
    int bridge = netlink.links().find("web").orElseThrow().index();
    Link port = netlink.links().create(LinkSpec.veth("eth1", "eth1-peer").up().withMaster(bridge));
    netlink
        .links()
        .change(
            netlink.links().find("eth1-peer").orElseThrow().index(),
            LinkChange.none().up());

    assertThat(port.up()).isTrue();
    assertThat(netlink.addresses().of(bridge)).isEmpty();
  }

  @Test
  void foreignLinkOfTheSameNameIsLeftAlone() {
    netlink.links().create(LinkSpec.bridge("web").withAlias("somebody's"));
    ResourceId id = ResourceId.fresh("network", "web");

    assertRefused(id, Flat.isolated(), N0Exception.Code.ALREADY_EXISTS, "not ours");

    assertThat(driver.observe(id)).isInstanceOf(Observed.Absent.class);
    assertThat(driver.list()).isEmpty();
  }

  @Test
  void uplinkThatCannotBeOneIsRefusedBeforeAnyEffect() {
    ResourceId id = ResourceId.fresh("network", "web");
    Link uplink = netlink.links().create(LinkSpec.veth("eth1", "eth1-peer"));
    netlink.addresses().add(uplink.index(), CidrAddress.parse("192.0.2.1/24"));
    Link taken = netlink.links().create(LinkSpec.veth("eth2", "eth2-peer"));
    netlink
        .links()
        .change(
            taken.index(),
            LinkChange.none()
                .withMaster(netlink.links().create(LinkSpec.bridge("other")).index()));

    N0Exception.Code code = N0Exception.Code.PRECONDITION;
    assertRefused(id, Flat.onUplink("eth1"), code, "192.0.2.1/24");
    assertRefused(id, Flat.onUplink("eth2"), code, "port of \"other\"");
    assertRefused(id, Flat.onUplink("eth9"), code, "does not exist");
    assertRefused(id, Flat.onUplink("lo"), code, "cannot be a port");
    assertRefused(id, Flat.onUplink("other"), code, "cannot be a port");
  }

  @Test
  void whatIsNotBuiltIsUnsupportedBeforeAnyEffect() {
    ResourceId id = ResourceId.fresh("network", "web");
    N0Exception.Code code = N0Exception.Code.UNSUPPORTED;

    assertRefused(
        id,
        new NetworkSpec.Vlan(7, "eth1", Optional.empty(), Optional.empty()),
        code,
        "spec \"Vlan\"");
    assertRefused(
        id,
        Flat.isolated()
            .withGateway(
                new Gateway(List.of(CidrAddress.parse("10.0.0.1/8")), NetworkSpec.Nat.MASQUERADE)),
        code,
        "gateway.nat");
  }

  @Test
  void networkWithPortsIsBusy() {
    ResourceId id = apply("web", Flat.isolated());
    Link port = netlink
        .links()
        .create(
            LinkSpec.veth("eth1", "eth1-peer").withMaster(present(id).status().bridgeIndex()));

    assertThatThrownBy(() -> driver.delete(new StandaloneContext(), id))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY))
        .hasMessageContaining("[eth1]");

    netlink.links().delete(port.index());
    driver.delete(new StandaloneContext(), id);
    assertThat(driver.observe(id)).isInstanceOf(Observed.Absent.class);
  }

  @Test
  void closedDriverSaysUnknownAndNeverAbsent() {
    ResourceId id = apply("web", Flat.isolated());
    driver.close();

    assertThat(driver.observe(id)).isInstanceOf(Observed.Unknown.class);
    assertThatThrownBy(driver::list)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
  }

  @ParameterizedTest
  @ValueSource(strings = {"../x", "a/b", "a,b", "", "a\nb", "-a"})
  void oddNamesAreRefused(String name) {
    assertThatThrownBy(() -> ResourceId.fresh("network", name))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
    assertThatThrownBy(() -> ResourceId.fresh("network", "x".repeat(300)))
        .isInstanceOf(N0Exception.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"default", "all"})
  void namesThatTheKernelKeepsForItselfAreGivenToNoBridge(String name) {
    ResourceId id = apply(name, flat("10.77.0.1/24"));

    assertThat(present(id).complete()).isTrue();
    assertThat(present(id).status().bridge()).matches("(all|defaul)-[0-9a-f]{8}");
    driver.delete(new StandaloneContext(), id);
    assertThat(driver.observe(id)).isInstanceOf(Observed.Absent.class);
  }

  @Test
  void mtuTooSmallForAnAddressIsRefusedBeforeAnyEffect() {
    ResourceId id = ResourceId.fresh("network", "web");
    Flat narrow =
        new Flat(Optional.empty(), flat("10.77.0.1/24", "fd00::1/64").gateway(), Optional.of(1279));

    assertRefused(id, narrow, N0Exception.Code.INVALID, "mtu \"1279\"");
    driver.apply(
        new StandaloneContext(),
        id,
        new Flat(Optional.empty(), narrow.gateway(), Optional.of(1280)));
    assertThat(present(id).complete()).isTrue();
  }
}
