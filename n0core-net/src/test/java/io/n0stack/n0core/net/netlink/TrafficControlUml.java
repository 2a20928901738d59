package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.net.IsolatedNetwork;
import io.n0stack.n0core.net.netlink.FilterAction.Generic;
import io.n0stack.n0core.net.netlink.FilterAction.Police;
import io.n0stack.n0core.net.netlink.FilterAction.Verdict;
import io.n0stack.n0core.net.tap.Tap;
import io.n0stack.n0core.tck.child.InUserModeLinux;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a tap receives and a bridge carries to another, under filters and actions that hosts lack. */
@InUserModeLinux
@IsolatedNetwork
class TrafficControlUml {
  private static final int FRAMES = 100;
  private static final int FRAME_BYTES = 1000;
  private static final int BURST = 20 * FRAME_BYTES;
  private static final long SLOW = 8L * FRAME_BYTES; // a frame a second
  private static final byte EXPERIMENT_1 = (byte) 0x88; // the EtherType for local experiments
  private static final byte EXPERIMENT_2 = (byte) 0xb5;

  private Netlink netlink;
  private TrafficControl traffic;
  private Tap from;
  private Tap to;
  private int link;

  @BeforeEach
  void open() {
    netlink = Netlink.open();
    traffic = netlink.trafficControl();
    int bridge = netlink.links().create(LinkSpec.bridge("br0").up()).index();
    from = Tap.create("from");
    to = Tap.create("to");
    link = port("from", bridge);
    port("to", bridge);
    await().until(() -> carried(1) == 1);
  }

  private int port(String name, int bridge) {
    int index = netlink.links().find(name).orElseThrow().index();
    netlink.links().change(index, LinkChange.none().withMaster(bridge).up());
    return index;
  }

  @AfterEach
  void close() {
    from.close();
    to.close();
    netlink.close();
  }

  /** Sends frames at once, and tells how many arrived. */
  private int carried(int frames) {
    byte[] frame = new byte[FRAME_BYTES];
    Arrays.fill(frame, 0, 6, (byte) 0xff);
    frame[6] = 0x52;
    frame[12] = EXPERIMENT_1;
    frame[13] = EXPERIMENT_2;
    for (int i = 0; i < frames; i++) {
      from.write(ByteBuffer.wrap(frame));
    }
    ByteBuffer into = ByteBuffer.allocate(2000);
    int arrived = 0;
    while (to.read(into.clear()) > 0) {
      arrived += into.get(12) == EXPERIMENT_1 && into.get(13) == EXPERIMENT_2 ? 1 : 0;
    }
    return arrived;
  }

  private Filter only() {
    List<Filter> filters = traffic.filters(link, TrafficHandle.CLSACT_INGRESS);
    assertThat(filters).hasSize(1);
    return filters.get(0);
  }

  @Test
  void policeDropsWhatComesTooFast() {
    RateLimits limits = netlink.rateLimits();

    limits.policeIngress(link, SLOW, BURST);

    RateLimits.Limit wanted = new RateLimits.Limit(SLOW, BURST);
    assertThat(limits.read(link).ingress())
        .hasValueSatisfying(limit -> assertThat(limit.sameAs(wanted)).isTrue());
    assertThat(limits.read(link).ifb()).isEmpty();
    assertThat(carried(FRAMES)).isBetween(15, FRAMES / 2);

    Filter before = only();
    limits.policeIngress(link, SLOW, BURST);
    assertThat(only()).isEqualTo(before);
    limits.policeIngress(link, 2 * SLOW, BURST);
    assertThat(only().spec().handle()).isEqualTo(before.spec().handle());
    assertThat(only()).isNotEqualTo(before);

    limits.clear(link);
    assertThat(limits.read(link).ingress()).isEmpty();
    assertThat(carried(FRAMES)).isEqualTo(FRAMES);
  }

  @Test
  void policeTakesThePlaceOfARedirectionAndTheOtherWayRound() {
    RateLimits limits = netlink.rateLimits();
    int ifb = netlink.links().create(LinkSpec.ifb("ifb0")).index();

    limits.limitIngress(link, ifb, SLOW, BURST);
    assertThat(limits.read(link).ifb()).hasValue(ifb);
    limits.policeIngress(link, SLOW, BURST);
    assertThat(limits.read(link).ifb()).isEmpty();
    assertThat(limits.read(link).ingress()).isPresent();
    limits.limitIngress(link, ifb, SLOW, BURST);
    assertThat(limits.read(link).ifb()).hasValue(ifb);
    only();
  }

  @Test
  void policeIsReadAsItWasWritten() {
    traffic.addQdisc(link, QdiscSpec.clsact());
    Police police = new Police(8_000_000, 50_000, 9000, Verdict.OK, Verdict.RECLASSIFY);

    traffic.addFilter(
        link, FilterSpec.all(TrafficHandle.CLSACT_INGRESS, 10, FilterKind.U32.all(police)));

    assertThat(only().spec().kind())
        .isInstanceOfSatisfying(
            FilterKind.U32.class,
            kind -> assertThat(kind.actions()).singleElement().satisfies(action -> {
              Police read = (Police) action;
              assertThat(read.bitsPerSecond()).isEqualTo(police.bitsPerSecond());
              assertThat(SchedulerTicks.same(1_000_000, read.burstBytes(), police.burstBytes()))
                  .isTrue();
              assertThat(read.mtuBytes()).isEqualTo(police.mtuBytes());
              assertThat(read.conforming()).isEqualTo(police.conforming());
              assertThat(read.exceeding()).isEqualTo(police.exceeding());
            }));
  }

  @Test
  void matchAllDropsAll() {
    traffic.addQdisc(link, QdiscSpec.clsact());
    FilterKind dropping =
        new FilterKind.MatchAll(Optional.empty(), List.of(new Generic(Verdict.DROP)));

    traffic.addFilter(link, FilterSpec.all(TrafficHandle.CLSACT_INGRESS, 10, dropping));

    assertThat(only().spec().kind()).isEqualTo(dropping);
    assertThat(IntStream.range(0, 10).map(i -> carried(10)).sum()).isZero();
    traffic.deleteFilter(only());
    assertThat(carried(10)).isEqualTo(10);
  }
}
