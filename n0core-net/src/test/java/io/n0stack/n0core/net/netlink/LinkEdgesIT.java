package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.internal.Conversation;
import io.n0stack.n0core.net.internal.NetlinkSocket;
import io.n0stack.n0core.net.internal.Wire;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the kernel refuses, and what it does although one would not think so. */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class LinkEdgesIT {
  private static final int LOOPBACK = 1;
  private static final int MISSING = 4711;
  private static final int MOST_PORTS = 1023; // BR_MAX_PORTS less the one that is none

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

  private void enslave(int link, int master) {
    links.change(link, LinkChange.none().withMaster(master));
  }

  @ParameterizedTest
  @ValueSource(strings = {"0123456789abcde", "brücke0", "-", "a.b", "..."})
  void namesThatTheKernelTakesAreTaken(String name) {
    int index = links.create(LinkSpec.bridge(name)).index();

    assertThat(links.find(name)).map(Link::index).contains(index);
    assertThat(links.find(index)).map(Link::name).contains(name);
  }

  @Test
  void alternativeNameIsUpTo127BytesAndTakesTheNameFromOthers() {
    int index = links.create(LinkSpec.bridge("br0")).index();
    String longest = "n".repeat(127);

    links.addAlternativeName(index, longest);
    links.addAlternativeName(index, "short");

    assertThat(links.find(longest)).map(Link::index).contains(index);
    assertThat(links.find("short")).map(Link::index).contains(index);
    Refused.byUs(() -> links.addAlternativeName(index, "n".repeat(128)), "name");
    Refused.byKernel(() -> links.addAlternativeName(index, "short"), Code.ALREADY_EXISTS, "EEXIST");
    Refused.byKernel(() -> links.create(LinkSpec.ifb("short")), Code.ALREADY_EXISTS, "EEXIST");
    Refused.byKernel(() -> links.removeAlternativeName(index, "other"), Code.NOT_FOUND, "ENOENT");
  }

  @Test
  void nameThatALinkOfAnotherKindHasIsTaken() {
    links.create(LinkSpec.ifb("taken"));

    Refused.byKernel(() -> links.create(LinkSpec.bridge("taken")), Code.ALREADY_EXISTS, "EEXIST");
    Refused.byKernel(
        () -> links.create(LinkSpec.bridge("taken").withAlias("mine")),
        Code.ALREADY_EXISTS,
        "EEXIST");
    assertThat(links.find("taken")).map(Link::kind).contains(new LinkKind.Ifb());
  }

  @Test
  void kindThatTheKernelDoesNotKnowIsUnsupportedInItsWords() {
    LinkSpec spec = LinkSpec.of("q0", new LinkKind.Other("quantum", ""));

    Refused.byKernel(() -> links.create(spec), Code.UNSUPPORTED, "EOPNOTSUPP");
    assertThatThrownBy(() -> links.create(spec)).hasMessageContaining("Unknown device type");
  }

  @Test
  void vethWhosePeersNameIsTakenIsNotHalfMade() {
    links.create(LinkSpec.ifb("taken"));

    Refused.byKernel(
        () -> links.create(LinkSpec.veth("eth1", "taken")), Code.ALREADY_EXISTS, "EEXIST");

    assertThat(links.find("eth1")).isEmpty();
  }

  @Test
  void secondVxlanOfANetworkAndPortIsRefused() {
    links.create(LinkSpec.of("vxlan7", LinkKind.Vxlan.of(7)));

    Refused.byKernel(
        () -> links.create(LinkSpec.of("again", LinkKind.Vxlan.of(7))),
        Code.ALREADY_EXISTS,
        "EEXIST");
    assertThat(links.find("vxlan7").orElseThrow().kind())
        .isInstanceOfSatisfying(
            LinkKind.Vxlan.class, vxlan -> assertThat(vxlan.port()).isEqualTo(4789));
    Refused.byUs(() -> LinkKind.Vxlan.of(1 << 24), "vni");
  }

  @Test
  void portStaysWhereItIsAndMovesBetweenBridges() {
    int first = links.create(LinkSpec.bridge("br0")).index();
    int second = links.create(LinkSpec.bridge("br1")).index();
    int port = links.create(LinkSpec.ifb("port0").withMaster(first)).index();

    enslave(port, first);
    assertThat(links.portsOf(first)).extracting(Link::index).containsExactly(port);
    enslave(port, second);

    assertThat(links.portsOf(first)).isEmpty();
    assertThat(links.portsOf(second)).extracting(Link::index).containsExactly(port);
  }

  @Test
  void whatCannotBeAPortIsRefused() {
    int bridge = links.create(LinkSpec.bridge("br0")).index();
    int other = links.create(LinkSpec.bridge("br1")).index();
    int ifb = links.create(LinkSpec.ifb("ifb7")).index();

    for (int port : List.of(bridge, other, LOOPBACK)) {
      assertThatThrownBy(() -> enslave(port, bridge))
          .isInstanceOfSatisfying(
              NetlinkException.class,
              e ->
                  // Kernels before 5.5 or so say ELOOP of a bridge in a bridge.
                  assertThat(e.errnoName()).isIn("EINVAL", "ELOOP"));
    }
    Refused.byKernel(() -> enslave(bridge, ifb), Code.UNSUPPORTED, "EOPNOTSUPP");
    Refused.byKernel(() -> enslave(bridge, MISSING), Code.INVALID, "EINVAL");
    Refused.byKernel(() -> enslave(MISSING, bridge), Code.NOT_FOUND, "ENODEV");
  }

  @Test
  void bridgeIsFullWithTooManyPorts() {
    int bridge = links.create(LinkSpec.bridge("br0")).index();
    List<Change> ports = IntStream.range(0, MOST_PORTS)
        .mapToObj(i -> Links.creating(LinkSpec.ifb("p" + i).withMaster(bridge).withGroup(7)))
        .toList();

    assertThat(netlink.batch(ports)).allMatch(result -> result.failure().isEmpty());

    Refused.byKernel(
        () -> links.create(LinkSpec.ifb("last").withMaster(bridge)), Code.EXHAUSTED, "EXFULL");
    assertThat(links.find("last")).isEmpty();
    links.deleteGroup(7);
    assertThat(links.portsOf(bridge)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {67, 65536})
  void mtuThatALinkCannotHaveIsRefusedInTheKernelsWords(int mtu) {
    int link = links.create(LinkSpec.veth("eth1", "peer1")).index();

    Refused.byKernel(
        () -> links.change(link, LinkChange.none().withMtu(mtu)), Code.INVALID, "EINVAL");

    assertThatThrownBy(() -> links.change(link, LinkChange.none().withMtu(mtu)))
        .isInstanceOfSatisfying(
            NetlinkException.class,
            e -> assertThat(e.kernelMessage().orElseThrow()).contains("mtu"));
    assertThat(links.find(link)).map(Link::mtu).contains(1500);
  }

  @Test
  void nameOfAnotherLinkCannotBeTaken() {
    int link = links.create(LinkSpec.ifb("ifb7")).index();
    links.create(LinkSpec.ifb("ifb8"));

    Refused.byKernel(
        () -> links.change(link, LinkChange.none().withName("ifb8")),
        Code.ALREADY_EXISTS,
        "EEXIST");
    links.change(link, LinkChange.none().withName("ifb9"));

    assertThat(links.find("ifb9")).map(Link::index).contains(link);
    assertThat(links.find("ifb7")).isEmpty();
  }

  @Test
  void aliasIsUpTo255Bytes() {
    int link = links.create(LinkSpec.ifb("ifb7")).index();
    String longest = "ä".repeat(127) + "a";

    links.change(link, LinkChange.none().withAlias(longest));

    assertThat(links.find(link).orElseThrow().alias()).contains(longest);
    Refused.byUs(() -> LinkChange.none().withAlias("a".repeat(256)), "alias");
  }

  @Test
  void whatCannotBeDeletedStays() {
    Refused.byKernel(() -> links.delete(LOOPBACK), Code.UNSUPPORTED, "EOPNOTSUPP");
    Refused.byKernel(() -> links.delete(MISSING), Code.NOT_FOUND, "ENODEV");
    Refused.byKernel(() -> links.deleteGroup(MISSING), Code.NOT_FOUND, "ENODEV");
    Refused.byUs(() -> links.deleteGroup(0), "group");

    assertThat(links.find("lo")).isPresent();
  }

  @Test
  void groupWithOneLinkThatCannotGoStaysWhole() {
    links.create(LinkSpec.ifb("ifb7").withGroup(7));
    links.change(LOOPBACK, LinkChange.none().withGroup(7));

    Refused.byKernel(() -> links.deleteGroup(7), Code.UNSUPPORTED, "EOPNOTSUPP");

    assertThat(links.find("ifb7")).isPresent();
  }

  @Test
  void messageThatTheKernelDoesNotKnowIsUnsupported() {
    try (Conversation conversation = new Conversation(
        NetlinkSocket.open(Wire.NETLINK_ROUTE), Duration.ofSeconds(10), NetlinkException::new)) {
      Refused.byKernel(
          () -> conversation.change(message -> message.begin(4000, Wire.NLM_F_ACK, 16)),
          Code.UNSUPPORTED,
          "EOPNOTSUPP");
      Refused.byKernel(
          () -> conversation.change(
              message -> message.begin(Rtnetlink.RTM_NEWLINK, Wire.NLM_F_ACK, 4)),
          Code.INVALID,
          "EINVAL");
    }
  }
}
