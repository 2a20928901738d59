package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The bytes follow from the structures in the kernel's headers. */
class RouteMessagesTest {
  private static final String SEQUENCE_AND_PORT = "01000000" + "07000000";
  private static final MacAddress MAC = MacAddress.parse("52:54:00:12:34:56");

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

  private String sent() {
    assertThat(kernel.sent()).hasSize(1);
    return HexFormat.of().formatHex(kernel.sent().get(0));
  }

  private String sentFor(Change change) {
    kernel.answer(FakeKernel.ack());
    assertThat(netlink.batch(List.of(change)).get(0).failure()).isEmpty();
    return sent();
  }

  private static byte[] end() {
    return FakeKernel.sequenced(FakeKernel.done(), FakeKernel.SAME);
  }

  @Test
  void forwardingEntryNamesItsPortAndAddress() {
    assertThat(sentFor(ForwardingDatabase.adding(FdbEntry.behind(5, MAC).withVlan(100))))
        .isEqualTo("30000000" + "1c00" + "0506" + SEQUENCE_AND_PORT // RTM_NEWNEIGH, create, excl
            + "07000000" + "05000000" + "4200" + "04" + "00" // NOARP and REACHABLE, NTF_MASTER
            + "0a00" + "0200" + "5254001234560000" // NDA_LLADDR
            + "0600" + "0500" + "64000000"); // NDA_VLAN
  }

  @Test
  void entryOfAVxlanEndSaysAllAboutItsDestination() {
    FdbEntry entry = FdbEntry.flood(5, CidrAddress.literal("192.0.2.1"))
        .withPort(4789)
        .withVni(4711)
        .via(6)
        .with(FdbEntry.Flag.EXTERN_LEARN);

    assertThat(sentFor(ForwardingDatabase.appending(entry)))
        .isEqualTo("48000000" + "1c00" + "050c" + SEQUENCE_AND_PORT // create, append
            + "07000000" + "05000000" + "8000" + "12" + "00" // PERMANENT, NTF_SELF, NTF_EXT_LEARNED
            + "0a00" + "0200" + "0000000000000000"
            + "0800" + "0100" + "c0000201" // NDA_DST
            + "0600" + "0600" + "12b50000" // NDA_PORT in network order
            + "0800" + "0700" + "67120000" // NDA_VNI
            + "0800" + "0800" + "06000000"); // NDA_IFINDEX
  }

  @Test
  void forwardingEntryIsReplacedAndRemovedByTheSameWords() {
    FdbEntry entry = FdbEntry.behind(5, MAC).withState(FdbEntry.State.DYNAMIC);
    String rest =
        "07000000" + "05000000" + "0200" + "04" + "00" + "0a00" + "0200" + "5254001234560000";

    assertThat(sentFor(ForwardingDatabase.replacing(entry)))
        .isEqualTo("28000000" + "1c00" + "0505" + SEQUENCE_AND_PORT + rest);

    open();
    assertThat(sentFor(ForwardingDatabase.removing(entry)))
        .isEqualTo("28000000" + "1d00" + "0500" + SEQUENCE_AND_PORT + rest);
  }

  @Test
  void forwardingEntryIsFoundWithoutDump() {
    kernel.answer(FakeKernel.error(2, ""));

    assertThat(netlink.forwarding().find(FdbEntry.behind(5, MAC))).isEmpty();

    assertThat(sent())
        .isEqualTo("28000000" + "1e00" + "0100" + SEQUENCE_AND_PORT
            + "07000000" + "05000000" + "0000" + "04" + "00"
            + "0a00" + "0200" + "5254001234560000");
  }

  @Test
  void listsOfForwardingEntriesAreFilteredByTheKernel() {
    kernel.answer(end());
    netlink.forwarding().of(5);
    assertThat(sent())
        .isEqualTo("1c000000" + "1e00" + "0103" + SEQUENCE_AND_PORT + "07000000" + "05000000"
            + "00000000");

    open();
    kernel.answer(end());
    netlink.forwarding().ofBridge(5);
    assertThat(sent())
        .isEqualTo("24000000" + "1e00" + "0103" + SEQUENCE_AND_PORT
            + "07000000" + "00000000" + "00000000"
            + "0800" + "0900" + "05000000"); // NDA_MASTER
  }

  @Test
  void neighbourNamesLinkAddressAndState() {
    Neighbour neighbour = Neighbour.permanent(5, CidrAddress.literal("192.0.2.1"), MAC);
    String rest = "0800" + "0100" + "c0000201" + "0a00" + "0200" + "5254001234560000";

    assertThat(sentFor(Neighbours.adding(neighbour)))
        .isEqualTo("30000000" + "1c00" + "0506" + SEQUENCE_AND_PORT + "02000000" + "05000000"
            + "8000" + "00" + "00" + rest);

    open();
    Neighbour router = neighbour.withState(Neighbour.State.STALE).with(Neighbour.Flag.ROUTER);
    assertThat(sentFor(Neighbours.replacing(router)))
        .isEqualTo("30000000" + "1c00" + "0505" + SEQUENCE_AND_PORT + "02000000" + "05000000"
            + "0400" + "80" + "00" + rest);
  }

