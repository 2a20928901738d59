package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.LinkKind.Bridge;
import io.n0stack.n0core.net.netlink.LinkKind.Dummy;
import io.n0stack.n0core.net.tap.Tap;
import io.n0stack.n0core.tck.child.InUserModeLinux;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** VLAN filtering: what the kernel says of it, and what it does to frames. */
@InUserModeLinux
@IsolatedNetwork
class BridgeVlansUml {
  private static final BridgeVlan DEFAULT = BridgeVlan.access(1);
  private static final String BROADCAST = "ffffffffffff";
  private static final String SOURCE = "525400123456";
  private static final String EXPERIMENT = "88b5"; // the EtherType for local experiments

  private final List<Tap> taps = new ArrayList<>();
  private Netlink netlink;
  private BridgeVlans vlans;
  private int bridge;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    vlans = netlink.bridges().vlans();
    bridge = netlink
        .links()
        .create(LinkSpec.of("br0", Bridge.usual().withVlanFiltering()).up())
        .index();
  }

  @AfterEach
  void close() {
    taps.forEach(Tap::close);
    netlink.close();
  }

  private int port() {
    return netlink
        .links()
        .create(LinkSpec.of("dummy0", new Dummy()).withMaster(bridge).up())
        .index();
  }

  private Tap tap(String name, BridgeVlan... members) {
    Tap tap = Tap.create(name);
    taps.add(tap);
    int index = netlink.links().find(name).orElseThrow().index();
    netlink.links().change(index, LinkChange.none().withMaster(bridge).up());
    vlans.remove(index, DEFAULT);
    for (BridgeVlan vlan : members) {
      vlans.add(index, vlan);
    }
    await()
        .until(() ->
            netlink.bridges().port(index).orElseThrow().state() == BridgePort.State.FORWARDING);
    return tap;
  }

  private static void send(Tap tap, String afterAddresses) {
    send(tap, BROADCAST, afterAddresses);
  }

  private static void send(Tap tap, String destination, String afterAddresses) {
    String frame = destination + SOURCE + afterAddresses + "00".repeat(46);
    tap.write(ByteBuffer.wrap(HexFormat.of().parseHex(frame)));
  }

  /** Up to the EtherType, of frames that the tests sent. */
  private static List<String> received(Tap tap) {
    List<String> frames = new ArrayList<>();
    ByteBuffer into = ByteBuffer.allocate(2000);
    int length = tap.read(into);
    while (length > 0) {
      String frame = HexFormat.of().formatHex(into.array(), 0, length);
      if (frame.startsWith(SOURCE, BROADCAST.length())) {
        frames.add(frame.substring(2 * SOURCE.length(), frame.indexOf(EXPERIMENT)));
      }
      length = tap.read(into.clear());
    }
    return frames;
  }

  @Test
  void vlansAreAddedListedAndRemovedAsRanges() {
    int port = port();
    assertThat(vlans.of(port)).containsExactly(DEFAULT);

    vlans.add(port, BridgeVlan.range(100, 199));
    vlans.add(port, BridgeVlan.tagged(50));
    vlans.add(port, BridgeVlan.access(10));
    BridgeVlan noMorePvid = new BridgeVlan(1, 1, Switch.OFF, Switch.ON);
    assertThat(vlans.of(port))
        .containsExactly(
            noMorePvid, BridgeVlan.access(10), BridgeVlan.tagged(50), BridgeVlan.range(100, 199));

    vlans.remove(port, BridgeVlan.range(150, 160));
    vlans.remove(port, DEFAULT);
    assertThat(vlans.of(port))
        .containsExactly(
            BridgeVlan.access(10),
            BridgeVlan.tagged(50),
            BridgeVlan.range(100, 149),
            BridgeVlan.range(161, 199));
    assertThat(vlans.of(bridge)).containsExactly(DEFAULT);
  }

  @Test
  void aPortIsInAllVlansByOneMessage() {
    int port = port();

    vlans.add(port, BridgeVlan.range(2, 4094));

    assertThat(vlans.of(port)).containsExactly(DEFAULT, BridgeVlan.range(2, 4094));
  }

  @Test
  void theBridgeItselfIsInVlansOfItsOwn() {
    int port = port();

    vlans.addOwn(bridge, BridgeVlan.range(20, 29));
    assertThat(vlans.of(bridge)).containsExactly(DEFAULT, BridgeVlan.range(20, 29));
    assertThat(vlans.of(port)).containsExactly(DEFAULT);

    vlans.removeOwn(bridge, BridgeVlan.range(20, 29));
    assertThat(vlans.of(bridge)).containsExactly(DEFAULT);
  }

  @Test
  void batchTellsOfEachPort() {
    int port = port();
    int noPort = netlink.links().create(LinkSpec.of("dummy1", new Dummy())).index();

    List<BatchResult> results = netlink.batch(List.of(
        BridgeVlans.adding(port, BridgeVlan.tagged(7)),
        BridgeVlans.adding(noPort, BridgeVlan.tagged(7)),
        BridgeVlans.removing(port, DEFAULT)));

    assertThat(results)
        .extracting(result -> result.failure().isPresent())
        .containsExactly(false, true, false);
    assertThat(vlans.of(port)).containsExactly(BridgeVlan.tagged(7));
    assertThat(vlans.of(noPort)).isEmpty();
  }

  @Test
  void linkThatIsNoPortIsRefused() {
    int noPort = netlink.links().create(LinkSpec.of("dummy1", new Dummy())).index();

    assertThatThrownBy(() -> vlans.add(noPort, BridgeVlan.tagged(7)))
        .isInstanceOf(NetlinkException.class);
    assertThatThrownBy(() -> vlans.add(4711, BridgeVlan.tagged(7)))
        .isInstanceOfSatisfying(
            NetlinkException.class,
            e -> assertThat(e.code()).isEqualTo(N0Exception.Code.NOT_FOUND));
  }

  @Test
  void frameCrossesTheBridgeWithinItsVlanOnly() {
    Tap ten = tap("ten", BridgeVlan.access(10));
    Tap twenty = tap("twenty", BridgeVlan.access(20));
    Tap trunk = tap("trunk", BridgeVlan.range(10, 20));

    send(ten, EXPERIMENT);
    assertThat(await().until(() -> received(trunk), frames -> !frames.isEmpty()))
        .containsExactly("8100" + "000a");

    send(trunk, "8100" + "0014" + EXPERIMENT);
    assertThat(await().until(() -> received(twenty), frames -> !frames.isEmpty()))
        .containsExactly("");
    assertThat(received(ten)).isEmpty();

    send(trunk, EXPERIMENT); // in no VLAN
    send(trunk, "8100" + "0015" + EXPERIMENT); // in one that it is not in
    send(trunk, "8100" + "000a" + EXPERIMENT);
    assertThat(await().until(() -> received(ten), frames -> !frames.isEmpty())).containsExactly("");
    assertThat(received(twenty)).isEmpty();
  }

  @Test
  void addressIsBehindAPortInOneVlanAlone() {
    MacAddress mac = MacAddress.parse("52:54:00:00:00:77");
    Tap source = tap("source", BridgeVlan.range(10, 20));
    Tap known = tap("known", BridgeVlan.range(10, 20));
    Tap other = tap("other", BridgeVlan.range(10, 20));
    int port = netlink.links().find("known").orElseThrow().index();
    FdbEntry entry = FdbEntry.behind(port, mac).withVlan(10);

    netlink.forwarding().add(entry);

    assertThat(netlink.forwarding().find(entry)).contains(entry);
    assertThat(netlink.forwarding().ofBridge(bridge)).contains(entry);
    send(source, "525400000077", "8100" + "000a" + EXPERIMENT); // not flooded
    send(source, "525400000077", "8100" + "000b" + EXPERIMENT);
    assertThat(await().until(() -> received(other), frames -> !frames.isEmpty()))
        .containsExactly("8100" + "000b");
    assertThat(received(known)).containsExactly("8100" + "000a", "8100" + "000b");

    netlink.forwarding().remove(entry);
    assertThat(netlink.forwarding().ofBridge(bridge)).doesNotContain(entry);
  }
}
