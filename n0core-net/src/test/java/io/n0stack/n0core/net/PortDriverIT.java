package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.network.TapQueues;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkKind;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.nft.Firewall;
import io.n0stack.n0core.net.nft.Nft;
import io.n0stack.n0core.net.tap.Tap;
import io.n0stack.n0core.tck.DriverFixture;
import io.n0stack.n0core.tck.DriverTck;
import io.n0stack.n0core.tck.FixtureRecipe;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import io.n0stack.n0core.tck.Topic;
import java.io.IOException;
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

@IsolatedNetwork
@Requires(Requirement.ROOT)
class PortDriverIT {
  @TempDir
  private Path directory;

  private Netlink netlink;
  private TapPortDriver driver;
  private NetworkStatus network;

  @BeforeEach
  void open() throws IOException {
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    netlink = Netlink.open();
    driver = TapPortDriver.open(NetConfig.of(directory));
    Link bridge = netlink.links().create(LinkSpec.bridge("lan").withMtu(1400).up());
    network = new NetworkStatus("lan", bridge.index(), 1400, List.of());
  }

  @AfterEach
  void close() {
    driver.close();
    netlink.close();
  }

  private static PortSpec spec() {
    return PortSpec.builder("lan")
        .mac(MacAddress.parse("52:54:00:12:34:56"))
        .ownerUid(1000)
        .build();
  }

  @TestFactory
  Stream<DynamicTest> conforms() {
    return DriverTck.of(new Fixture("plain", directory, network));
  }

  @TestFactory
  Stream<DynamicTest> conformsWithLimitsGuardsAndAddresses() {
    ResourceId lan = ResourceId.fresh("network", "served");
    NetworkStatus served;
    try (NetlinkNetworkDriver networks = NetlinkNetworkDriver.open(NetConfig.of(directory))) {
      networks.apply(
          new StandaloneContext(),
          lan,
          NetworkSpec.Flat.isolated()
              .withGateway(NetworkSpec.Gateway.of(CidrAddress.parse("10.77.0.1/24"))
                  .withDhcp(NetworkSpec.Dhcp.addressesOnly())));
      served = ((Observed.Present<NetworkStatus>) networks.observe(lan)).status();
    }
    return Stream.concat(
        DriverTck.of(new Fixture("full", directory, served)),
        Stream.of(DynamicTest.dynamicTest("the network goes", () -> {
          try (NetlinkNetworkDriver networks = NetlinkNetworkDriver.open(NetConfig.of(directory))) {
            networks.delete(new StandaloneContext(), lan);
          }
          assertThat(Residue.processes(directory)).isEmpty();
        })));
  }

  private static PortSpec full() {
    return PortSpec.builder("lan")
        .ownerUid(1000)
        .transmitLimit(new PortSpec.RateLimit(100_000_000, 100_000))
        .receiveLimit(new PortSpec.RateLimit(50_000_000, 50_000))
        .antiSpoof(PortSpec.AntiSpoof.STRICT)
        .isolation(PortSpec.Isolation.ISOLATED)
        .addresses(CidrAddress.literal("10.77.0.2"), CidrAddress.literal("fd00::2"))
        .build();
  }

