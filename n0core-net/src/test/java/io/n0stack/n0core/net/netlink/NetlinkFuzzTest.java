package io.n0stack.n0core.net.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.net.internal.Decoder;
import io.n0stack.n0core.net.internal.Wire;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Gives decoders what no kernel writes. Each {@code @FuzzTest} replays what a kernel wrote, and what was
 * once found wrong; with {@code JAZZER_FUZZ=1} Jazzer goes on from there.
 */
class NetlinkFuzzTest {
  private static final int ROUNDS = 3000;
  private static final InetAddress ADDRESS = CidrAddress.literal("192.0.2.1");
  private static final FdbEntry ENTRY = FdbEntry.behind(5, MacAddress.parse("52:54:00:12:34:56"));

  @BeforeEach
  void requireTheRecordingsByteOrder() {
    assumeTrue(
        ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN,
        "the bytes are those of a little-endian");
  }

  static Stream<byte[]> links() {
    return Stream.concat(
        Recorded.messages("link").stream(), Recorded.messages("bridge-port").stream());
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void links(byte[] message) {
    Decoding.check(
        message,
        Rtnetlink.RTM_NEWLINK,
        new LinkDecoder(),
        LinkStatistics::decode,
        BridgePort::decode,
        BridgeVlans::decode);
  }

  static Stream<byte[]> addresses() {
    return Recorded.messages("address").stream();
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void addresses(byte[] message) {
    Decoding.check(message, Rtnetlink.RTM_NEWADDR, LinkAddress::decode);
  }

  static Stream<byte[]> neighbours() {
    return Stream.of("neighbour", "proxy", "forwarding")
        .flatMap(kind -> Recorded.messages(kind).stream());
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void neighbours(byte[] message) {
    Decoding.check(
        message,
        RouteNumbers.RTM_NEWNEIGH,
        Neighbour::decode,
        (bytes, from, to) -> FdbEntry.decode(bytes, from, to, 0));
  }

  static Stream<byte[]> routes() {
    return Recorded.messages("route").stream();
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void routes(byte[] message) {
    Decoding.check(message, RouteNumbers.RTM_NEWROUTE, RouteDecoder::decode);
  }

  static Stream<byte[]> rules() {
    return Stream.of("rule4", "rule6").flatMap(kind -> Recorded.messages(kind).stream());
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void rules(byte[] message) {
    Decoding.check(message, RouteNumbers.RTM_NEWRULE, RoutingRuleDecoder::decode);
  }

  static Stream<byte[]> queueing() {
    return Recorded.messages("qdisc").stream();
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void queueing(byte[] message) {
    Decoding.check(message, TrafficNumbers.RTM_NEWQDISC, TrafficReader::qdisc);
  }

  static Stream<byte[]> classes() {
    return Recorded.messages("class").stream();
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void classes(byte[] message) {
    Decoding.check(message, TrafficNumbers.RTM_NEWTCLASS, TrafficReader::trafficClass);
  }

  static Stream<byte[]> filters() {
    return Recorded.messages("filter").stream();
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void filters(byte[] message) {
    Decoding.check(message, TrafficNumbers.RTM_NEWTFILTER, TrafficReader::filter);
  }

  static Stream<byte[]> conversations() {
    List<byte[]> ends = List.of(
        FakeKernel.done(),
        FakeKernel.ack(),
        FakeKernel.error(22, "words"),
        FakeKernel.message(Wire.NLMSG_DONE, Wire.NLM_F_MULTI, FakeKernel.integers(-1)));
    return Recorded.messages("").stream().map(message -> script(message.length, message, ends));
  }

  /** Writes an input of {@link #conversations(byte[])}. */
  private static byte[] script(int question, byte[] message, List<byte[]> ends) {
    List<byte[]> datagrams = new ArrayList<>(List.of(message));
    datagrams.addAll(ends);
    int size = 1
        + datagrams.stream().mapToInt(datagram -> Short.BYTES + datagram.length).sum();
    byte[] script = new byte[size];
    ByteBuffer bytes = FakeKernel.buffer(script).put((byte) question);
    for (byte[] datagram : datagrams) {
      bytes.putShort((short) datagram.length).put(datagram);
    }
    return script;
  }

  /** Asks one of our questions, as the first byte says, and answers with the datagrams behind it. */
  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void conversations(byte[] script) {
    ByteBuffer bytes = FakeKernel.buffer(script);
    int question = bytes.hasRemaining() ? Byte.toUnsignedInt(bytes.get()) : 0;
    List<byte[]> datagrams = new ArrayList<>();
    while (bytes.remaining() > Short.BYTES) {
      byte[] datagram =
          new byte[Math.min(Short.toUnsignedInt(bytes.getShort()), bytes.remaining())];
      bytes.get(datagram);
      if (datagram.length >= Wire.NLMSG_HEADER) {
        // Number and port as they should be, or nothing would be looked at.
        FakeKernel.buffer(datagram).putInt(8, FakeKernel.SAME).putInt(12, FakeKernel.PORT);
      }
      datagrams.add(datagram);
    }
    FakeKernel kernel = new FakeKernel();
    kernel.answer(datagrams.toArray(byte[][]::new));
    List<Runnable> questions = questions(Netlink.over(
        kernel,
        NetlinkOptions.usual().withLimit(Duration.ofMillis(200)).withWarnings(warning -> {})));
    try {
      questions.get(question % questions.size()).run();
    } catch (N0Exception e) {
      assertThat(e.getMessage()).isNotBlank();
    }
  }

  private static List<Runnable> questions(Netlink netlink) {
    return List.of(
        () -> netlink.links().list(),
        () -> netlink.links().find("br0"),
        () -> netlink.links().create(LinkSpec.bridge("br0")),
        () -> netlink.links().change(5, LinkChange.none().withMtu(1400).withAlias("words")),
        () -> netlink.links().statistics(5),
        () -> netlink.bridges().ports(5),
        () -> netlink.bridges().vlans().of(5),
        () -> netlink.addresses().list(),
        () -> netlink.neighbours().list(),
        () -> netlink.neighbours().find(5, ADDRESS),
        () -> netlink.forwarding().list(),
        () -> netlink.forwarding().find(ENTRY),
        () -> netlink.routes().list(),
        () -> netlink.routes().find(RouteQuery.to(ADDRESS)),
        () -> netlink.rules().list(AddressFamily.IPV4),
        () -> netlink.batch(List.of(Links.deleting(5), ForwardingDatabase.adding(ENTRY))));
  }

  @Test
  void everyRecordedMessageIsUnderstoodOrKnownNotToBe() {
    assertThat(understood("link", new LinkDecoder())).isEqualTo(8);
    assertThat(understood("bridge-port", BridgeVlans::decode)).isEqualTo(2);
    assertThat(understood("address", LinkAddress::decode)).isEqualTo(7);
    assertThat(understood("neighbour", Neighbour::decode)).isEqualTo(7);
    assertThat(understood("proxy", Neighbour::decode)).isEqualTo(1);
    // The others are multicast addresses that links receive.
    assertThat(understood("forwarding", (b, from, to) -> FdbEntry.decode(b, from, to, 0)))
        .isEqualTo(4);
    assertThat(understood("route", RouteDecoder::decode)).isEqualTo(20);
    assertThat(understood("qdisc", TrafficReader::qdisc)).isEqualTo(5);
    assertThat(understood("class", TrafficReader::trafficClass)).isEqualTo(2);
    // The others are priorities and tables, in which the filters are.
    assertThat(understood("filter", TrafficReader::filter)).isEqualTo(2);
    assertThat(understood("rule4", RoutingRuleDecoder::decode)).isEqualTo(4);
    assertThat(understood("rule6", RoutingRuleDecoder::decode)).isEqualTo(3);
  }

  private static long understood(String kind, Decoder<?> decoder) {
    return Recorded.messages(kind).stream()
        .filter(message -> decoder.decode(FakeKernel.buffer(message), 0, message.length) != null)
        .count();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4})
  @Timeout(value = 60, unit = TimeUnit.SECONDS)
  void damagedMessagesAreDecodedOrSkipped(long seed) {
    Random random = new Random(seed);
    List<byte[]> recorded = Recorded.messages("");
    for (int i = 0; i < ROUNDS; i++) {
      byte[] message = damaged(recorded.get(random.nextInt(recorded.size())), random);
      links(message);
      addresses(message);
      neighbours(message);
      routes(message);
      rules(message);
      queueing(message);
      classes(message);
      filters(message);
      byte[] end = damaged(FakeKernel.error(22, "words"), random);
      conversations(script(random.nextInt(256), message, List.of(end, FakeKernel.done())));
    }
  }

  /** Changes octets, cuts, and writes lengths and types where there may be one. */
  private static byte[] damaged(byte[] message, Random random) {
    byte[] damaged = message.clone();
    for (int i = random.nextInt(6); i > 0; i--) {
      int at = random.nextInt(damaged.length);
      if (random.nextBoolean()) {
        damaged[at] = (byte) random.nextInt();
      } else if (at % 4 == 0 && at + 4 <= damaged.length) {
        int length = random.nextBoolean() ? random.nextInt(8) : random.nextInt(0x10000);
        FakeKernel.buffer(damaged).putShort(at, (short) length);
        if (random.nextBoolean()) {
          FakeKernel.buffer(damaged).putShort(at + 2, (short) random.nextInt());
        }
      } else {
        damaged[at] = (byte) random.nextInt(64);
      }
    }
    return random.nextInt(4) == 0
        ? Arrays.copyOf(damaged, 1 + random.nextInt(damaged.length + 8))
        : damaged;
  }
}
