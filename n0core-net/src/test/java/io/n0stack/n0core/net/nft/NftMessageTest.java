package io.n0stack.n0core.net.nft;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Wire;
import io.n0stack.n0core.net.nft.Chain.Hook;
import io.n0stack.n0core.net.nft.Chain.Point;
import io.n0stack.n0core.net.nft.Chain.Policy;
import io.n0stack.n0core.net.nft.Expression.Base;
import io.n0stack.n0core.net.nft.Expression.Bitwise;
import io.n0stack.n0core.net.nft.Expression.Compare;
import io.n0stack.n0core.net.nft.Expression.Counter;
import io.n0stack.n0core.net.nft.Expression.Ct;
import io.n0stack.n0core.net.nft.Expression.CtKey;
import io.n0stack.n0core.net.nft.Expression.Immediate;
import io.n0stack.n0core.net.nft.Expression.Limit;
import io.n0stack.n0core.net.nft.Expression.Lookup;
import io.n0stack.n0core.net.nft.Expression.Masquerade;
import io.n0stack.n0core.net.nft.Expression.Membership;
import io.n0stack.n0core.net.nft.Expression.Meta;
import io.n0stack.n0core.net.nft.Expression.MetaKey;
import io.n0stack.n0core.net.nft.Expression.Nat;
import io.n0stack.n0core.net.nft.Expression.NatType;
import io.n0stack.n0core.net.nft.Expression.Operator;
import io.n0stack.n0core.net.nft.Expression.Payload;
import io.n0stack.n0core.net.nft.Expression.Verdict;
import io.n0stack.n0core.net.nft.Expression.VerdictMap;
import io.n0stack.n0core.net.nft.NamedSet.Element;
import io.n0stack.n0core.net.nft.NamedSet.KeyType;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Holds each message to bytes that were put together by hand from linux/netlink.h, nfnetlink.h and
 * nf_tables.h, on a little-endian machine. Lengths, types and flags are those of netlink, in the
 * machine's order; values are in network order.
 */
class NftMessageTest {
  private static final TableId TABLE = new TableId(Family.BRIDGE, "own");
  // nfgenmsg: family 7, version 0, resource 0; NFTA_TABLE_NAME "own"
  private static final String OWN = "07000000 0800 0100 6f776e00";

  private static String hex(NftMessage message) {
    MessageWriter writer = new MessageWriter();
    message.write(writer);
    return HexFormat.of().formatHex(writer.copy());
  }

  /** Puts nlmsghdr before the rest: length, type, flags, and zeros for number and port. */
  private static String message(int type, int flags, String... parts) {
    String body = String.join("", parts).replace(" ", "");
    return little(16 + body.length() / 2, 4)
        + little(type, 2)
        + little(flags, 2)
        + "00".repeat(8)
        + body;
  }

