package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Wire;
import io.n0stack.n0core.net.netlink.LinkKind.MacvlanMode;
import io.n0stack.n0core.net.netlink.LinkKind.VlanProtocol;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The bytes of each message, which follow from the structures in the kernel's headers. */
class LinkMessagesTest {
  private static final int HEADERS = 32; // struct nlmsghdr and struct ifinfomsg
  private static final InetAddress GROUP = CidrAddress.literal("239.1.1.1");
  private static final InetAddress LOCAL = CidrAddress.literal("10.0.0.1");
  private static final InetAddress LOCAL6 = CidrAddress.literal("fd00::1");

  private FakeKernel kernel;
  private Netlink netlink;

  @BeforeEach
  void open() {
    assumeTrue(
        ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN,
        "the bytes are those of a little-endian");
    kernel = new FakeKernel();
    netlink = kernel.connect();
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }

  private static String attributes(LinkKind kind) {
    MessageWriter writer = new MessageWriter();
    writer.begin(Rtnetlink.RTM_NEWLINK, 0, Rtnetlink.IFINFO);
    LinkKindWriter.write(writer, kind);
    return hex(writer.copy()).substring(2 * HEADERS);
  }

  static Stream<Arguments> kinds() {
    return Stream.of(
        Arguments.of(new LinkKind.Ifb(), "0c001280" + "0800" + "0100" + "69666200"),
        Arguments.of(new LinkKind.Dummy(), "10001280" + "0a00" + "0100" + "64756d6d79000000"),
        Arguments.of(
            LinkKind.Bridge.usual().withVlanFiltering().withDefaultPvid(7),
            "24001280" + "0b00" + "0100" + "6272696467650000" + "14000280"
                + "0500" + "0700" + "01000000" // IFLA_BR_VLAN_FILTERING
                + "0600" + "2700" + "07000000"), // IFLA_BR_VLAN_DEFAULT_PVID
        Arguments.of(
            new LinkKind.Bridge(Switch.OFF, 1, Switch.ON, Switch.OFF, Duration.ofSeconds(10)),
            "2c001280" + "0b00" + "0100" + "6272696467650000" + "1c000280"
                + "0800" + "0400" + "e8030000" // IFLA_BR_AGEING_TIME
                + "0800" + "0500" + "01000000" // IFLA_BR_STP_STATE
                + "0500" + "1700" + "00000000"), // IFLA_BR_MCAST_SNOOPING
        Arguments.of(
            new LinkKind.Veth(Optional.of("eth0"), Optional.empty()),
            "34001280" + "0900" + "0100" + "7665746800000000" + "24000280" + "20000180"
                + "00000000" + "00000000" + "00000000" + "00000000" // ifinfomsg of the peer
                + "0900" + "0300" + "6574683000000000"),
        Arguments.of(
            LinkKind.Vlan.of(5, 100),
            "0800" + "0500" + "05000000" // IFLA_LINK
                + "24001280" + "0900" + "0100" + "766c616e00000000" + "14000280"
                + "0600" + "0100" + "64000000" // IFLA_VLAN_ID
                + "0600" + "0500" + "81000000"), // IFLA_VLAN_PROTOCOL, in network order
        Arguments.of(
            new LinkKind.Vlan(5, 9, VlanProtocol.IEEE_802_1AD, Map.of(1, 2), Map.of(3, 4)),
            "0800" + "0500" + "05000000"
                + "44001280" + "0900" + "0100" + "766c616e00000000" + "34000280"
                + "0600" + "0100" + "09000000"
                + "0600" + "0500" + "88a80000"
                + "10000480" + "0c00" + "0100" + "01000000" + "02000000" // ingress
                + "10000380" + "0c00" + "0100" + "03000000" + "04000000"), // egress
        Arguments.of(
            LinkKind.Vxlan.of(42).withRemote(GROUP, 3).withLocal(LOCAL),
            "44001280" + "0a00" + "0100" + "76786c616e000000" + "34000280"
                + "0800" + "0100" + "2a000000" // IFLA_VXLAN_ID
                + "0800" + "0200" + "ef010101" // IFLA_VXLAN_GROUP
                + "0800" + "0300" + "03000000" // IFLA_VXLAN_LINK
                + "0800" + "0400" + "0a000001" // IFLA_VXLAN_LOCAL
                + "0500" + "0700" + "01000000" // IFLA_VXLAN_LEARNING
                + "0600" + "0f00" + "12b50000"), // IFLA_VXLAN_PORT 4789, in network order
        Arguments.of(
            new LinkKind.Vxlan(
                1, Optional.empty(), Optional.of(LOCAL6), OptionalInt.empty(), 1, Switch.OFF, 9),
            "48001280" + "0a00" + "0100" + "76786c616e000000" + "38000280"
                + "0800" + "0100" + "01000000"
                + "1400" + "1100" + "fd000000000000000000000000000001" // IFLA_VXLAN_LOCAL6
                + "0500" + "0500" + "09000000" // IFLA_VXLAN_TTL
                + "0500" + "0700" + "00000000"
                + "0600" + "0f00" + "00010000"),
        Arguments.of(
            new LinkKind.Macvlan(5, MacvlanMode.BRIDGE),
            "0800" + "0500" + "05000000"
                + "1c001280" + "0c00" + "0100" + "6d6163766c616e00" + "0c000280"
                + "0800" + "0100" + "04000000"),
        Arguments.of(
            new LinkKind.Macvtap(5, MacvlanMode.PASSTHRU),
            "0800" + "0500" + "05000000"
                + "1c001280" + "0c00" + "0100" + "6d61637674617000" + "0c000280"
                + "0800" + "0100" + "08000000"),
        Arguments.of(
            LinkKind.Bond.of(LinkKind.BondMode.LACP),
            "24001280" + "0900" + "0100" + "626f6e6400000000" + "14000280"
                + "0500" + "0100" + "04000000" // IFLA_BOND_MODE
                + "0800" + "0300" + "64000000"), // IFLA_BOND_MIIMON
        Arguments.of(
            new LinkKind.Vrf(4242424242L),
            "18001280" + "0800" + "0100" + "76726600" + "0c000280" + "0800" + "0100" + "b241defc"),
        Arguments.of(
            new LinkKind.Other("quantum", "08000100deadbeef"),
            "1c001280" + "0c00" + "0100" + "7175616e74756d00" + "0c000280" + "08000100deadbeef"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("kinds")
  void kindIsWrittenAsTheKernelReadsIt(LinkKind kind, String bytes) {
    assertThat(attributes(kind)).isEqualTo(bytes);
  }

  /** What the kernel sends back has the same form but for the end of a veth. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("kinds")
  void kindIsReadAsItIsWritten(LinkKind kind, String bytes) {
    kernel.answer(FakeKernel.link(5, "x0", HexFormat.of().parseHex(bytes)));

    LinkKind read = netlink.links().find(5).orElseThrow().kind();

    if (kind instanceof LinkKind.Veth) {
      assertThat(read).isEqualTo(LinkKind.Veth.READ);
    } else if (kind instanceof LinkKind.Bridge) {
      // The kernel tells all about a bridge, and a spec only what is unusual.
      assertThat(read).isInstanceOf(LinkKind.Bridge.class);
    } else {
      assertThat(read).isEqualTo(kind);
    }
  }

  @Test
  void kindWithNumbersBeyondOurRulesPassesThroughWhole() {
    String data = "08000100" + "ffffffff" + "06000f00" + "12b50000";
    String info = "24001280" + "0a000100" + "76786c616e000000" + "14000280" + data;
    kernel.answer(FakeKernel.link(5, "x0", HexFormat.of().parseHex(info)));

    assertThat(netlink.links().find(5).orElseThrow().kind())
        .isEqualTo(new LinkKind.Other("vxlan", data));
  }

  @Test
  void changeOfALinkIsOneMessage() {
    kernel.answer(FakeKernel.ack());

    netlink
        .links()
        .change(
            5,
            LinkChange.none()
                .down()
                .withName("eth9")
                .withGroup(7)
                .withTransmitQueueLength(99)
                .withPromiscuous(Switch.ON));

    assertThat(hex(kernel.sent().get(0)))
        .isEqualTo("3c000000" + "1300" + "0500" + "01000000" + "07000000"
            + "00000000" + "05000000" + "00010000" + "01010000" // IFF_PROMISC set, IFF_UP not
            + "0900" + "0300" + "6574683900000000"
            + "0800" + "1b00" + "07000000"
            + "0800" + "0d00" + "63000000");
  }

  @Test
  void groupIsDeletedByItsNumber() {
    kernel.answer(FakeKernel.ack());

    netlink.links().deleteGroup(7);

    assertThat(hex(kernel.sent().get(0)))
        .isEqualTo("28000000" + "1100" + "0500" + "01000000" + "07000000" + "00000000" + "00000000"
            + "00000000" + "00000000" + "0800" + "1b00" + "07000000");
    assertThatThrownBy(() -> netlink.links().deleteGroup(0))
        .isInstanceOf(N0Exception.class)
        .hasMessageContaining("group");
  }

  @Test
  void longNameIsAskedForAsAlternativeOnly() {
    kernel.answer(FakeKernel.error(19, ""));

    assertThat(netlink.links().find("a-name-of-18-bytes")).isEmpty();

    assertThat(hex(kernel.sent().get(0)).substring(2 * HEADERS))
        .isEqualTo(
            "1700" + "3500" + hex("a-name-of-18-bytes".getBytes(StandardCharsets.UTF_8)) + "0000");
  }

  @Test
  void vlansOfABridgePortAreOneRange() {
    kernel.answer(FakeKernel.ack());
    kernel.answer(FakeKernel.ack());

    netlink.bridges().vlans().add(5, BridgeVlan.range(10, 20));
    netlink.bridges().vlans().removeOwn(6, BridgeVlan.access(7));

    assertThat(hex(kernel.sent().get(0)))
        .isEqualTo("3c000000" + "1300" + "0500" + "01000000" + "07000000"
            + "07000000" + "05000000" + "00000000" + "00000000"
            + "1c001a80" + "0600" + "0000" + "01000000" // BRIDGE_FLAGS_MASTER
            + "0800" + "0200" + "08000a00" // BRIDGE_VLAN_INFO_RANGE_BEGIN
            + "0800" + "0200" + "10001400"); // BRIDGE_VLAN_INFO_RANGE_END
    assertThat(hex(kernel.sent().get(1)).substring(2 * HEADERS))
        .isEqualTo("14001a80" + "0600" + "0000" + "02000000" + "0800" + "0200" + "06000700");
  }

  @Test
  void rangesOfVlansAreReadAsRanges() {
    byte[] own = FakeKernel.message(
        Rtnetlink.RTM_NEWLINK,
        0,
        HexFormat.of()
            .parseHex("07000000" + "05000000" + "00000000" + "00000000"
                + "1c001a00" + "0800" + "0200" + "06000100"
                + "0800" + "0200" + "08000a00" + "0800" + "0200" + "10001400"));
    kernel.answer(
        FakeKernel.sequenced(own, FakeKernel.SAME),
        FakeKernel.sequenced(FakeKernel.done(), FakeKernel.SAME));

    assertThat(netlink.bridges().vlans().of(5))
        .containsExactly(BridgeVlan.access(1), BridgeVlan.range(10, 20));
  }

  @Test
  void flagOfABridgePortIsAnAttributeOfItsOwn() {
    kernel.answer(FakeKernel.ack());

    netlink
        .bridges()
        .changePort(
            5,
            BridgePortChange.none()
                .with(BridgePortChange.Flag.ISOLATED, Switch.ON)
                .withPriority(3));

    assertThat(hex(kernel.sent().get(0)))
        .isEqualTo("34000000" + "1300" + "0500" + "01000000" + "07000000"
            + "07000000" + "05000000" + "00000000" + "00000000"
            + "14000c80" + "0600" + "0200" + "03000000" + "0500" + "2100" + "01000000");
  }

  @Test
  void addressHasItsLifetimesAndFlags() {
    kernel.answer(FakeKernel.ack());

    netlink
        .addresses()
        .replace(
            5,
            LinkAddressSpec.of(CidrAddress.parse("fd00::1/64"))
                .withoutDuplicateDetection()
                .withoutPrefixRoute()
                .lasting(Duration.ofSeconds(60), Duration.ofSeconds(30)));

    assertThat(hex(kernel.sent().get(0)))
        .isEqualTo("5c000000" + "1400" + "0505" + "01000000" + "07000000"
            + "0a400000" + "05000000"
            + "1400" + "0200" + "fd000000000000000000000000000001"
            + "1400" + "0100" + "fd000000000000000000000000000001"
            + "0800" + "0800" + "02020000" // IFA_F_NODAD, IFA_F_NOPREFIXROUTE
            + "1400" + "0600" + "1e000000" + "3c000000" + "00000000" + "00000000");
  }

  @Test
  void batchAsksForOneAcknowledgementAndHearsOfEachFailure() {
    // All messages of a datagram are counted from its first number.
    kernel.answer(offset(FakeKernel.error(19, "no such device"), 1), offset(FakeKernel.ack(), 2));

    List<BatchResult> results = netlink.batch(List.of(
        Links.changing(5, LinkChange.none().withMtu(1400)),
        Links.changing(6, LinkChange.none().withMtu(1400)),
        Links.deleting(7)));

    assertThat(results)
        .extracting(result -> result.failure().isPresent())
        .containsExactly(false, true, false);
    assertThat(results.get(1).failure().orElseThrow())
        .isInstanceOf(NetlinkException.class)
        .hasMessageContaining("set link 6")
        .hasMessageContaining("no such device");
    ByteBuffer sent = FakeKernel.buffer(kernel.sent().get(0));
    assertThat(List.of(sent.getShort(6), sent.getShort(46), sent.getShort(86)))
        .containsExactly((short) 1, (short) 1, (short) 5);
  }

  private static byte[] offset(byte[] datagram, int message) {
    return FakeKernel.sequenced(datagram, FakeKernel.SAME - message);
  }

  @Test
  void answerThatDidNotFitIsAskedForAgain() {
    byte[] large = FakeKernel.link(5, "br0", FakeKernel.attribute(77, new byte[40_000]));
    kernel.answerTruncated();
    kernel.answer(large);

    assertThat(netlink.links().find("br0")).map(Link::index).contains(5);
    assertThat(kernel.sent()).hasSize(2);
  }

  @Test
  void wordsAboutASuccessAreAWarning() {
    List<NetlinkWarning> warnings = new ArrayList<>();
    Netlink listening = Netlink.over(
        kernel,
        NetlinkOptions.usual().withLimit(Duration.ofMillis(200)).withWarnings(warnings::add));
    kernel.answer(FakeKernel.message(
        Wire.NLMSG_ERROR,
        Wire.NLM_F_CAPPED | Wire.NLM_F_ACK_TLVS,
        FakeKernel.integers(0, 16, 0, 0, 0),
        FakeKernel.text(Wire.NLMSGERR_ATTR_MSG, "bytes leftover after parsing attributes")));

    listening.links().delete(5);

    assertThat(warnings)
        .containsExactly(
            new NetlinkWarning("delete link 5", "bytes leftover after parsing attributes"));
  }

  @Test
  void errorNamesTheAttributesAroundIt() {
    kernel.answer(FakeKernel.message(
        Wire.NLMSG_ERROR,
        Wire.NLM_F_CAPPED | Wire.NLM_F_ACK_TLVS,
        FakeKernel.integers(-34, 16, 0, 0, 0),
        FakeKernel.attribute(Wire.NLMSGERR_ATTR_OFFS, FakeKernel.integers(60)),
        FakeKernel.attribute(Wire.NLMSGERR_ATTR_MISS_TYPE, FakeKernel.integers(3))));

    assertThatThrownBy(() ->
            netlink.links().create(LinkSpec.of("vx0", LinkKind.Vxlan.of(7)).withMtu(1000)))
        .isInstanceOfSatisfying(NetlinkException.class, e -> {
          assertThat(e.attributePath()).containsExactly(18, 1);
          assertThat(e.missingAttribute()).hasValue(3);
        });
  }

  @Test
  void changeByNameBearsTheNameInTheAttributeOfItsLength() {
    MessageWriter few = new MessageWriter();
    new LinkRequests.SetByName("br0", LinkChange.none().withMtu(1400)).write(few);
    MessageWriter many = new MessageWriter();
    new LinkRequests.SetByName("more-than-fifteen", LinkChange.none().withMtu(1400)).write(many);

    assertThat(hex(few.copy()).substring(2 * HEADERS))
        .isEqualTo("08000300" + "62723000" + "0800" + "0400" + "78050000"); // IFLA_IFNAME, IFLA_MTU
    assertThat(hex(many.copy()).substring(2 * HEADERS))
        .isEqualTo("16003500" + "6d6f72652d7468616e2d6669667465656e000000" // IFLA_ALT_IFNAME
            + "0800" + "0400" + "78050000");
  }
}