  @Test
  void proxyEntryHasNoStateAndIsRemovedAsOne() {
    Neighbour proxy = Neighbour.proxy(5, CidrAddress.literal("fd00::1"));
    String address = "1400" + "0100" + "fd000000000000000000000000000001";

    assertThat(sentFor(Neighbours.adding(proxy)))
        .isEqualTo("30000000" + "1c00" + "0506" + SEQUENCE_AND_PORT + "0a000000" + "05000000"
            + "0000" + "08" + "00" + address);

    open();
    assertThat(sentFor(Neighbours.removing(proxy)))
        .isEqualTo("30000000" + "1d00" + "0500" + SEQUENCE_AND_PORT + "0a000000" + "05000000"
            + "0000" + "08" + "00" + address);
  }

  @Test
  void neighboursAreAskedForByLinkAndAddress() {
    kernel.answer(FakeKernel.error(2, ""));
    assertThat(netlink.neighbours().find(5, CidrAddress.literal("192.0.2.1"))).isEmpty();
    assertThat(sent())
        .isEqualTo("24000000" + "1e00" + "0100" + SEQUENCE_AND_PORT + "02000000" + "05000000"
            + "00000000" + "0800" + "0100" + "c0000201");

    open();
    kernel.answer(end());
    netlink.neighbours().of(5);
    assertThat(sent())
        .isEqualTo("24000000" + "1e00" + "0103" + SEQUENCE_AND_PORT + "00000000" + "00000000"
            + "00000000" + "0800" + "0800" + "05000000");

    open();
    kernel.answer(end());
    netlink.neighbours().proxies();
    assertThat(sent())
        .isEqualTo("1c000000" + "1e00" + "0103" + SEQUENCE_AND_PORT + "00000000" + "00000000"
            + "0000" + "08" + "00");
  }

  @Test
  void routeSaysDestinationTableAndWay() {
    Route route = Route.to(CidrAddress.parse("10.1.0.0/16"))
        .by(NextHop.via(CidrAddress.literal("192.0.2.254")).through(5).onlink())
        .table(1000)
        .protocol(Route.STATIC)
        .metric(7)
        .source(CidrAddress.literal("192.0.2.1"))
        .mtu(1280)
        .build();

    assertThat(sentFor(Routes.adding(route)))
        .isEqualTo("58000000" + "1800" + "0506" + SEQUENCE_AND_PORT
            + "02100000" + "fc040001"
            + "04000000" // RT_TABLE_COMPAT, static, universe, unicast, onlink
            + "0800" + "0100" + "0a010000" // RTA_DST
            + "0800" + "0f00" + "e8030000" // RTA_TABLE
            + "0800" + "0600" + "07000000" // RTA_PRIORITY
            + "0800" + "0700" + "c0000201" // RTA_PREFSRC
            + "0c00" + "0880" + "0800" + "0200" + "00050000" // RTA_METRICS, RTAX_MTU
            + "0800" + "0400" + "05000000" // RTA_OIF
            + "0800" + "0500" + "c00002fe"); // RTA_GATEWAY
  }

  @Test
  void severalWaysAreARunOfStructures() {
    Route route = Route.to(CidrAddress.parse("0.0.0.0/0"))
        .by(NextHop.via(CidrAddress.literal("192.0.2.254")).through(5).withWeight(3))
        .by(NextHop.via(CidrAddress.literal("fd00::fe")).through(6).onlink())
        .build();

    assertThat(sentFor(Routes.appending(route)))
        .isEqualTo("50000000" + "1800" + "050c" + SEQUENCE_AND_PORT
            + "02000000" + "fe030001" + "00000000"
            + "3400" + "0980" // RTA_MULTIPATH
            + "1000" + "00" + "02" + "05000000" // weight 3
            + "0800" + "0500" + "c00002fe"
            + "2000" + "04" + "00" + "06000000" // onlink, weight 1
            + "1600" + "1200" + "0a00" + "fd0000000000000000000000000000fe" + "0000"); // RTA_VIA
  }

  @Test
  void routeIsReplacedAndRemovedByTheSameWords() {
    Route route = Route.to(CidrAddress.parse("2001:db8::/32"))
        .type(Route.Type.UNREACHABLE)
        .build();
    String rest =
        "0a200000" + "fe030007" + "00000000" + "1400" + "0100" + "20010db8000000000000000000000000";

    assertThat(sentFor(Routes.replacing(route)))
        .isEqualTo("30000000" + "1800" + "0505" + SEQUENCE_AND_PORT + rest);

    open();
    assertThat(sentFor(Routes.removing(route)))
        .isEqualTo("30000000" + "1900" + "0500" + SEQUENCE_AND_PORT + rest);
  }

