package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.LinkKind.Vlan;
import io.n0stack.n0core.net.netlink.LinkKind.VlanProtocol;
import io.n0stack.n0core.net.tap.Tap;
import io.n0stack.n0core.tck.child.InUserModeLinux;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.HexFormat;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** VLAN links on a tap, at whose other end the tags are seen. */
@InUserModeLinux
@IsolatedNetwork
class VlanUml {
  private static final String BROADCAST = "ffffffffffff";
  private static final int AFTER_ADDRESSES = 2 * 12; // hexadecimal digits of two MAC addresses
  private static final int LOW_DELAY = 0x10; // IPTOS_LOWDELAY, netinet/ip.h
  private static final int INTERACTIVE = 6; // TC_PRIO_INTERACTIVE, linux/pkt_sched.h, of low delay

  private Netlink netlink;
  private Tap tap;
  private int parent;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    tap = Tap.create("tap0");
    parent = netlink.links().find("tap0").orElseThrow().index();
    netlink.links().change(parent, LinkChange.none().up());
  }

  @AfterEach
  void close() {
    tap.close();
    netlink.close();
  }

  private Link create(String name, Vlan vlan) {
    return netlink.links().create(LinkSpec.of(name, vlan).up());
  }

  private void address(Link link) {
    netlink.addresses().add(link.index(), CidrAddress.parse("10.77.0.1/24"));
  }

  private static void broadcast() throws IOException {
    try (DatagramChannel channel = DatagramChannel.open(StandardProtocolFamily.INET)) {
      channel.setOption(StandardSocketOptions.SO_BROADCAST, true);
      channel.setOption(StandardSocketOptions.IP_TOS, LOW_DELAY);
      channel.send(
          ByteBuffer.wrap(new byte[] {'n', '0'}), new InetSocketAddress("10.77.0.255", 7777));
    }
  }

  /** Everything after the two addresses of the next broadcast. */
  private String received() {
    return await()
        .until(this::read, frame -> frame.startsWith(BROADCAST))
        .substring(AFTER_ADDRESSES);
  }

  private String read() {
    ByteBuffer frame = ByteBuffer.allocate(2000);
    return HexFormat.of().formatHex(frame.array(), 0, tap.read(frame));
  }

  private void send(String afterAddresses) {
    String frame = BROADCAST + "525400123456" + afterAddresses + "00".repeat(60);
    tap.write(ByteBuffer.wrap(HexFormat.of().parseHex(frame)));
  }

  private long arrivedAt(Link link) {
    return netlink.links().statistics(link.index()).receivedPackets();
  }

  @Test
  void vlanIsReadAsItWasMade() {
    Vlan kind =
        new Vlan(parent, 4094, VlanProtocol.IEEE_802_1Q, Map.of(1, 2, 7, 6), Map.of(6, 5, 1000, 7));

    Link made =
        netlink.links().create(LinkSpec.of("tap0.4094", kind).withMtu(1400).up());

    assertThat(made.kind()).isEqualTo(kind);
    assertThat(made.parent()).hasValue(parent);
    assertThat(made.mtu()).isEqualTo(1400);
    assertThat(made.mac()).isEqualTo(netlink.links().find(parent).orElseThrow().mac());
    assertThat(made.up()).isTrue();
    assertThat(netlink.links().ofKind("vlan")).containsExactly(made);
  }

  @Test
  void frameGetsTheTagWithTheMappedPriority() throws IOException {
    address(create(
        "vlan10",
        new Vlan(parent, 10, VlanProtocol.IEEE_802_1Q, Map.of(), Map.of(INTERACTIVE, 5))));

    broadcast();

    assertThat(received()).startsWith("8100" + "a00a" + "0800" + "45");
  }

  @Test
  void serviceTagIsAroundTheCustomersTag() throws IOException {
    Link outer = create("outer", Vlan.of(parent, 100).withProtocol(VlanProtocol.IEEE_802_1AD));
    Link inner = create("inner", Vlan.of(outer.index(), 10));
    address(inner);

    broadcast();
    assertThat(received()).startsWith("88a8" + "0064" + "8100" + "000a" + "0800" + "45");

    send("88a8" + "0064" + "8100" + "000a" + "88b5");
    await().until(() -> arrivedAt(inner) == 1 && arrivedAt(outer) == 1);
    assertThat(outer.kind())
        .isEqualTo(new Vlan(parent, 100, VlanProtocol.IEEE_802_1AD, Map.of(), Map.of()));
  }

  @Test
  void vlanTakesTheFramesOfItsIdAndProtocolAlone() {
    Link ten = create("vlan10", Vlan.of(parent, 10));
    Link eleven = create("vlan11", Vlan.of(parent, 11));
    Link service = create("svlan10", Vlan.of(parent, 10).withProtocol(VlanProtocol.IEEE_802_1AD));

    for (String tag :
        new String[] {"8100" + "000a", "8100" + "600a", "8100" + "000b", "88a8" + "000a", ""}) {
      send(tag + "88b5");
    }

    await().until(() -> arrivedAt(ten) == 2);
    assertThat(arrivedAt(eleven)).isEqualTo(1);
    assertThat(arrivedAt(service)).isEqualTo(1);
  }

  @Test
  void sameVlanTwiceIsRefusedAndOfAnotherProtocolIsNot() {
    create("vlan10", Vlan.of(parent, 10));

    assertThatThrownBy(() -> netlink.links().create(LinkSpec.of("again", Vlan.of(parent, 10))))
        .isInstanceOfSatisfying(NetlinkException.class, e -> {
          assertThat(e.code()).isEqualTo(N0Exception.Code.ALREADY_EXISTS);
          assertThat(e.kernelMessage()).isPresent();
        });
    assertThat(netlink.links().find("again")).isEmpty();

    create("svlan10", Vlan.of(parent, 10).withProtocol(VlanProtocol.IEEE_802_1AD));
  }

  @Test
  void vlanGoesWithItsParent() {
    create("vlan10", Vlan.of(parent, 10));

    tap.close();

    await().until(() -> netlink.links().find("vlan10").isEmpty());
  }
}
