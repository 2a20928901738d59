package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.net.internal.Wire;
import io.n0stack.n0core.net.netlink.FilterAction.Generic;
import io.n0stack.n0core.net.netlink.FilterAction.Mirred;
import io.n0stack.n0core.net.netlink.FilterAction.Police;
import io.n0stack.n0core.net.netlink.FilterAction.Verdict;
import io.n0stack.n0core.net.netlink.FilterKind.MatchAll;
import io.n0stack.n0core.net.netlink.FilterKind.U32;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * The bytes are those that {@code tc} of iproute2 6.1 sends, without the rate tables that kernels no
 * longer read, and with nested attributes marked as such.
 */
class TrafficMessagesTest {
  private static final int LINK = 5;
  private static final String BODY = "07000000" + "00000000" + "05000000"; // port, family, index
  private static final TrafficHandle ONE = TrafficHandle.qdisc(1);

  private FakeKernel kernel;
  private TrafficControl traffic;

  @BeforeEach
  void open() {
    assumeTrue(
        ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN,
        "the bytes are those of a little-endian");
    kernel = new FakeKernel();
    traffic = kernel.connect().trafficControl();
  }

  private String sent(Change change) {
    kernel.answer(FakeKernel.ack());
    assertThat(kernel.connect().batch(List.of(change)).get(0).failure()).isEmpty();
    return HexFormat.of().formatHex(kernel.sent().get(kernel.sent().size() - 1));
  }

  private String root(QdiscKind kind) {
    return sent(TrafficControl.replacingQdisc(LINK, QdiscSpec.root(kind)));
  }

  private static String header(String length, String type, String flags) {
    return length + type + flags + "01000000" + BODY;
  }

  @Test
  void bucketIsOneMessage() {
    QdiscKind.Tbf tbf = QdiscKind.Tbf.of(10_000_000, 20_480, Duration.ofMillis(50));

    assertThat(sent(TrafficControl.addingQdisc(LINK, QdiscSpec.root(tbf).named(1))))
        .isEqualTo(header("60000000", "2400", "0506") // RTM_NEWQDISC
            + "00000100" + "ffffffff" + "00000000" // handle, parent, info
            + "08000100" + "74626600"
            + "34000280"
            + "28000100" // TCA_TBF_PARMS
            + "03010000ffff0000d0121300" + "000000000000000000000000"
            + "24440100" + "00e80300" + "00000000" // limit, buffer, mtu
            + "08000600" + "00500000"); // TCA_TBF_BURST
  }

  @Test
  void rateBeyond32BitsAndPeakHaveAttributesOfTheirOwn() {
    QdiscKind.Tbf tbf = new QdiscKind.Tbf(40_000_000_000L, 1_000_000, 2_000_000, Optional.empty())
        .withPeak(80_000_000_000L, 9000);

    assertThat(root(tbf))
        .endsWith("28000100"
            + "03010000ffff0000ffffffff" + "03010000ffff0000ffffffff"
            + "80841e00" + "350c0000" + "0e000000"
            + "08000600" + "40420f00"
            + "0c000400" + "00f2052a01000000"
            + "08000700" + "28230000"
            + "0c000500" + "00e40b5402000000");
  }

  @Test
  void otherDisciplinesAreAsTcWritesThem() {
    assertThat(root(new QdiscKind.Fifo(QdiscKind.Fifo.Unit.BYTES, 3000)))
        .isEqualTo(header("38000000", "2400", "0505")
            + "00000000" + "ffffffff" + "00000000"
            + "0a000100" + "626669666f000000" + "08000200" + "b80b0000");
    assertThat(root(new QdiscKind.Htb(0x20, 5)))
        .endsWith("08000100" + "68746200" + "1c000280" + "18000200"
            + "0300000005000000200000000000000000000000");
    assertThat(root(new QdiscKind.Netem(Duration.ofMillis(10), Duration.ofMillis(2), 15_000, 500)))
        .endsWith("0a000100" + "6e6574656d000000" + "1c000200"
            + "5a620200f40100003d0ad7030000000000000000127a0000");
    assertThat(sent(TrafficControl.addingQdisc(LINK, QdiscSpec.clsact())))
        .isEqualTo(header("30000000", "2400", "0506") + "0000ffff" + "f1ffffff" + "00000000"
            + "0b000100" + "636c736163740000");
    assertThat(sent(TrafficControl.addingQdisc(LINK, QdiscSpec.ingress())))
        .endsWith("0000ffff" + "f1ffffff" + "00000000" + "0c000100" + "696e677265737300");
  }

