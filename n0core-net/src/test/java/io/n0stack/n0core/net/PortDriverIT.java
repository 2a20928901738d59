package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkKind;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.tap.Tap;
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

@IsolatedNetwork
@Requires(Requirement.ROOT)
class PortDriverIT {
  private Netlink netlink;
  private TapPortDriver driver;
  private NetworkStatus network;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    driver = TapPortDriver.open();
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
    return DriverTck.of(new Fixture(network));
  }

  private record Fixture(NetworkStatus network) implements DriverFixture<PortSpec, PortStatus> {
    @Override
    public Driver<PortSpec, PortStatus> open() {
      return TapPortDriver.open();
    }

    @Override
    public PortSpec spec() {
      return PortDriverIT.spec();
    }

    @Override
    public Optional<PortSpec> changed() {
      return Optional.of(PortSpec.builder("lan")
          .mac(MacAddress.parse("52:54:00:00:00:01"))
          .mtu(1300)
          .ownerUid(1001)
          .build());
    }

    @Override
    public Map<Reference, Object> dependencies() {
      return Map.of(new Reference("network", "lan"), network);
    }

    @Override
    public List<String> residue() {
      return Residue.lines();
    }

    @Override
    public Optional<FixtureRecipe> recipe() {
      return Optional.of(
          new FixtureRecipe(Factory.class, List.of(String.valueOf(network.bridgeIndex()))));
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
          Topic.HOSTILE_SPEC, "its only string is a label",
          Topic.CAPABILITIES, "offers none");
    }
  }

  /** Creates the fixture in another process. */
  static final class Factory implements FixtureRecipe.Factory {
    @Override
    public DriverFixture<?, ?> create(List<String> arguments) {
      return new Fixture(
          new NetworkStatus("lan", Integer.parseInt(arguments.get(0)), 1400, List.of()));
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
    List<String> before = Residue.lines();

    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(text);

    assertThat(Residue.lines()).isEqualTo(before);
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
  void whatIsNotBuiltIsUnsupportedBeforeAnyEffect() {
    ResourceId id = ResourceId.fresh("port", "web1");
    PortSpec.RateLimit limit = new PortSpec.RateLimit(8000, 1600);
    Map<String, PortSpec> specs = Map.of(
        "transmitLimit", PortSpec.builder("lan").transmitLimit(limit).build(),
        "receiveLimit", PortSpec.builder("lan").receiveLimit(limit).build(),
        "antiSpoof",
            PortSpec.builder("lan").antiSpoof(PortSpec.AntiSpoof.STRICT).build(),
        "isolation",
            PortSpec.builder("lan").isolation(PortSpec.Isolation.ISOLATED).build());

    specs.forEach((field, spec) -> assertRefused(
        () -> driver.apply(context(), id, spec), N0Exception.Code.UNSUPPORTED, field));
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