  private record Fixture(String kind, Path directory, NetworkStatus network)
      implements DriverFixture<PortSpec, PortStatus> {
    @Override
    public Driver<PortSpec, PortStatus> open() {
      return TapPortDriver.open(NetConfig.of(directory));
    }

    @Override
    public PortSpec spec() {
      return kind.equals("full") ? full() : PortDriverIT.spec();
    }

    @Override
    public Optional<PortSpec> changed() {
      PortSpec.Builder changed = PortSpec.builder("lan")
          .mac(MacAddress.parse("52:54:00:00:00:01"))
          .mtu(1300)
          .ownerUid(1001);
      return Optional.of(
          kind.equals("full")
              ? changed
                  .receiveLimit(new PortSpec.RateLimit(1_000_000, 5_000))
                  .addresses(CidrAddress.literal("10.77.0.3"))
                  .build()
              : changed.build());
    }

    /** The kernel takes its time to delete an ifb, and one of the two fixtures shows the leaks. */
    @Override
    public int cycles() {
      return kind.equals("full") ? 100 : Repetition.of(1000);
    }

    @Override
    public Map<Reference, Object> dependencies() {
      return Map.of(new Reference("network", "lan"), network);
    }

    @Override
    public List<String> residue() {
      return Residue.lines(directory);
    }

    @Override
    public Optional<FixtureRecipe> recipe() {
      return Optional.of(new FixtureRecipe(
          Factory.class,
          List.of(kind, directory.toString(), String.valueOf(network.bridgeIndex()))));
    }

    @Override
    public Optional<Undo> plantForeign(ResourceId near) {
      return Optional.of(Residue.plantForeign(near));
    }

    @Override
    public Optional<Undo> cutOff(Driver<PortSpec, PortStatus> driver) {
      driver.close();
      return Optional.of(() -> {});
    }

    @Override
    public Map<Topic, String> notApplicable() {
      return Map.of(
          Topic.DISK_FULL, "writes no disk",
          Topic.SILENT_RESOURCE, "the kernel answers",
          Topic.HOSTILE_SPEC, "its only string is a label");
    }

    @Override
    public Map<Class<?>, Exercise<PortSpec, PortStatus>> exercises() {
      return Map.of(TapQueues.class, (driver, cx, id) -> {
        TapQueues taps = driver.capability(TapQueues.class).orElseThrow();
        try (TapQueues.Descriptors held = taps.open(id, 1)) {
          assertThat(held.numbers()).hasSize(1);
          assertThat(held.vnetHeaderBytes()).isEqualTo(10);
          assertCode(N0Exception.Code.BUSY, () -> taps.open(id, 1).close());
          assertCode(N0Exception.Code.BUSY, () -> driver.delete(cx, id));
        }
        assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
        assertCode(N0Exception.Code.PRECONDITION, () -> taps.open(id, 2).close());
        assertCode(N0Exception.Code.INVALID, () -> taps.open(id, 0).close());
        assertCode(
            N0Exception.Code.NOT_FOUND,
            () -> taps.open(ResourceId.fresh("port", id.name()), 1).close());
      });
    }

    private static void assertCode(N0Exception.Code code, Runnable call) {
      assertThatThrownBy(call::run)
          .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code));
    }
  }

  /** Creates the fixture in another process. */
  static final class Factory implements FixtureRecipe.Factory {
    @Override
    public DriverFixture<?, ?> create(List<String> arguments) {
      return new Fixture(
          arguments.get(0),
          Path.of(arguments.get(1)),
          new NetworkStatus("lan", Integer.parseInt(arguments.get(2)), 1400, List.of()));
    }
  }

  private StandaloneContext context() {
    return new StandaloneContext().with("network", "lan", network);
  }

  private ResourceId apply(PortSpec spec) {
    ResourceId id = ResourceId.fresh("port", "web1");
    driver.apply(context(), id, spec);
    return id;
  }

  private void assertRefused(Runnable call, N0Exception.Code code, String text) {
    List<String> before = Residue.lines(directory);

    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(text);

    assertThat(Residue.lines(directory)).isEqualTo(before);
  }

  @Test
  void portIsAPersistentTapWithAnOwnerOnTheBridge() {
    ResourceId id = apply(spec());

    Link tap = netlink.links().find("web1").orElseThrow();
    LinkKind.Tun kind = (LinkKind.Tun) tap.kind();
    assertThat(driver.observe(id))
        .isEqualTo(Observed.complete(new PortStatus(
            "web1", tap.index(), "lan", MacAddress.parse("52:54:00:12:34:56"), 1400, 1000)));
    assertThat(tap.tap()).isTrue();
    assertThat(kind.lifetime()).isEqualTo(LinkKind.TunLifetime.PERSISTENT);
    assertThat(kind.owner()).hasValue(1000);
    assertThat(tap.master()).hasValue(network.bridgeIndex());
    assertThat(tap.mac().orElseThrow()).isNotEqualTo(MacAddress.parse("52:54:00:12:34:56"));
    assertThat(netlink.addresses().of(tap.index())).isEmpty();
  }

  @Test
  void macIsDerivedFromTheUidIfNoneIsGiven() {
    ResourceId id = apply(PortSpec.on("lan"));

    Observed<PortStatus> seen = driver.observe(id);

    assertThat(((Observed.Present<PortStatus>) seen).status().mac())
        .isEqualTo(MacAddress.derivedFrom(id.uid()));
  }

  @Test
  void portThatAProcessHoldsOpenIsNotDeleted() {
    ResourceId id = apply(spec());
    try (Tap held = Tap.open("web1")) {
      assertRefused(() -> driver.delete(context(), id), N0Exception.Code.BUSY, held.name());
    }

    driver.delete(context(), id);

    assertThat(netlink.links().find("web1")).isEmpty();
  }

  @Test
  void portThatAProcessHoldsOpenCanBeAppliedAgain() {
    ResourceId id = apply(spec());
    Observed<PortStatus> before = driver.observe(id);

    try (Tap held = Tap.open("web1")) {
      driver.apply(context(), id, spec());
      assertThat(held.name()).isEqualTo("web1");
    }

    assertThat(driver.observe(id)).isEqualTo(before);
  }

  @Test
  void foreignTapOfTheSameNameIsLeftAlone() {
    try (Tap foreign = Tap.create("web1")) {
      foreign.persist();
    }
    ResourceId id = ResourceId.fresh("port", "web1");

    assertRefused(
        () -> driver.apply(context(), id, spec()), N0Exception.Code.ALREADY_EXISTS, "not ours");

    assertThat(driver.observe(id)).isInstanceOf(Observed.Absent.class);
    driver.delete(context(), id);
    assertThat(netlink.links().find("web1")).isPresent();
  }

  @Test
  void burstThatNoPacketFitsInIsRefusedBeforeAnyEffect() {
    ResourceId id = ResourceId.fresh("port", "web1");
    Link wide = netlink.links().create(LinkSpec.bridge("wide").withMtu(9000).up());
    StandaloneContext cx = new StandaloneContext()
        .with("network", "wide", new NetworkStatus("wide", wide.index(), 9000, List.of()));
    PortSpec.RateLimit limit = new PortSpec.RateLimit(1_000_000, 9013);

    assertRefused(
        () -> driver.apply(cx, id, PortSpec.builder("wide").receiveLimit(limit).build()),
        N0Exception.Code.INVALID,
        "receiveLimit.burstBytes");
    assertRefused(
        () -> driver.apply(cx, id, PortSpec.builder("wide").transmitLimit(limit).build()),
        N0Exception.Code.INVALID,
        "transmitLimit.burstBytes \"9013\": must be 9014");
  }

  @Test
  void statusTellsWhatIsInForceAndDriftIsSeen() {
    ResourceId id = apply(full());

    PortStatus status = ((Observed.Present<PortStatus>) driver.observe(id)).status();
    assertThat(status.transmitLimit()).isEqualTo(full().transmitLimit());
    assertThat(status.receiveLimit()).isEqualTo(full().receiveLimit());
    assertThat(status.antiSpoof()).isEqualTo(PortSpec.AntiSpoof.STRICT);
    assertThat(status.isolation()).isEqualTo(PortSpec.Isolation.ISOLATED);
    Link ifb = netlink.links().ofKind("ifb").get(0);
    Runnable[] damages = {
      () -> netlink.rateLimits().clearEgress(status.tapIndex()),
      () -> netlink.rateLimits().clearIngress(status.tapIndex()),
      () -> netlink.links().change(ifb.index(), LinkChange.none().down()),
      () -> {
        try (Nft nft = Nft.open()) {
          Firewall.of(nft, "n0core", "n0core").unguard("web1");
        }
      },
      () -> netlink.links().delete(netlink.links().ofKind("ifb").get(0).index()),
    };
    for (Runnable damage : damages) {
      assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
      damage.run();
      assertThat(driver.observe(id)).extracting("complete").isEqualTo(false);
      driver.apply(context(), id, full());
    }
    assertThat(driver.observe(id)).isEqualTo(Observed.complete(status));
  }

  @Test
  void whatIsLeftOfAPortWhoseTapIsGoneIsListedAndDeleted() {
    ResourceId id = apply(full());
    netlink.links().delete(netlink.links().find("web1").orElseThrow().index());

    assertThat(driver.list()).containsExactly(id);
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(false);

    netlink.links().delete(netlink.links().ofKind("ifb").get(0).index());
    assertThat(driver.list()).as("the guard alone").containsExactly(id);
    assertThat(driver.observe(id)).isInstanceOf(Observed.Present.class);

    driver.delete(context(), id);
    assertThat(driver.list()).isEmpty();
    assertThat(driver.observe(id)).isInstanceOf(Observed.Absent.class);
    try (Nft nft = Nft.open()) {
      assertThat(nft.tables()).isEmpty();
    }
  }

  @Test
  void portOfANetworksNameHasATapOfAnotherName() {
    ResourceId lan = ResourceId.fresh("network", "web1");
    ResourceId id;
    try (NetlinkNetworkDriver networks = NetlinkNetworkDriver.open(NetConfig.of(directory))) {
      networks.apply(new StandaloneContext(), lan, NetworkSpec.Flat.isolated());
      id = apply(spec());
    }

    PortStatus status = ((Observed.Present<PortStatus>) driver.observe(id)).status();
    assertThat(status.tap()).matches("web1-[0-9a-f]{8}");
    assertThat(
            netlink.links().find("n0core.port.web1." + id.uid()).orElseThrow().index())
        .isEqualTo(status.tapIndex());
    assertThat(netlink
            .links()
            .find("n0core.network.web1." + lan.uid())
            .orElseThrow()
            .name())
        .isEqualTo("web1");
  }

  @Test
  void derivedNameThatSomebodyHasGivesWayToAnother() {
    ResourceId id = ResourceId.fresh("port", "a-port-with-a-long-name");
    List<String> names = StampedLinks.names(id).toList();
    netlink.links().create(LinkSpec.bridge(names.get(0)));
    netlink.links().create(LinkSpec.bridge(names.get(1)));

    driver.apply(context(), id, spec());

    assertThat(driver.observe(id)).extracting("status.tap").isEqualTo(names.get(2));
    netlink
        .links()
        .change(
            netlink.links().find(names.get(2)).orElseThrow().index(),
            LinkChange.none().withName("renamed"));
    assertThat(driver.observe(id)).extracting("status.tap").isEqualTo("renamed");
    driver.delete(context(), id);
    assertThat(netlink.links().find("renamed")).isEmpty();
    assertThat(netlink.links().find(names.get(0))).isPresent();
  }

  @Test
  void portOfAMissingNetworkIsRefused() {
    ResourceId id = ResourceId.fresh("port", "web1");
    netlink.links().delete(network.bridgeIndex());

    assertRefused(
        () -> driver.apply(context(), id, spec()), N0Exception.Code.PRECONDITION, "\"lan\"");
    assertRefused(
        () -> driver.apply(new StandaloneContext(), id, spec()),
        N0Exception.Code.PRECONDITION,
        "lan");
  }

  @Test
  void damagedStampIsUnknownAndTheOtherPortsAreStillSeen() {
    ResourceId id = apply(spec());
    Link tap = netlink.links().find("web1").orElseThrow();
    String damaged = Stamp.halfMade(id, "no-mac").alias();
    netlink.links().change(tap.index(), LinkChange.none().withAlias(damaged));

    assertThat(driver.observe(id)).isInstanceOf(Observed.Unknown.class);
    assertThat(driver.list()).containsExactly(id);

    driver.apply(context(), id, spec());
    assertThat(driver.observe(id)).isInstanceOf(Observed.Present.class);
  }

  private void replaceByAForeignTap() {
    netlink.links().delete(netlink.links().find("web1").orElseThrow().index());
    try (Tap foreign = Tap.create("web1")) {
      foreign.persist();
    }
  }

  @Test
  void tapThatTookOverTheNameMeanwhileIsNotDeleted() {
    ResourceId id = apply(spec());
    StandaloneContext cx = context().before("delete tap", this::replaceByAForeignTap);

    assertThatThrownBy(() -> driver.delete(cx, id))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));

    assertThat(netlink.links().find("web1")).isPresent();
    driver.delete(context(), id);
    assertThat(netlink.links().find("web1")).isPresent();
  }

  @Test
  void tapThatTookOverTheNameMeanwhileKeepsItsOwner() {
    ResourceId id = apply(spec());
    StandaloneContext cx = context().before("set owner", this::replaceByAForeignTap);

    assertThatThrownBy(
            () -> driver.apply(cx, id, PortSpec.builder("lan").ownerUid(7).build()))
        .isInstanceOf(N0Exception.class);

    assertThat(((LinkKind.Tun) netlink.links().find("web1").orElseThrow().kind()).owner())
        .isEmpty();
  }

  @Test
  void tapThatVanishesMeanwhileIsNotMadeWithoutAStamp() {
    ResourceId id = apply(spec());
    Runnable vanish =
        () -> netlink.links().delete(netlink.links().find("web1").orElseThrow().index());

    assertThatThrownBy(() -> driver.apply(
            context().before("set owner", vanish),
            id,
            PortSpec.builder("lan").ownerUid(7).build()))
        .isInstanceOf(N0Exception.class);
    assertThat(netlink.links().find("web1")).isEmpty();

    driver.apply(context(), id, spec());
    driver.delete(context().before("delete tap", vanish), id);
    assertThat(netlink.links().find("web1")).isEmpty();
  }

  @Test
  void mtuThatNoTapCanHaveIsRefusedBeforeAnyEffect() {
    ResourceId id = ResourceId.fresh("port", "web1");

    assertRefused(
        () -> driver.apply(context(), id, PortSpec.builder("lan").mtu(65522).build()),
        N0Exception.Code.INVALID,
        "mtu \"65522\"");
    driver.apply(context(), id, PortSpec.builder("lan").mtu(65521).build());
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
  }

  @Test
  void portOnTheWidestNetworkIsAsWideAsATapCanBe() {
    Link wide = netlink.links().create(LinkSpec.bridge("wide").withMtu(65535).up());
    ResourceId id = ResourceId.fresh("port", "web1");
    StandaloneContext cx = new StandaloneContext()
        .with("network", "wide", new NetworkStatus("wide", wide.index(), 65535, List.of()));

    driver.apply(cx, id, PortSpec.on("wide"));

    assertThat(driver.observe(id)).extracting("status.mtu").isEqualTo(65521);
  }
}