  @Test
  void deletionsSayWhereAlone() {
    assertThat(sent(TrafficControl.deletingQdisc(LINK, TrafficHandle.ROOT)))
        .isEqualTo(header("24000000", "2500", "0500") + "00000000" + "ffffffff" + "00000000");
    assertThat(sent(TrafficControl.deletingClass(LINK, new TrafficHandle(1, 0x20))))
        .isEqualTo(header("24000000", "2900", "0500") + "20000100" + "00000000" + "00000000");
    assertThat(sent(TrafficControl.deletingFilters(LINK, TrafficHandle.CLSACT_INGRESS, 5)))
        .isEqualTo(header("24000000", "2d00", "0500") + "00000000" + "f2ffffff" + "00000500");
  }

  @Test
  void classHasTwoBuckets() {
    TrafficClassKind.Htb htb = TrafficClassKind.Htb.of(80_000_000, 20_000)
        .withCeiling(40_000_000_000L, 40_000)
        .withPriority(2)
        .withQuantum(3000);

    assertThat(sent(TrafficControl.addingClass(
            LINK, new TrafficClassSpec(ONE, new TrafficHandle(1, 1), htb))))
        .isEqualTo(header("6c000000", "2800", "0506")
            + "01000100" + "00000100" + "00000000"
            + "08000100" + "68746200"
            + "40000280" + "30000100"
            + "03010000ffff000080969800" + "03010000ffff0000ffffffff"
            + "127a0000" + "7d000000" + "b80b0000" + "00000000" + "02000000"
            + "0c000700" + "00f2052a01000000");
  }

  @Test
  void redirectionOfEverythingIsAsTcWritesIt() {
    FilterSpec spec = FilterSpec.all(TrafficHandle.CLSACT_INGRESS, 1, U32.all(Mirred.redirect(3)));

    assertThat(sent(TrafficControl.addingFilter(LINK, spec)))
        .isEqualTo(header("8c000000", "2c00", "0506")
            + "00000000" + "f2ffffff" + "00030100"
            + "08000100" + "75333200"
            + "60000280"
            + "38000780" + "34000180" + "0b000100" + "6d69727265640000"
            + "24000280" + "20000200"
            + "0000000000000000040000000000000000000000" + "01000000" + "03000000"
            + "24000500" + "01000100000000000000000000000000"
            + "00000000000000000000000000000000");
  }

  @Test
  void matchesAreInNetworkOrder() {
    U32 u32 = new U32(
        List.of(new U32.Match(0x0a000001, -1, 16), new U32.Match(0xffff0050, 0xffff, 20)),
        Optional.of(new TrafficHandle(1, 0x20)),
        List.of());

    assertThat(sent(
            TrafficControl.replacingFilter(LINK, new FilterSpec(ONE, 5, 0x0800, 0x80000800, u32))))
        .isEqualTo(header("6c000000", "2c00", "0504")
            + "00080080" + "00000100" + "08000500"
            + "08000100" + "75333200"
            + "40000280"
            + "08000100" + "20000100"
            + "34000500" + "01000200000000000000000000000000"
            + "ffffffff0a0000011000000000000000"
            + "0000ffff000000501400000000000000");
  }

