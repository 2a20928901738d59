package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.FilterAction.Mirred;
import io.n0stack.n0core.net.netlink.FilterKind.U32;
import io.n0stack.n0core.net.netlink.RateLimits.InForce;
import io.n0stack.n0core.net.netlink.RateLimits.Limit;
import io.n0stack.n0core.net.tap.Tap;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Between two guests: two taps that are ports of a bridge. */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class RateLimitsIT {
  private static final int FRAME = 1514;
  private static final int FRAMES = 1400; // some 2 MB
  private static final int ETHER_TYPE = 0x88b5; // for local experiments
  private static final long RATE = 80_000; // slow: what passes is the burst
  private static final long BURST = 30_000;
  private static final Limit LIMIT = new Limit(RATE, BURST);
  private static final InForce NOTHING =
      new InForce(Optional.empty(), Optional.empty(), OptionalInt.empty(), false);

  private Netlink netlink;
  private RateLimits limits;
  private Tap one;
  private Tap two;
  private int tap0;
  private int tap1;
  private int ifb;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    limits = netlink.rateLimits();
    int bridge = netlink
        .links()
        .create(LinkSpec.of("br0", LinkKind.Bridge.usual().withoutMulticastSnooping()))
        .index();
    netlink.links().change(bridge, LinkChange.none().withoutGeneratedAddresses().up());
    one = Tap.create("tap0");
    two = Tap.create("tap1");
    tap0 = plug(one, bridge);
    tap1 = plug(two, bridge);
    ifb = netlink.links().create(LinkSpec.ifb("ifb0")).index();
    netlink.links().change(ifb, LinkChange.none().withoutGeneratedAddresses());
  }

  private int plug(Tap tap, int bridge) {
    int index = netlink.links().find(tap.name()).orElseThrow().index();
    LinkChange change = LinkChange.none().withMaster(bridge).withoutGeneratedAddresses();
    netlink.links().change(index, change.up());
    return index;
  }

  @AfterEach
  void close() {
    one.close();
    two.close();
    netlink.close();
  }

  private static void assertCode(Runnable call, N0Exception.Code code, String text) {
    assertThatThrownBy(call::run)
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(text);
  }

  private static byte[] frame() {
    ByteBuffer frame = ByteBuffer.allocate(FRAME);
    frame.putLong(0xffffffffffff5254L).putInt(0x00000001).putShort((short) ETHER_TYPE);
    return frame.array();
  }

  /** Returns the bytes of our frames that wait in a tap. */
  private static long drain(Tap tap) {
    ByteBuffer into = ByteBuffer.allocate(2 * FRAME);
    long bytes = 0;
    while (true) {
      tap.read(into.clear());
      if (into.position() == 0) {
        return bytes;
      }
      if (Short.toUnsignedInt(into.getShort(12)) == ETHER_TYPE) {
        bytes += into.position();
      }
    }
  }

  /** Drains a tap until this many bytes have come: the kernel carries some a moment later. */
  private static long drainUntil(Tap tap, long passed, long least) {
    AtomicLong sum = new AtomicLong(passed);
    await()
        .atMost(Duration.ofMinutes(1))
        .untilAsserted(() -> assertThat(sum.addAndGet(drain(tap))).isGreaterThanOrEqualTo(least));
    return sum.get();
  }

  private TrafficStatistics bucket(int link) {
    return netlink
        .trafficControl()
        .findQdisc(link, TrafficHandle.ROOT)
        .orElseThrow()
        .statistics();
  }

  /**
   * Sends 2 MB from the first guest at once through a bucket, and checks that the second receives the
   * burst and what the rate allows in the time it took, and that the bucket knows about the rest.
   */
  private void assertLimited(int bucket) {
    byte[] frame = frame();
    long begun = System.nanoTime();
    long passed = 0;
    for (int i = 0; i < FRAMES; i++) {
      one.write(ByteBuffer.wrap(frame));
      passed += drain(two);
    }
    // The ifb hands packets on from a task of its own.
    await()
        .until(() ->
            bucket(bucket).packets() + bucket(bucket).dropped() + bucket(bucket).queuedPackets()
                >= FRAMES);
    passed = drainUntil(two, passed, BURST - FRAME + 1);
    double seconds = (System.nanoTime() - begun) / 1e9;

    assertThat(passed).isGreaterThan(BURST - FRAME).isLessThanOrEqualTo((long)
        (BURST + RATE / 8 * seconds));
    TrafficStatistics done = bucket(bucket);
    assertThat(done.dropped()).isPositive();
    assertThat(done.overLimit()).isPositive();
    // The limit is what waits for 50 ms, and a burst.
    assertThat(done.queuedBytes()).isLessThanOrEqualTo(BURST + RATE / 8 / 20);
  }

  @Test
  void withoutLimitsEverythingPasses() {
    byte[] frame = frame();
    long passed = 0;

    for (int i = 0; i < FRAMES; i++) {
      one.write(ByteBuffer.wrap(frame));
      passed += drain(two);
    }

    passed = drainUntil(two, passed, (long) FRAMES * FRAME);
    assertThat(passed).isEqualTo((long) FRAMES * FRAME);
    assertThat(limits.read(tap0)).isEqualTo(NOTHING);
  }

  @Test
  void whatAGuestReceivesIsLimited() {
    limits.limitEgress(tap1, RATE, BURST);

    assertLimited(tap1);
    assertThat(limits.read(tap1))
        .isEqualTo(new InForce(Optional.of(LIMIT), Optional.empty(), OptionalInt.empty(), false));
  }

  @Test
  void whatAGuestSendsIsLimited() {
    limits.limitIngress(tap0, ifb, RATE, BURST);

    assertLimited(ifb);
    assertThat(limits.read(tap0))
        .isEqualTo(new InForce(Optional.empty(), Optional.of(LIMIT), OptionalInt.of(ifb), false));
  }

  @Test
  void clearedLinkIsAsItWas() {
    limits.limitEgress(tap0, RATE, BURST);
    limits.limitIngress(tap0, ifb, RATE, BURST);

    limits.clear(tap0);
    limits.clear(tap0);

    assertThat(limits.read(tap0)).isEqualTo(NOTHING);
    assertThat(netlink.trafficControl().findQdisc(tap0, TrafficHandle.INGRESS)).isEmpty();
    withoutLimitsEverythingPasses();
  }

  @Test
  void limitInForceIsNotTouchedAndAnotherReplacesIt() {
    limits.limitEgress(tap1, RATE, BURST);
    limits.limitIngress(tap0, ifb, RATE, BURST);
    byte[] frame = frame();
    for (int i = 0; i < 100; i++) {
      one.write(ByteBuffer.wrap(frame));
    }
    await().until(() -> bucket(ifb).packets() > 0 && bucket(tap1).packets() > 0);
    var filters = netlink.trafficControl().filters(tap0, TrafficHandle.CLSACT_INGRESS);

    limits.limitEgress(tap1, RATE, BURST);
    limits.limitIngress(tap0, ifb, RATE, BURST);

    assertThat(bucket(tap1).packets()).isPositive();
    assertThat(bucket(ifb).packets()).isPositive();
    assertThat(netlink.trafficControl().filters(tap0, TrafficHandle.CLSACT_INGRESS))
        .isEqualTo(filters);

    int other = netlink.links().create(LinkSpec.ifb("ifb1")).index();
    limits.limitEgress(tap1, 2 * RATE, 2 * BURST);
    limits.limitIngress(tap0, other, 3 * RATE, 3 * BURST);

    assertThat(limits.read(tap1).egress()).contains(new Limit(2 * RATE, 2 * BURST));
    assertThat(limits.read(tap0))
        .isEqualTo(new InForce(
            Optional.empty(),
            Optional.of(new Limit(3 * RATE, 3 * BURST)),
            OptionalInt.of(other),
            false));
    assertThat(netlink.trafficControl().filters(tap0, TrafficHandle.CLSACT_INGRESS))
        .hasSameSizeAs(filters);
  }

  @Test
  void eachStateThatADeathLeavesIsCompleted() {
    TrafficControl traffic = netlink.trafficControl();
    QdiscKind.Tbf tbf = QdiscKind.Tbf.of(RATE, BURST, Duration.ofMillis(50));
    InForce whole = new InForce(Optional.empty(), Optional.of(LIMIT), OptionalInt.of(ifb), false);

    traffic.addQdisc(ifb, QdiscSpec.root(tbf));
    assertThat(limits.read(tap0)).isEqualTo(NOTHING);
    limits.limitIngress(tap0, ifb, RATE, BURST);
    assertThat(limits.read(tap0)).isEqualTo(whole);

    limits.clear(tap0);
    traffic.addQdisc(tap0, QdiscSpec.ingress());
    assertThat(limits.read(tap0)).isEqualTo(NOTHING);
    limits.limitIngress(tap0, ifb, RATE, BURST);
    assertThat(limits.read(tap0)).isEqualTo(whole);

    traffic.deleteFilters(tap0, TrafficHandle.CLSACT_INGRESS, RateLimits.PRIORITY);
    limits.clear(tap0);
    assertThat(traffic.findQdisc(tap0, TrafficHandle.INGRESS)).isEmpty();
  }

  @Test
  void redirectionToNowhereIsSeenAndMended() {
    limits.limitIngress(tap0, ifb, RATE, BURST);

    netlink.links().change(ifb, LinkChange.none().down());
    assertThat(limits.read(tap0).ingressBlocked()).isTrue();
    limits.limitIngress(tap0, ifb, RATE, BURST);
    assertThat(limits.read(tap0).ingressBlocked()).isFalse();

    netlink.links().delete(ifb);
    assertThat(limits.read(tap0))
        .isEqualTo(new InForce(Optional.empty(), Optional.empty(), OptionalInt.empty(), true));

    int other = netlink.links().create(LinkSpec.ifb("ifb0")).index();
    limits.limitIngress(tap0, other, RATE, BURST);
    assertThat(limits.read(tap0))
        .isEqualTo(new InForce(Optional.empty(), Optional.of(LIMIT), OptionalInt.of(other), false));
  }

  @Test
  void whatOthersAttachedStays() {
    TrafficControl traffic = netlink.trafficControl();
    QdiscKind theirs = new QdiscKind.Fifo(QdiscKind.Fifo.Unit.PACKETS, 7);
    FilterSpec filter =
        FilterSpec.all(TrafficHandle.CLSACT_INGRESS, 1, U32.all(Mirred.mirror(ifb)));
    traffic.addQdisc(tap0, QdiscSpec.root(theirs));
    traffic.addQdisc(tap0, QdiscSpec.clsact());
    traffic.addFilter(tap0, filter);

    limits.limitIngress(tap0, ifb, RATE, BURST);
    assertThat(limits.read(tap0).ingress()).contains(LIMIT);
    limits.clear(tap0);

    assertThat(limits.read(tap0)).isEqualTo(NOTHING);
    assertThat(traffic.findQdisc(tap0, TrafficHandle.ROOT)).map(Qdisc::kind).contains(theirs);
    assertThat(traffic.filters(tap0, TrafficHandle.CLSACT_INGRESS))
        .extracting(found -> found.spec().kind())
        .containsExactly(filter.kind());
  }

  @Test
  void impossibleLimitsAreRefusedBeforeAnythingIsChanged() {
    N0Exception.Code invalid = N0Exception.Code.INVALID;

    assertCode(() -> limits.limitEgress(tap1, RATE, 1513), invalid, "burstBytes of link tap1");
    assertCode(() -> limits.limitIngress(tap0, ifb, RATE, 1513), invalid, "burstBytes");
    assertCode(() -> limits.limitIngress(tap0, tap1, RATE, BURST), invalid, "ifb");
    assertCode(() -> limits.limitEgress(tap1, 7, BURST), invalid, "bitsPerSecond");
    assertCode(() -> limits.limitEgress(tap1, RATE, 10_000_000), invalid, "274 s");
    assertCode(
        () -> limits.limitIngress(tap0, 4711, RATE, BURST), N0Exception.Code.NOT_FOUND, "4711");
    assertCode(() -> limits.read(4711), N0Exception.Code.NOT_FOUND, "4711");

    assertThat(limits.read(tap0)).isEqualTo(NOTHING);
    assertThat(limits.read(tap1)).isEqualTo(NOTHING);
    assertThat(netlink.trafficControl().findQdisc(tap0, TrafficHandle.INGRESS)).isEmpty();
  }

  @Test
  void policeLimitsOrIsSaidToBeMissingAndLeavesNothing() {
    try {
      limits.policeIngress(tap0, RATE, BURST);
    } catch (NetlinkException e) {
      assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED);
      assertThat(e.kernelMessage())
          .hasValueSatisfying(
              words -> assertThat(words).startsWith("Failed to load TC action module"));
      assertThat(limits.read(tap0)).isEqualTo(NOTHING);
      assertThat(netlink.trafficControl().findQdisc(tap0, TrafficHandle.INGRESS))
          .isEmpty();
      return;
    }
    byte[] frame = frame();
    long begun = System.nanoTime();
    long passed = 0;
    for (int i = 0; i < FRAMES; i++) {
      one.write(ByteBuffer.wrap(frame));
      passed += drain(two);
    }
    passed = drainUntil(two, passed, BURST - FRAME + 1);
    double seconds = (System.nanoTime() - begun) / 1e9;

    assertThat(passed).isGreaterThan(BURST - FRAME).isLessThanOrEqualTo((long)
        (BURST + RATE / 8 * seconds));
    assertThat(limits.read(tap0))
        .isEqualTo(new InForce(Optional.empty(), Optional.of(LIMIT), OptionalInt.empty(), false));
    limits.policeIngress(tap0, 2 * RATE, BURST);
    assertThat(limits.read(tap0).ingress()).contains(new Limit(2 * RATE, BURST));
    limits.clear(tap0);
    withoutLimitsEverythingPasses();
  }
}
