package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.internal.Conversation;
import io.n0stack.n0core.net.internal.NetlinkSocket;
import io.n0stack.n0core.net.internal.Wire;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the kernel refuses about links, ignores, or does not as one would think. */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class LinkEdgesIT {
  private Netlink netlink;
  private Links links;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    links = netlink.links();
  }

  @AfterEach
  void close() {
    netlink.close();
  }

  private static void assertErrno(Runnable call, String errno) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            NetlinkException.class, e -> assertThat(e.errnoName()).isEqualTo(errno));
  }

  private static void assertInvalid(Runnable call, String field) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID))
        .hasMessageContaining(field);
  }

  @Test
  void nameOfFifteenBytesOfUtf8IsGood() {
    String name = "brücke-äääx";

    assertThat(links.create(LinkSpec.bridge(name)).name()).isEqualTo(name);
    assertThat(links.find(name)).isPresent();
    assertInvalid(() -> LinkSpec.bridge("brücke-ääää"), "name");
  }

  @Test
  void alternativeNameHasUpTo127Bytes() {
    int index = links.create(LinkSpec.bridge("br0")).index();
    String longest = "x".repeat(127);

    links.addAlternativeName(index, longest);

    assertThat(links.find(longest)).map(Link::name).contains("br0");
    assertInvalid(() -> links.addAlternativeName(index, "x".repeat(128)), "name");
    assertErrno(() -> links.addAlternativeName(index, longest), "EEXIST");
    links.addAlternativeName(index, "short");
    assertThat(links.find("short")).map(Link::index).contains(index);
    assertErrno(() -> links.create(LinkSpec.bridge("short")), "EEXIST");
  }

  @Test
  void linkIsChangedByItsNameOrAnAlternativeOne() {
    int index = links.create(LinkSpec.bridge("br0")).index();
    links.addAlternativeName(index, "a name of more than fifteen bytes".replace(' ', '-'));
    links.addAlternativeName(index, "short");

    links.change("br0", LinkChange.none().withMtu(1401));
    assertThat(links.find(index)).map(Link::mtu).contains(1401);
    links.change("short", LinkChange.none().withMtu(1402));
    assertThat(links.find(index)).map(Link::mtu).contains(1402);
    links.change("a-name-of-more-than-fifteen-bytes", LinkChange.none().withMtu(1403));
    assertThat(links.find(index)).map(Link::mtu).contains(1403);

    assertThat(links.find("br0")).map(Link::index).contains(index);
    assertErrno(() -> links.change("none", LinkChange.none().withMtu(1400)), "ENODEV");
    assertInvalid(() -> links.change("br0", LinkChange.none().withName("br1")), "change.name");
    assertInvalid(() -> links.change("", LinkChange.none().withMtu(1400)), "name");
  }

  @Test
  void nameThatIsTakenByAnotherKindIsRefused() {
    links.create(LinkSpec.ifb("x0"));

    assertErrno(() -> links.create(LinkSpec.bridge("x0")), "EEXIST");
    assertErrno(() -> links.create(LinkSpec.veth("y0", "x0")), "EEXIST");

    assertThat(links.find("y0")).isEmpty();
    assertThat(links.find("x0")).map(Link::kind).contains(new LinkKind.Ifb());
  }

  @Test
  void vxlanHasTheRegisteredPortAndItsNumbersAreItsOwn() {
    int underlay = links.create(LinkSpec.veth("eth0", "peer0").up()).index();
    InetAddress group = CidrAddress.literal("239.1.1.1");
    LinkKind.Vxlan kind = LinkKind.Vxlan.of(42).withRemote(group, underlay).withoutLearning();

    assertThat(links.create(LinkSpec.of("vx0", kind)).kind()).isEqualTo(kind);

    assertErrno(() -> links.create(LinkSpec.of("vx1", kind)), "EEXIST");
    assertInvalid(() -> LinkKind.Vxlan.of(1 << 24), "vni");
    LinkKind.Vxlan six = LinkKind.Vxlan.of(43).withLocal(CidrAddress.literal("fd00::1"));
    assertThat(links.create(LinkSpec.of("vx2", six)).kind()).isEqualTo(six);
  }

  @Test
  void macvlanAndMacvtapKnowTheirParent() {
    int parent = links.create(LinkSpec.veth("eth0", "peer0")).index();
    for (LinkKind.MacvlanMode mode : List.of(
        LinkKind.MacvlanMode.BRIDGE, LinkKind.MacvlanMode.PRIVATE, LinkKind.MacvlanMode.VEPA)) {
      LinkKind kind = new LinkKind.Macvlan(parent, mode);
      Link made = links.create(LinkSpec.of("mv0", kind));
      assertThat(made.kind()).isEqualTo(kind);
      assertThat(made.parent()).hasValue(parent);
      links.delete(made.index());
    }
    LinkKind tap = new LinkKind.Macvtap(parent, LinkKind.MacvlanMode.BRIDGE);
    assertThat(links.create(LinkSpec.of("mt0", tap)).kind()).isEqualTo(tap);
    assertInvalid(
        () -> LinkSpec.of("mv1", new LinkKind.Macvlan(0, LinkKind.MacvlanMode.VEPA)), "parent");
  }

  @Test
  void kindThatTheKernelDoesNotKnowIsUnsupported() {
    assertThatThrownBy(() ->
            links.create(LinkSpec.of("x0", new LinkKind.Other("nosuchkind", "08000100deadbeef"))))
        .isInstanceOfSatisfying(NetlinkException.class, e -> {
          assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED);
          assertThat(e.kernelMessage()).contains("Unknown device type");
        });
  }

  @Test
  void tapIsNotMadeThroughRtnetlink() {
    assertErrno(
        () -> links.create(LinkSpec.of("tap0", new LinkKind.Other("tun", ""))), "EOPNOTSUPP");
    assertInvalid(
        () -> LinkSpec.of(
            "tap0",
            new LinkKind.Tun(
                LinkKind.TunLayer.TAP,
                OptionalLong.empty(),
                OptionalLong.empty(),
                LinkKind.TunLifetime.PERSISTENT,
                Switch.OFF,
                Switch.OFF)),
        "kind");
  }

  @Test
  void bridgeTakesOnlyWhatCanBeAPort() {
    int bridge = links.create(LinkSpec.bridge("br0")).index();
    int other = links.create(LinkSpec.bridge("br1")).index();
    int port = links.create(LinkSpec.veth("eth0", "peer0")).index();
    LinkChange enslave = LinkChange.none().withMaster(bridge);

    links.change(port, enslave);
    links.change(port, enslave);
    links.change(port, LinkChange.none().withMaster(other));

    assertThat(links.find(port).orElseThrow().master()).hasValue(other);
    for (int impossible : new int[] {other, bridge, 1}) {
      // EINVAL or ELOOP, as kernels differ.
      assertThatThrownBy(() -> links.change(impossible, enslave))
          .isInstanceOfSatisfying(
              NetlinkException.class,
              e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
    }
    assertErrno(() -> links.change(bridge, LinkChange.none().withMaster(port)), "EOPNOTSUPP");
  }

  @Test
  void bridgeHas1023Ports() {
    int bridge = links.create(LinkSpec.bridge("br0")).index();
    List<Change> ports = IntStream.range(0, 1024)
        .mapToObj(i -> Links.creating(LinkSpec.ifb("p" + i).withGroup(5).withMaster(bridge)))
        .toList();

    List<BatchResult> results = netlink.batch(ports);

    assertThat(results.stream().filter(result -> result.failure().isPresent())).hasSize(1);
    assertThat(results.get(1023).failure().orElseThrow().errnoName()).isEqualTo("EXFULL");
    assertThat(results.get(1023).failure().orElseThrow().code())
        .isEqualTo(N0Exception.Code.EXHAUSTED);
    links.deleteGroup(5);
    assertThat(links.list()).hasSize(2);
  }

  @Test
  void numbersOutOfRangeAreTheKernelsToJudge() {
    int port = links.create(LinkSpec.veth("eth0", "peer0")).index();

    assertThatThrownBy(() -> links.change(port, LinkChange.none().withMtu(67)))
        .isInstanceOfSatisfying(NetlinkException.class, e -> {
          assertThat(e.errnoName()).isEqualTo("EINVAL");
          assertThat(e.kernelMessage()).contains("mtu less than device minimum");
        });
    assertErrno(() -> links.change(port, LinkChange.none().withMtu(65536)), "EINVAL");
    assertInvalid(() -> MacAddress.parse("01:00:00:00:00:01"), "mac");
    links.change(port, LinkChange.none().withAlias("x".repeat(255)));
    assertInvalid(() -> LinkChange.none().withAlias("x".repeat(256)), "alias");
    assertThat(links.find(port).orElseThrow().alias().orElseThrow()).hasSize(255);
    links.change(port, LinkChange.none().withAlias(""));
    assertThat(links.find(port).orElseThrow().alias()).isEmpty();
  }

  @Test
  void renamedLinkKeepsItsIndexAndClashesAreRefused() {
    int port = links.create(LinkSpec.veth("eth0", "peer0")).index();

    links.change(port, LinkChange.none().withName("eth9"));

    assertThat(links.find("eth9")).map(Link::index).contains(port);
    assertThat(links.find("eth0")).isEmpty();
    assertErrno(() -> links.change(port, LinkChange.none().withName("peer0")), "EEXIST");
  }

  @Test
  void everythingElseOfALinkIsSetAndRead() {
    int port = links.create(LinkSpec.veth("eth0", "peer0").withGroup(7)).index();

    links.change(
        port,
        LinkChange.none().withTransmitQueueLength(77).withPromiscuous(Switch.ON).withGroup(8));

    Link read = links.find(port).orElseThrow();
    assertThat(read.group()).isEqualTo(8);
    assertThat(read.transmitQueueLength()).isEqualTo(77);
    assertThat(read.promiscuity()).isEqualTo(1);
    assertThat(read.leastMtu()).isEqualTo(68);
    assertThat(read.largestMtu()).isEqualTo(65535);
    assertThat(read.operationalState()).isEqualTo(Link.OperationalState.DOWN);
    assertThat(read.queueingDiscipline()).isEqualTo("noop");
    assertThat(links.statistics(port).index()).isEqualTo(port);
    assertThat(links.statistics()).hasSize(3);
  }

  @Test
  void whatCannotGoStays() {
    assertErrno(() -> links.delete(1), "EOPNOTSUPP");
    assertErrno(() -> links.delete(4711), "ENODEV");
    assertErrno(() -> links.deleteGroup(99), "ENODEV");
  }

  @Test
  void groupOfMixedKindsGoesAtOnce() {
    int bridge = links.create(LinkSpec.bridge("br0").withGroup(3)).index();
    for (int i = 0; i < 50; i++) {
      links.create(LinkSpec.veth("a" + i, "b" + i).withMaster(bridge).withGroup(3));
      links.create(LinkSpec.ifb("i" + i).withGroup(3));
    }
    links.create(LinkSpec.ifb("stays"));

    links.deleteGroup(3);

    assertThat(links.list()).extracting(Link::name).containsExactly("lo", "stays");
  }

  @Test
  void batchGoesOnBehindAFailureAndTellsOfEach() {
    List<Change> changes = IntStream.range(0, 1000)
        .mapToObj(i -> i % 2 == 0
            ? Links.creating(LinkSpec.ifb("i" + i))
            : Links.changing(1_000_000 + i, LinkChange.none().withMtu(1400)))
        .toList();

    List<BatchResult> results = netlink.batch(changes);

    for (int i = 0; i < 1000; i++) {
      assertThat(results.get(i).failure().isPresent()).as("change %s", i).isEqualTo(i % 2 == 1);
      assertThat(results.get(i).change()).isSameAs(changes.get(i));
    }
    assertThat(results.get(777).failure().orElseThrow())
        .isInstanceOf(NetlinkException.class)
        .hasMessageContaining("set link 1000777");
    assertThat(links.ofKind("ifb")).hasSize(500);
    assertThat(netlink.batch(List.of())).isEmpty();
  }

  @Test
  void addressesAreRefusedAsTheKernelDoes() {
    int bridge = links.create(LinkSpec.bridge("br0").up()).index();
    CidrAddress address = CidrAddress.parse("10.77.0.1/24");
    Addresses addresses = netlink.addresses();

    addresses.add(bridge, address);

    assertErrno(() -> addresses.add(bridge, address), "EEXIST");
    addresses.replace(
        bridge, LinkAddressSpec.of(address).lasting(Duration.ofHours(1), Duration.ofMinutes(30)));
    assertThat(addresses.of(bridge))
        .filteredOn(found -> found.cidr().equals(address))
        .extracting(LinkAddress::origin)
        .containsExactly(LinkAddress.Origin.LEASED);
    addresses.remove(bridge, address);
    assertErrno(() -> addresses.remove(bridge, address), "EADDRNOTAVAIL");
    assertErrno(() -> addresses.add(4711, address), "ENODEV");
    assertInvalid(() -> CidrAddress.parse("10.77.0.1/33"), "prefixLength");
    addresses.add(
        bridge,
        LinkAddressSpec.of(CidrAddress.parse("fd00::1/64"))
            .withoutDuplicateDetection()
            .withoutPrefixRoute());
    assertThat(addresses.list())
        .extracting(found -> found.cidr().toString())
        .contains("fd00:0:0:0:0:0:0:1/64");
  }

  @Test
  void indexThatIsTakenIsNotChosen() {
    LinkRequests.Create taken = new LinkRequests.Create(LinkSpec.ifb("x0"), OptionalInt.of(1), 0);

    assertThat(taken).hasToString("add link \"x0\"");
    assertThat(netlink.batch(List.of(Change.of(taken))).get(0).failure())
        .map(failure -> failure.errnoName())
        .contains("EEXIST");
  }

  @Test
  void vethPeerHasTheNameThatItWasGiven() {
    Link made = links.create(
        LinkSpec.of("eth0", new LinkKind.Veth(Optional.of("peer0"), Optional.empty())));

    assertThat(links.find(made.parent().orElseThrow())).map(Link::name).contains("peer0");
    assertInvalid(
        () -> LinkSpec.of("eth1", new LinkKind.Veth(Optional.empty(), Optional.empty())), "peer");
  }

  @Test
  void groupWithOneLinkThatCannotGoStaysWhole() {
    links.create(LinkSpec.ifb("ifb7").withGroup(7));
    links.change(1, LinkChange.none().withGroup(7));

    assertErrno(() -> links.deleteGroup(7), "EOPNOTSUPP");

    assertThat(links.find("ifb7")).isPresent();
  }

  @Test
  void messageThatTheKernelDoesNotKnowIsUnsupported() {
    try (Conversation conversation = new Conversation(
        NetlinkSocket.open(Wire.NETLINK_ROUTE), Duration.ofSeconds(10), NetlinkException::new)) {
      assertErrno(
          () -> conversation.change(message -> message.begin(4000, Wire.NLM_F_ACK, 16)),
          "EOPNOTSUPP");
      assertErrno(
          () -> conversation.change(
              message -> message.begin(Rtnetlink.RTM_NEWLINK, Wire.NLM_F_ACK, 4)),
          "EINVAL");
    }
  }
}
