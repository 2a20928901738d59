package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.NetworkSpec.Dhcp;
import io.n0stack.n0core.api.network.NetworkSpec.Flat;
import io.n0stack.n0core.api.network.NetworkSpec.Gateway;
import io.n0stack.n0core.api.network.NetworkSpec.Vxlan;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.net.netlink.FdbEntry;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkKind;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.netlink.NetlinkException;
import io.n0stack.n0core.tck.DriverFixture;
import io.n0stack.n0core.tck.DriverTck;
import io.n0stack.n0core.tck.FixtureRecipe;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import io.n0stack.n0core.tck.Topic;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@IsolatedNetwork
@Requires(Requirement.ROOT)
class NetworkDriverIT {
  private static final InetAddress PEER = CidrAddress.literal("192.0.2.2");

  @TempDir
  private Path directory;

  private Netlink netlink;
  private NetlinkNetworkDriver driver;

  @BeforeEach
  void open() throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    netlink = Netlink.open();
    driver = NetlinkNetworkDriver.open(NetConfig.of(directory));
  }

  @AfterEach
  void close() {
    driver.close();
    netlink.close();
  }

  static Flat flat(String... addresses) {
    return Flat.isolated()
        .withGateway(
            Gateway.of(Stream.of(addresses).map(CidrAddress::parse).toArray(CidrAddress[]::new)));
  }

  private Stream<DynamicTest> kit(String kind) {
    return DriverTck.of(new Factory().create(List.of(kind, directory.toString())));
  }

  @TestFactory
  Stream<DynamicTest> conformsWithinTheHost() {
    return kit("host");
  }

  @TestFactory
  Stream<DynamicTest> conformsWithAnUplink() {
    netlink.links().create(LinkSpec.veth("eth1", "eth1-peer"));
    netlink.links().create(LinkSpec.veth("eth2", "eth2-peer"));
    for (int i = 0; i < 16; i++) {
      netlink.links().create(LinkSpec.veth("up" + i, "up" + i + "-peer"));
    }
    return kit("uplink");
  }

  @TestFactory
  Stream<DynamicTest> conformsWithTranslationAndDhcp() {
    return kit("services");
  }

  @TestFactory
  Stream<DynamicTest> conformsWithVxlan() {
    Link underlay = netlink.links().create(LinkSpec.veth("eth1", "eth1-peer").up());
    netlink.addresses().add(underlay.index(), CidrAddress.parse("192.0.2.1/24"));
    return kit("vxlan");
  }

  private record Fixture(String kind, Path directory, NetworkSpec spec, NetworkSpec other)
      implements DriverFixture<NetworkSpec, NetworkStatus> {
    @Override
    public Driver<NetworkSpec, NetworkStatus> open() {
      return NetlinkNetworkDriver.open(NetConfig.of(directory));
    }

    @Override
    public NetworkSpec spec(int number) {
      return switch (kind) {
        case "uplink" -> Flat.onUplink("up" + number);
        case "vxlan" -> Vxlan.toPeers(100 + number, PEER);
        default -> spec;
      };
    }

    @Override
    public Optional<NetworkSpec> changed() {
      return Optional.of(other);
    }

    @Override
    public List<String> residue() {
      return Residue.lines(directory);
    }

    @Override
    public Optional<FixtureRecipe> recipe() {
      return Optional.of(new FixtureRecipe(Factory.class, List.of(kind, directory.toString())));
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

    /** The kernel takes its time to delete a bridge, and one of the fixtures shows the leaks. */
    @Override
    public int cycles() {
      return switch (kind) {
        case "uplink" -> Repetition.of(1000);
        default -> 100;
      };
    }

    @Override
    public List<NetworkSpec> hostile() {
      return List.of(NetworkSpec.Vlan.of(7, "$(reboot)"));
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
      String kind = arguments.get(0);
      Path directory = Path.of(arguments.get(1));
      return switch (kind) {
        case "uplink" ->
          new Fixture(
              kind,
              directory,
              Flat.onUplink("eth1"),
              new Flat(Optional.of("eth2"), flat("10.77.0.1/24").gateway(), Optional.of(1400)));
        case "services" ->
          new Fixture(
              kind,
              directory,
              served(Dhcp.addressesOnly(), "10.77.0.1/24", "fd00::1/64"),
              served(
                  Dhcp.addressesOnly().withDnsServers(CidrAddress.literal("192.0.2.53")),
                  "10.77.0.1/24"));
        case "vxlan" ->
          new Fixture(
              kind,
              directory,
              Vxlan.toPeers(7, PEER, CidrAddress.literal("192.0.2.3")),
              Vxlan.toPeers(7, CidrAddress.literal("192.0.2.4")).withPort(4790).withMtu(1400));
        default ->
          new Fixture(
              kind,
              directory,
              flat("10.77.0.1/24", "10.77.0.2/24", "fd00::1/64"),
              flat("10.77.0.2/24", "10.78.0.1/24"));
      };
    }
  }

  private static Flat served(Dhcp dhcp, String... addresses) {
    Gateway gateway = flat(addresses).gateway().orElseThrow();
    return Flat.isolated()
        .withGateway(gateway.withNat(NetworkSpec.Nat.MASQUERADE).withDhcp(dhcp));
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
    List<String> before = Residue.lines(directory);

    assertThatThrownBy(() -> driver.apply(new StandaloneContext(), id, spec))
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(text);

    assertThat(Residue.lines(directory)).isEqualTo(before);
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

  /** The kernel that runs the tests may have none; then nothing must be left of the attempt. */
  @Test
  void vlanIsAPortOfTheBridgeOrUnsupportedBeforeAnyEffect() {
    netlink.links().create(LinkSpec.veth("eth1", "eth1-peer"));
    ResourceId id = ResourceId.fresh("network", "web");
    NetworkSpec spec = NetworkSpec.Vlan.of(7, "eth1");
    if (!hasVlans()) {
      assertRefused(id, spec, N0Exception.Code.UNSUPPORTED, "needs the module 8021q");
      return;
    }

    driver.apply(new StandaloneContext(), id, spec);

    Link vlan =
        netlink.links().find(present(id).status().uplink().orElseThrow()).orElseThrow();
    assertThat(vlan.kind())
        .isInstanceOfSatisfying(
            LinkKind.Vlan.class, kind -> assertThat(kind.vlanId()).isEqualTo(7));
    assertThat(vlan.master()).hasValue(present(id).status().bridgeIndex());
    driver.delete(new StandaloneContext(), id);
    assertThat(netlink.links().ofKind("vlan")).isEmpty();
  }

  private boolean hasVlans() {
    Link below = netlink.links().find("eth1").orElseThrow();
    try {
      Link probe = netlink.links().create(LinkSpec.of("probe", LinkKind.Vlan.of(below.index(), 2)));
      netlink.links().delete(probe.index());
      return true;
    } catch (NetlinkException e) {
      assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED);
      return false;
    }
  }

  @Test
  void whatTellsASegmentFromOthersCannotBeChanged() {
    NetworkSpec flat = Flat.isolated();
    NetworkSpec vxlan = Vxlan.toPeers(7);

    for (String component : List.of("type", "vlanId", "vni")) {
      assertThat(driver.change(component, flat, vxlan)).isEqualTo(Driver.Change.REJECTED);
    }
    for (String component : List.of("uplink", "flooding", "local", "port", "gateway", "mtu")) {
      assertThat(driver.change(component, flat, vxlan)).isEqualTo(Driver.Change.LIVE);
    }
  }

  @Test
  void vniOfAnotherLinkIsRefusedBeforeAnyEffect() {
    netlink.links().create(LinkSpec.of("theirs", LinkKind.Vxlan.of(7)));

    assertRefused(
        ResourceId.fresh("network", "web"),
        Vxlan.toPeers(7, PEER),
        N0Exception.Code.ALREADY_EXISTS,
        "\"theirs\" is VNI 7");
  }

  @Test
  void vxlanWhoseUnderlayCannotBeOneIsRefusedBeforeAnyEffect() {
    Link underlay = netlink.links().create(LinkSpec.veth("eth1", "eth1-peer").up());
    netlink.addresses().add(underlay.index(), CidrAddress.parse("192.0.2.1/24"));
    ResourceId id = ResourceId.fresh("network", "web");
    N0Exception.Code code = N0Exception.Code.PRECONDITION;
    InetAddress group = CidrAddress.literal("239.1.1.1");

    assertRefused(id, Vxlan.toGroup(7, group, "eth9"), code, "does not exist");
    assertRefused(id, Vxlan.toGroup(7, group, "lo"), code, "loopback");
    assertRefused(id, Vxlan.toPeers(7).withLocal(PEER), code, "local address");
    assertRefused(id, Vxlan.toPeers(7, PEER).withMtu(1451), code, "packets of 1450 bytes fit");
    assertRefused(
        id,
        Vxlan.toPeers(7).withLocal(CidrAddress.literal("192.0.2.1")).withMtu(1451),
        code,
        "packets of 1450 bytes fit");
  }

  @Test
  void tunnelThatIsChangedByHandIsDriftThatApplyMends() {
    Link underlay = netlink.links().create(LinkSpec.veth("eth1", "eth1-peer").up());
    netlink.addresses().add(underlay.index(), CidrAddress.parse("192.0.2.1/24"));
    NetworkSpec spec = Vxlan.toPeers(7, PEER);
    ResourceId id = apply("web", spec);
    List<Runnable> damages = List.of(
        () -> change(tunnel(), LinkChange.none().down()),
        () -> change(tunnel(), LinkChange.none().withoutMaster()),
        () -> netlink.forwarding().remove(FdbEntry.flood(tunnel().index(), PEER)),
        () -> netlink
            .forwarding()
            .append(FdbEntry.flood(tunnel().index(), CidrAddress.literal("192.0.2.9"))),
        () -> netlink.links().delete(tunnel().index()));

    for (Runnable damage : damages) {
      assertThat(present(id).complete()).isTrue();
      damage.run();
      assertThat(present(id).complete()).isFalse();
      driver.apply(new StandaloneContext(), id, spec);
    }
    assertThat(present(id).complete()).isTrue();

    netlink.links().delete(present(id).status().bridgeIndex());
    assertThat(driver.list()).containsExactly(id);
    assertThat(present(id).complete()).isFalse();
    driver.delete(new StandaloneContext(), id);
    assertThat(netlink.links().ofKind("vxlan")).isEmpty();
  }

  private Link tunnel() {
    return netlink.links().ofKind("vxlan").get(0);
  }

  private void change(Link link, LinkChange change) {
    netlink.links().change(link.index(), change);
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