  @Test
  void decisionOnEverythingIsAsTcWritesIt() {
    MatchAll all = new MatchAll(Optional.empty(), List.of(new Generic(Verdict.DROP)));

    assertThat(sent(TrafficControl.addingFilter(LINK, FilterSpec.all(ONE, 1, all))))
        .endsWith("0d000100" + "6d61746368616c6c00000000"
            + "34000280" + "30000280" + "2c000180" + "09000100" + "6761637400000000"
            + "1c000280" + "18000200" + "0000000000000000020000000000000000000000");
  }

  @Test
  void policeHasItsTableOfTimes() {
    Police police = Police.drop(80_000, 30_000);

    String sent = sent(TrafficControl.addingFilter(
        LINK, FilterSpec.all(TrafficHandle.CLSACT_INGRESS, RateLimits.PRIORITY, U32.all(police))));

    assertThat(sent)
        .startsWith(header("b4040000", "2c00", "0506") + "00000000" + "f2ffffff" + "0003306e")
        .contains("0b000100" + "706f6c6963650000" + "4c040280"
            + "3c000100" + "00000000" + "02000000" + "00000000" + "7841cb02" + "ffffffff"
            + "03010000ffff000010270000" + "000000000000000000000000"
            + "000000000000000000000000"
            + "04040200" + "d4300000" + "a8610000") // 8 and 16 bytes at 10 kB/s
        .contains("08000500" + "03000000" + "24000500");
  }

  @Test
  void questionsAskForAsLittleAsTheyCan() {
    kernel.answer(FakeKernel.ack());
    assertThat(traffic.findQdisc(LINK, TrafficHandle.ROOT)).isEmpty();
    assertThat(HexFormat.of().formatHex(kernel.sent().get(0)))
        .isEqualTo(header("24000000", "2600", "0d00") + "00000000" + "ffffffff" + "00000000");

    kernel.answer(FakeKernel.done());
    assertThat(traffic.filters(LINK, ONE)).isEmpty();
    assertThat(HexFormat.of().formatHex(kernel.sent().get(1)))
        .isEqualTo("24000000" + "2e00" + "0103" + "02000000" + BODY + "00000000" + "00000100"
            + "00000000");
  }

  private byte[] written(Change change) {
    sent(change);
    return kernel.sent().get(kernel.sent().size() - 1);
  }

  @Test
  void whatIsWrittenIsRead() {
    List<QdiscKind> kinds = List.of(
        new QdiscKind.Tbf(80_000, 2000, 3000, Optional.empty()).withPeak(90_000, 1600),
        new QdiscKind.Htb(3, 10),
        new QdiscKind.Fifo(QdiscKind.Fifo.Unit.PACKETS, 0xffffffffL),
        new QdiscKind.Netem(Duration.ofSeconds(100), Duration.ZERO, 1_000_000, 1),
        new QdiscKind.Ingress(),
        new QdiscKind.Clsact(),
        new QdiscKind.Other("future", "08000100ffffffff"));
    for (QdiscKind kind : kinds) {
      byte[] bytes = written(TrafficControl.addingQdisc(
          LINK, new QdiscSpec(TrafficHandle.ROOT, TrafficHandle.qdisc(7), kind)));
      assertThat(TrafficReader.qdisc(FakeKernel.buffer(bytes), 0, bytes.length))
          .isEqualTo(new Qdisc(
              LINK, TrafficHandle.qdisc(7), TrafficHandle.ROOT, kind, TrafficStatistics.NONE));
    }
    List<FilterKind> filters = List.of(
        U32.all(Police.drop(40_000_000_000L, 64_000), new Generic(Verdict.CONTINUE)),
        new U32(
            List.of(new U32.Match(0x52540000, 0xffff0000, -8)),
            Optional.of(ONE),
            List.of(new Mirred(Mirred.Transfer.MIRROR, Mirred.Side.INGRESS, 9))),
        new MatchAll(Optional.of(ONE), List.of(new FilterAction.Other("future", "04000900"))),
        new FilterKind.Other("future", ""));
    for (FilterKind kind : filters) {
      FilterSpec spec = new FilterSpec(ONE, 7, 0x0806, 0x80000801, kind);
      byte[] bytes = written(TrafficControl.addingFilter(LINK, spec));
      Filter read = TrafficReader.filter(FakeKernel.buffer(bytes), 0, bytes.length);
      if (kind instanceof FilterKind.Other) {
        assertThat(read).isNull(); // without options it is the priority itself
      } else {
        assertThat(read).isEqualTo(new Filter(LINK, spec));
      }
    }
  }