  @Test
  void routesAreAskedForWithAllThatIsSaidAboutThePacket() {
    kernel.answer(FakeKernel.error(101, ""));
    RouteQuery packet = RouteQuery.to(CidrAddress.literal("10.1.2.3"))
        .from(CidrAddress.literal("192.0.2.1"))
        .cameInBy(5)
        .through(6)
        .withMark(0xffffffffL);

    assertThat(netlink.routes().match(packet)).isEmpty();

    assertThat(sent())
        .isEqualTo("44000000" + "1a00" + "0100" + SEQUENCE_AND_PORT
            + "02202000" + "00000000" + "00300000" // RTM_F_LOOKUP_TABLE, RTM_F_FIB_MATCH
            + "0800" + "0100" + "0a010203"
            + "0800" + "0200" + "c0000201" // RTA_SRC
            + "0800" + "0300" + "05000000" // RTA_IIF
            + "0800" + "0400" + "06000000" // RTA_OIF
            + "0800" + "1000" + "ffffffff"); // RTA_MARK
  }

  @Test
  void ipv6RefusesToBeAskedForTheTable() {
    kernel.answer(FakeKernel.error(101, ""));

    assertThat(netlink.routes().find(RouteQuery.to(CidrAddress.literal("fd00::1"))))
        .isEmpty();

    assertThat(sent())
        .isEqualTo("30000000" + "1a00" + "0100" + SEQUENCE_AND_PORT
            + "0a800000" + "00000000" + "00000000"
            + "1400" + "0100" + "fd000000000000000000000000000001");
  }

  @Test
  void listsOfRoutesAreFilteredByTheKernel() {
    kernel.answer(end());

    netlink.routes().list(RouteFilter.all().of(AddressFamily.IPV6).inTable(1000).through(5));

    assertThat(sent())
        .isEqualTo("2c000000" + "1a00" + "0103" + SEQUENCE_AND_PORT
            + "0a000000" + "fc000000" + "00000000"
            + "0800" + "0f00" + "e8030000"
            + "0800" + "0400" + "05000000");
  }

  @Test
  void ruleSaysSelectorsAndTable() {
    RoutingRule rule = RoutingRule.of(AddressFamily.IPV4)
        .priority(100)
        .from(CidrAddress.parse("10.1.0.0/16"))
        .to(CidrAddress.parse("10.2.0.0/24"))
        .input("in0")
        .output("out0")
        .mark(1, 0xff)
        .inverted()
        .table(1000)
        .suppressPrefixLength(0)
        .protocol(Route.STATIC)
        .build();

    assertThat(sentFor(RoutingRules.adding(rule)))
        .isEqualTo("70000000" + "2000" + "0506" + SEQUENCE_AND_PORT
            + "02181000" + "00000001" + "02000000" // FR_ACT_TO_TBL, FIB_RULE_INVERT
            + "0800" + "0f00" + "e8030000" // FRA_TABLE
            + "0800" + "0600" + "64000000" // FRA_PRIORITY
            + "0800" + "0100" + "0a020000" // FRA_DST
            + "0800" + "0200" + "0a010000" // FRA_SRC
            + "0800" + "0300" + "696e3000" // FRA_IIFNAME
            + "0900" + "1100" + "6f757430" + "00000000" // FRA_OIFNAME
            + "0800" + "0a00" + "01000000" // FRA_FWMARK
            + "0800" + "1000" + "ff000000" // FRA_FWMASK
            + "0800" + "0e00" + "00000000" // FRA_SUPPRESS_PREFIXLEN
            + "0500" + "1500" + "04000000"); // FRA_PROTOCOL
  }

  @Test
  void ruleOfVrfsNamesNoTable() {
    assertThat(sentFor(
            RoutingRules.adding(RoutingRule.of(AddressFamily.IPV6).vrfTable().build())))
        .isEqualTo("2c000000" + "2000" + "0506" + SEQUENCE_AND_PORT
            + "0a000000" + "00000001" + "00000000"
            + "0500" + "1300" + "01000000" // FRA_L3MDEV
            + "0500" + "1500" + "03000000");
  }

  @Test
  void jumpIsRemovedAsItWasAdded() {
    RoutingRule rule =
        RoutingRule.of(AddressFamily.IPV4).priority(1).jumpTo(100).build();

    assertThat(sentFor(RoutingRules.removing(rule)))
        .isEqualTo("34000000" + "2100" + "0500" + SEQUENCE_AND_PORT
            + "02000000" + "00000002" + "00000000"
            + "0800" + "0600" + "01000000"
            + "0800" + "0400" + "64000000" // FRA_GOTO
            + "0500" + "1500" + "03000000");
  }

  @Test
  void rulesAreListedByFamily() {
    kernel.answer(end());

    assertThat(netlink.rules().list(AddressFamily.IPV6)).isEmpty();

    assertThat(sent())
        .isEqualTo("1c000000" + "2200" + "0103" + SEQUENCE_AND_PORT + "0a000000" + "00000000"
            + "00000000");
  }
}