  private static String little(int value, int bytes) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < bytes; i++) {
      out.append(HexFormat.of().toHexDigits((byte) (value >> (8 * i))));
    }
    return out.toString();
  }

  static Stream<Arguments> messages() {
    Chain base = Chain.base(
            "fwd", new Hook(Chain.Type.FILTER, Point.FORWARD, -200, Policy.ACCEPT), List.of())
        .withComment("x");
    Element jump = Element.of(Octets.ofLink("tap0"), Verdict.jump("p"));
    String key = "1800 0180 1400 0100 74617030" + "00".repeat(12);
    return Stream.of(
        Arguments.of(NftMessage.batchBegin(258), message(0x10, 1, "00 00 000a 0800 0100 00000102")),
        Arguments.of(NftMessage.batchEnd(), message(0x11, 1, "00 00 000a")),
        Arguments.of(NftMessage.getGeneration(), message(0xa10, 1, "00000000")),
        Arguments.of(NftMessage.listTables(), message(0xa01, 0x301, "00000000")),
        Arguments.of(NftMessage.getTable(TABLE), message(0xa01, 1, OWN)),
        Arguments.of(
            NftMessage.addTable(TABLE, "me"),
            message(0xa00, 0x401, OWN, "0900 0600 00 03 6d6500 000000")),
        Arguments.of(NftMessage.deleteTable(TABLE), message(0xa02, 1, OWN)),
        Arguments.of(NftMessage.listChains(TABLE), message(0xa04, 0x301, OWN)),
        Arguments.of(
            NftMessage.addChain(TABLE, base),
            message(
                0xa03,
                0x401,
                OWN,
                "0800 0300 66776400",
                "1400 0480 0800 0100 00000002 0800 0200 ffffff38",
                "0800 0500 00000001",
                "0b00 0700 66696c74657200 00",
                "0800 0c00 00 02 7800")),
        Arguments.of(
            NftMessage.deleteChain(TABLE, "fwd"), message(0xa05, 1, OWN, "0800 0300 66776400")),
        Arguments.of(
            NftMessage.addRule(TABLE, "fwd", Rule.of(Verdict.drop()).withComment("x")),
            message(
                0xa06,
                0xc01,
                OWN,
                "0800 0200 66776400",
                "3400 0480 3000 0180 0e00 0100 696d6d65646961746500 0000",
                "1c00 0280 0800 0100 00000000 1000 0280 0c00 0280 0800 0100 00000000",
                "0800 0700 00 02 7800")),
        Arguments.of(
            NftMessage.deleteRule(TABLE, "fwd", 258),
            message(0xa08, 1, OWN, "0800 0200 66776400 0c00 0300 0000000000000102")),
        Arguments.of(
            NftMessage.flushChain(TABLE, "fwd"), message(0xa08, 1, OWN, "0800 0200 66776400")),
        Arguments.of(
            NftMessage.addSet(TABLE, NamedSet.map("m", KeyType.IFNAME, List.of(jump)), 3),
            message(
                0xa09,
                0x401,
                OWN,
                "0600 0200 6d00 0000 0800 0300 00000008 0800 0400 00000029 0800 0500 00000010",
                "0800 0600 ffffff00 0800 0a00 00000003",
                "0a00 0d00 00 04 01000000 0000")),
        Arguments.of(
            NftMessage.addElements(TABLE, "m", List.of(jump)).get(0),
            message(
                0xa0c,
                0x401,
                OWN,
                "0600 0200 6d00 0000",
                "3800 0380 3400 0180",
                key,
                "1800 0280 1400 0280 0800 0100 fffffffd 0600 0200 7000 0000")),
        Arguments.of(
            NftMessage.deleteElement(TABLE, "m", Octets.ofLink("tap0")),
            message(0xa0e, 1, OWN, "0600 0200 6d00 0000 2000 0380 1c00 0180", key)));
  }

  @ParameterizedTest
  @MethodSource("messages")
  void messageIsAsTheHeadersSay(NftMessage message, String expected) {
    assertThat(ByteOrder.nativeOrder()).as("order of the bytes").isEqualTo(ByteOrder.LITTLE_ENDIAN);

    assertThat(hex(message)).isEqualTo(expected);
  }

  static Stream<Arguments> expressions() {
    Octets net = new Octets("0a4d0000");
    return Stream.of(
        Arguments.of(new Meta(MetaKey.OIFNAME, 1), "meta", "0800 0100 00000001 0800 0200 00000007"),
        Arguments.of(new Ct(CtKey.STATUS, 2), "ct", "0800 0100 00000002 0800 0200 00000002"),
        Arguments.of(
            new Payload(Base.NETWORK, 12, 4, 1),
            "payload",
            "0800 0100 00000001 0800 0200 00000001 0800 0300 0000000c 0800 0400 00000004"),
        Arguments.of(
            new Bitwise(new Octets("ffff0000"), new Octets("00000000"), 1),
            "bitwise",
            "0800 0100 00000001 0800 0200 00000001 0800 0300 00000004"
                + "0c00 0480 0800 0100 ffff0000 0c00 0580 0800 0100 00000000"),
        Arguments.of(
            new Compare(Operator.NOT_EQUAL, net, 1),
            "cmp",
            "0800 0100 00000001 0800 0200 00000001 0c00 0380 0800 0100 0a4d0000"),
        Arguments.of(
            new Lookup("s", Membership.NOT_IN, 1),
            "lookup",
            "0600 0100 7300 0000 0800 0200 00000001 0800 0500 00000001"),
        Arguments.of(
            new VerdictMap("m", 1),
            "lookup",
            "0600 0100 6d00 0000 0800 0200 00000001 0800 0300 00000000"),
        Arguments.of(
            new Immediate(net, 1), "immediate", "0800 0100 00000001 0c00 0280 0800 0100 0a4d0000"),
        Arguments.of(
            Verdict.jump("c"),
            "immediate",
            "0800 0100 00000000 1800 0280 1400 0280 0800 0100 fffffffd 0600 0200 6300 0000"),
        Arguments.of(
            new Nat(NatType.DESTINATION, Family.IP, 1, OptionalInt.of(2)),
            "nat",
            "0800 0100 00000001 0800 0200 00000002 0800 0300 00000001 0800 0500 00000002"),
        Arguments.of(new Masquerade(), "masq", ""),
        Arguments.of(
            new Counter(2, 3), "counter", "0c00 0100 0000000000000003 0c00 0200 0000000000000002"),
        Arguments.of(
            new Limit(10, 60, 5),
            "limit",
            "0c00 0100 000000000000000a 0c00 0200 000000000000003c"
                + "0800 0300 00000005 0800 0400 00000000"));
  }

  @ParameterizedTest
  @MethodSource("expressions")
  void expressionIsAsTheHeadersSayAndReadAsItWasWritten(
      Expression expression, String name, String data) {
    String attributes = data.replace(" ", "");
    String text = HexFormat.of().formatHex((name + '\0').getBytes(StandardCharsets.UTF_8));
    String padded = text + "00".repeat((-text.length() / 2) & 3);
    String inner = little(4 + text.length() / 2, 2) + "0100" + padded
        + little(4 + attributes.length() / 2, 2) + "0280" + attributes;

    MessageWriter writer = new MessageWriter();
    writer.begin(0, 0, 0);
    new ExpressionWriter(writer).write(expression);

    byte[] written = writer.copy();
    assertThat(HexFormat.of().formatHex(written, 16, written.length))
        .isEqualTo(little(4 + inner.length() / 2, 2) + "0180" + inner);
    assertThat(ExpressionReader.decode(Wire.order(written), 20, written.length))
        .isEqualTo(expression);
  }

  @Test
  void manyElementsAreSeveralMessages() {
    List<Element> many = IntStream.range(0, 401)
        .mapToObj(i -> Element.of(Octets.ofLink("tap" + i)))
        .toList();

    assertThat(NftMessage.addElements(TABLE, "s", many)).hasSize(3);
    assertThat(NftMessage.addElements(TABLE, "s", List.of())).isEmpty();
  }
}