  @Test
  void tablesOfU32AndPrioritiesAreNoFilters() {
    FilterSpec spec = FilterSpec.all(ONE, 7, U32.all(Mirred.redirect(3)));
    for (int handle : new int[] {0, 0x80000000}) {
      byte[] bytes = written(TrafficControl.addingFilter(LINK, spec.named(handle)));

      assertThat(TrafficReader.filter(FakeKernel.buffer(bytes), 0, bytes.length))
          .isNull();
    }
  }

  @Test
  void damagedMessagesAreReadAsFarAsTheyGo() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    QdiscKind tbf = new QdiscKind.Tbf(40_000_000_000L, 2000, 3000, Optional.empty());
    FilterSpec filter =
        FilterSpec.all(ONE, 1, U32.all(Police.drop(1_000_000, 2000), Mirred.redirect(3)));
    TrafficClassSpec htb = new TrafficClassSpec(
        ONE, new TrafficHandle(1, 2), TrafficClassKind.Htb.of(1_000_000, 2000));
    List<byte[]> messages = List.of(
        written(TrafficControl.addingQdisc(LINK, QdiscSpec.root(tbf))),
        written(TrafficControl.addingFilter(LINK, filter.named(0x80000800))),
        written(TrafficControl.addingClass(LINK, htb)));

