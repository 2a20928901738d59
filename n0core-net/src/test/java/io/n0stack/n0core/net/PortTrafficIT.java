package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.net.netlink.BridgePort;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.netlink.TrafficHandle;
import io.n0stack.n0core.net.netlink.TrafficStatistics;
import io.n0stack.n0core.net.tap.Tap;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sends frames as guests would, through taps that the driver made. */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class PortTrafficIT {
  private static final MacAddress WEB1 = MacAddress.parse("52:54:00:00:00:01");
  private static final MacAddress WEB2 = MacAddress.parse("52:54:00:00:00:02");
  private static final MacAddress OUTSIDE = MacAddress.parse("52:54:00:00:00:99");
  private static final int EXPERIMENTAL = 0x88b5; // IEEE 802 local experimental
  private static final int IPV4 = 0x0800;
  private static final int FRAME = 1000;
  private static final int MANY = 200;

  @TempDir
  private Path directory;

  private final List<Tap> taps = new ArrayList<>();
  private Netlink netlink;
  private TapPortDriver driver;
  private NetworkStatus network;
  private Tap uplink;
  private byte markers;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    driver = TapPortDriver.open(NetConfig.of(directory));
    int bridge = netlink.links().create(LinkSpec.bridge("lan").up()).index();
    network = new NetworkStatus("lan", bridge, 1500, List.of());
    uplink = Tap.create("eth1");
    taps.add(uplink);
    int index = netlink.links().find("eth1").orElseThrow().index();
    netlink.links().change(index, LinkChange.none().withMaster(bridge).up());
    awaitForwarding(index);
  }

  @AfterEach
  void close() {
    taps.forEach(Tap::close);
    driver.close();
    netlink.close();
  }

  private static PortSpec.Builder port(MacAddress mac) {
    return PortSpec.builder("lan").mac(mac);
  }

  private PortStatus apply(String name, PortSpec spec) {
    ResourceId id = ResourceId.fresh("port", name);
    driver.apply(new StandaloneContext().with("network", "lan", network), id, spec);
    return ((Observed.Present<PortStatus>) driver.observe(id)).status();
  }

  /** Plugs a guest in, which then has the tap open. */
  private Tap guest(String name, PortSpec spec) {
    PortStatus status = apply(name, spec);
    Tap tap = Tap.open(status.tap());
    taps.add(tap);
    awaitForwarding(status.tapIndex());
    return tap;
  }

  /** A bridge learns a little later that a tap is held open. */
  private void awaitForwarding(int port) {
    await()
        .until(() ->
            netlink.bridges().port(port).orElseThrow().state() == BridgePort.State.FORWARDING);
  }

  private static ByteBuffer frame(MacAddress from, int type, int length) {
    return ByteBuffer.allocateDirect(length)
        .put(new byte[] {-1, -1, -1, -1, -1, -1})
        .put(from.octets())
        .putShort((short) type)
        .put(new byte[length - 14])
        .flip();
  }

  private static ByteBuffer ipv4(MacAddress from, String source) {
    ByteBuffer frame = frame(from, IPV4, 60);
    frame.put(14, (byte) 0x45).putShort(16, (short) 46).put(22, (byte) 64).put(23, (byte) 17);
    frame.put(26, CidrAddress.literal(source).getAddress());
    frame.put(30, new byte[] {-1, -1, -1, -1});
    // A bridge that shows packets to netfilter drops those with a wrong checksum.
    int sum = 0;
    for (int i = 14; i < 34; i += 2) {
      sum += Short.toUnsignedInt(frame.getShort(i));
    }
    return frame.putShort(24, (short) ~((sum & 0xffff) + (sum >>> 16)));
  }

  private static void send(Tap from, ByteBuffer frame) {
    assertThat(from.write(frame)).isPositive();
  }

  /** Sends a frame that passes, and looks whether the one before it has arrived, too. */
  private boolean arrives(Tap from, ByteBuffer frame, ByteBuffer marker, Tap to) {
    marker.put(marker.limit() - 1, ++markers);
    byte[] expected = octets(frame);
    byte[] last = octets(marker);
    List<byte[]> seen = new ArrayList<>();
    send(from, frame);
    send(from, marker);
    await().until(() -> {
      for (byte[] got = receive(to); got.length > 0; got = receive(to)) {
        seen.add(got);
      }
      return seen.stream().anyMatch(got -> Arrays.equals(got, last));
    });
    return seen.stream().anyMatch(got -> Arrays.equals(got, expected));
  }

  private static byte[] octets(ByteBuffer frame) {
    byte[] octets = new byte[frame.remaining()];
    frame.get(frame.position(), octets);
    return octets;
  }

  private static byte[] receive(Tap tap) {
    ByteBuffer into = ByteBuffer.allocateDirect(2048);
    int length = tap.read(into);
    byte[] octets = new byte[length];
    into.get(0, octets);
    return octets;
  }

  @Test
  void spoofedFramesAreDroppedAndGoodOnesPass() {
    Tap guest = guest(
        "web1",
        port(WEB1)
            .antiSpoof(PortSpec.AntiSpoof.STRICT)
            .addresses(CidrAddress.literal("10.77.0.2"))
            .build());
    ByteBuffer marker = ipv4(WEB1, "10.77.0.2");

    assertThat(arrives(guest, ipv4(WEB1, "10.77.0.2"), marker.duplicate(), uplink))
        .isTrue();
    assertThat(arrives(guest, ipv4(WEB2, "10.77.0.2"), marker.duplicate(), uplink))
        .as("another's MAC")
        .isFalse();
    assertThat(arrives(guest, ipv4(WEB1, "10.77.0.3"), marker.duplicate(), uplink))
        .as("another's address")
        .isFalse();
    assertThat(arrives(guest, frame(WEB1, EXPERIMENTAL, 60), marker.duplicate(), uplink))
        .as("another protocol")
        .isFalse();
  }

  @Test
  void portWithoutAddressesHasOnlyItsMacLookedAt() {
    Tap guest = guest("web1", port(WEB1).antiSpoof(PortSpec.AntiSpoof.STRICT).build());
    ByteBuffer marker = frame(WEB1, EXPERIMENTAL, 64);

    assertThat(arrives(guest, ipv4(WEB1, "10.77.0.3"), marker.duplicate(), uplink))
        .isTrue();
    assertThat(arrives(guest, ipv4(WEB2, "10.77.0.3"), marker.duplicate(), uplink))
        .isFalse();
  }

  @Test
  void isolatedPortReachesTheUplinkAndNoOtherPort() {
    Tap isolated =
        guest("web1", port(WEB1).isolation(PortSpec.Isolation.ISOLATED).build());
    Tap shared = guest("web2", port(WEB2).build());
    ByteBuffer fromOutside = frame(OUTSIDE, EXPERIMENTAL, 64);
    ByteBuffer fromIsolated = frame(WEB1, EXPERIMENTAL, 60);
    ByteBuffer fromShared = frame(WEB2, EXPERIMENTAL, 60);

    assertThat(arrives(isolated, fromIsolated.duplicate(), frame(WEB1, EXPERIMENTAL, 64), uplink))
        .as("isolated to uplink")
        .isTrue();
    assertThat(arrives(shared, fromShared.duplicate(), frame(WEB2, EXPERIMENTAL, 64), uplink))
        .as("shared to uplink")
        .isTrue();
    List<byte[]> atShared = after(uplink, fromOutside.duplicate(), shared);
    List<byte[]> atIsolated = after(uplink, fromOutside.duplicate(), isolated);
    assertThat(atShared).as("from the isolated").noneMatch(got -> from(got, WEB1));
    assertThat(atIsolated).as("from the shared").noneMatch(got -> from(got, WEB2));
    assertThat(atIsolated).as("from outside").anyMatch(got -> from(got, OUTSIDE));
  }

  private static boolean from(byte[] frame, MacAddress source) {
    return Arrays.equals(frame, 6, 12, source.octets(), 0, 6);
  }

  /** All that has arrived when a frame that passes does. */
  private List<byte[]> after(Tap from, ByteBuffer marker, Tap to) {
    marker.put(marker.limit() - 1, ++markers);
    byte[] last = octets(marker);
    List<byte[]> seen = new ArrayList<>();
    send(from, marker);
    await().until(() -> {
      for (byte[] got = receive(to); got.length > 0; got = receive(to)) {
        seen.add(got);
      }
      return seen.stream().anyMatch(got -> Arrays.equals(got, last));
    });
    return seen;
  }

  private TrafficStatistics bucket(int link) {
    return netlink
        .trafficControl()
        .findQdisc(link, TrafficHandle.ROOT)
        .orElseThrow()
        .statistics();
  }

  @Test
  void guestIsSentNoMoreThanItsLimit() {
    PortSpec.RateLimit slow = new PortSpec.RateLimit(8_000, 5_000);
    Tap guest = guest("web1", port(WEB1).receiveLimit(slow).build());
    int tap = netlink.links().find("web1").orElseThrow().index();
    for (int i = 0; i < MANY; i++) {
      send(uplink, frame(OUTSIDE, EXPERIMENTAL, FRAME));
    }

    await().until(() -> bucket(tap).packets() + bucket(tap).dropped() >= MANY);
    assertThat(count(guest)).isPositive().isLessThan(MANY / 4);
    assertThat(bucket(tap).dropped()).isGreaterThan(MANY / 2);
  }

  @Test
  void guestSendsNoMoreThanItsLimitAndEverythingWithoutOne() {
    PortSpec.RateLimit slow = new PortSpec.RateLimit(8_000, 5_000);
    Tap guest = guest("web1", port(WEB1).transmitLimit(slow).build());
    int ifb = netlink.links().ofKind("ifb").get(0).index();
    for (int i = 0; i < MANY; i++) {
      send(guest, frame(WEB1, EXPERIMENTAL, FRAME));
    }

    await().until(() -> bucket(ifb).packets() + bucket(ifb).dropped() >= MANY);
    AtomicReference<Integer> limited = new AtomicReference<>(0);
    await().until(() -> limited.updateAndGet(before -> before + count(uplink)) > 0);
    assertThat(limited.get()).isLessThan(MANY / 4);
    assertThat(bucket(ifb).dropped()).isGreaterThan(MANY / 2);

    Tap other = guest("web2", port(WEB2).build());
    for (int i = 0; i < MANY; i++) {
      send(other, frame(WEB2, EXPERIMENTAL, FRAME));
    }
    AtomicReference<Integer> free = new AtomicReference<>(0);
    await().until(() -> free.updateAndGet(before -> before + count(uplink)) >= MANY);
  }

  /** Counts our frames; the bridge sends some of its own. */
  private static int count(Tap tap) {
    int count = 0;
    for (byte[] got = receive(tap); got.length > 0; got = receive(tap)) {
      count += got.length == FRAME ? 1 : 0;
    }
    return count;
  }
}