    for (int i = 0; i < 30_000; i++) {
      byte[] bytes = messages.get(i % messages.size()).clone();
      for (int damage = random.nextInt(4); damage >= 0; damage--) {
        int at = Wire.NLMSG_HEADER + random.nextInt(Math.min(bytes.length, 200) - 16);
        bytes[at] = (byte) (random.nextBoolean() ? random.nextInt() : 0xff);
      }
      int length = random.nextInt(3) == 0
          ? Wire.NLMSG_HEADER + random.nextInt(bytes.length - 15)
          : bytes.length;
      ByteBuffer buffer = FakeKernel.buffer(bytes);
      try {
        TrafficReader.qdisc(buffer, 0, length);
        TrafficReader.filter(buffer, 0, length);
        TrafficReader.trafficClass(buffer, 0, length);
      } catch (RuntimeException e) {
        throw new AssertionError(
            "seed " + seed + ": " + HexFormat.of().formatHex(bytes, 0, length), e);
      }
    }
  }

  @Test
  void tickIsWhatTheKernelSays() throws IOException {
    Path file = Files.createTempFile("psched", "");
    try {
      Files.writeString(file, "000003e8 00000400 000f4240 3b9aca00\n");
      assertThat(SchedulerTicks.nanos(file)).isEqualTo(1024);
      Files.writeString(file, "not a number");
      assertThat(SchedulerTicks.nanos(file)).isEqualTo(64);
    } finally {
      Files.delete(file);
    }
    assertThat(SchedulerTicks.nanos(file)).isEqualTo(64);
  }

  @Test
  void sizesOfBucketsComeBackExactlyAtUsualRates() {
    for (long rate : new long[] {1, 1000, 125_000, 1_250_000, 15_000_000}) {
      for (long bytes : new long[] {1, 250, 270}) {
        assertThat(SchedulerTicks.bytes(rate, SchedulerTicks.of(rate, bytes)))
            .as("%d bytes at %d", bytes, rate)
            .isEqualTo(bytes);
      }
    }
    assertThat(SchedulerTicks.bytes(Long.MAX_VALUE, -1)).isEqualTo(0xffffffffL);
  }

  @Test
  void handlesAreWrittenAsTcDoes() {
    for (String text : List.of("1:", "1:20", "ffff:fff2", "0:")) {
      assertThat(TrafficHandle.parse(text)).hasToString(text);
    }
    assertThat(TrafficHandle.parse(":20")).isEqualTo(new TrafficHandle(0, 0x20));
    assertThat(TrafficHandle.ROOT).hasToString("root");
    for (String text : List.of("", "1", "10000:", "g:", "1:2:3", "-1:")) {
      assertThatThrownBy(() -> TrafficHandle.parse(text))
          .isInstanceOf(N0Exception.class)
          .hasMessageContaining("handle");
    }
  }

  @Test
  void impossibleNumbersAreRefusedAndNamed() {
    Optional<QdiscKind.Tbf.Peak> none = Optional.empty();
    assertInvalid(() -> new QdiscKind.Tbf(7, 1, 1, none), "bitsPerSecond");
    assertInvalid(() -> new QdiscKind.Tbf(8000, 0, 1, none), "burstBytes");
    assertInvalid(() -> new QdiscKind.Tbf(8000, 274_879, 1, none), "burstBytes");
    assertInvalid(() -> new QdiscKind.Tbf(8000, 1, 0, none), "limitBytes");
    assertInvalid(() -> new QdiscKind.Tbf(8000, 1, 1, none).withPeak(8007, 1), "peak");
    assertInvalid(() -> TrafficClassKind.Htb.of(8000, 1).withCeiling(7999, 1), "ceiling");
    assertInvalid(() -> TrafficClassKind.Htb.of(8000, 1).withPriority(8), "priority");
    assertInvalid(() -> FilterSpec.all(ONE, 0, U32.all()), "priority");
    assertInvalid(() -> new FilterSpec(ONE, 1, 0x10000, 0, U32.all()), "etherType");
    assertInvalid(() -> new U32.Match(0, 0, 65533), "offset");
    assertInvalid(() -> new QdiscKind.Other("a/b", ""), "kind");
    assertInvalid(() -> new FilterAction.Other("x", "0"), "data");
    assertInvalid(() -> new TrafficHandle(0x10000, 0), "major");
    assertInvalid(() -> TrafficControl.deletingQdisc(0, TrafficHandle.ROOT), "index");
  }

  private static void assertInvalid(ThrowingCallable call, String field) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID))
        .hasMessageContaining(field);
  }

  @Test
  void statisticsOfLaterKernelsCountPacketsIn64Bits() {
    byte[] basic =
        FakeKernel.attribute(TrafficNumbers.TCA_STATS_BASIC, FakeKernel.integers(5, 1, 7, 0));
    byte[] queue = FakeKernel.attribute(
        TrafficNumbers.TCA_STATS_QUEUE, FakeKernel.integers(3, 4000, -1, 0, 9));
    byte[] more = FakeKernel.attribute(TrafficNumbers.TCA_STATS_PKT64, FakeKernel.integers(7, 1));
    byte[] all = ByteBuffer.allocate(basic.length + queue.length + more.length)
        .put(basic)
        .put(queue)
        .put(more)
        .array();
    byte[] message = FakeKernel.message(
        TrafficNumbers.RTM_NEWQDISC,
        0,
        FakeKernel.integers(0, LINK, 0x10000, -1, 0),
        FakeKernel.text(TrafficNumbers.TCA_KIND, "pfifo_fast"),
        FakeKernel.attribute(TrafficNumbers.TCA_OPTIONS, new byte[20]),
        FakeKernel.attribute(TrafficNumbers.TCA_STATS2, all));

    assertThat(TrafficReader.qdisc(FakeKernel.buffer(message), 0, message.length))
        .isEqualTo(new Qdisc(
            LINK,
            ONE,
            TrafficHandle.ROOT,
            new QdiscKind.PfifoFast(),
            new TrafficStatistics(0x100000005L, 0x100000007L, 0xffffffffL, 9, 4000, 3)));
  }
}
