package io.n0stack.n0core.net.nft;

import static io.n0stack.n0core.net.nft.NfTables.NFTA_BITWISE_DREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_BITWISE_LEN;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_BITWISE_MASK;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_BITWISE_OP;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_BITWISE_SREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_BITWISE_XOR;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CMP_DATA;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CMP_OP;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CMP_SREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_COUNTER_BYTES;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_COUNTER_PACKETS;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_COUNTER_PAD;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CT_DREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CT_KEY;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_DATA_VALUE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_DATA_VERDICT;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_EXPR_DATA;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_EXPR_NAME;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_IMMEDIATE_DATA;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_IMMEDIATE_DREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LIMIT_BURST;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LIMIT_FLAGS;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LIMIT_PAD;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LIMIT_RATE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LIMIT_TYPE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LIMIT_UNIT;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LOOKUP_DREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LOOKUP_FLAGS;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LOOKUP_SET;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LOOKUP_SREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_META_DREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_META_KEY;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_NAT_FAMILY;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_NAT_FLAGS;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_NAT_REG_ADDR_MAX;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_NAT_REG_ADDR_MIN;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_NAT_REG_PROTO_MAX;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_NAT_REG_PROTO_MIN;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_NAT_TYPE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_PAYLOAD_BASE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_PAYLOAD_DREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_PAYLOAD_LEN;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_PAYLOAD_OFFSET;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_VERDICT_CHAIN;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_VERDICT_CODE;
import static io.n0stack.n0core.net.nft.NfTables.NFT_LOOKUP_F_INV;
import static io.n0stack.n0core.net.nft.NfTables.NFT_REG_VERDICT;
import static io.n0stack.n0core.net.nft.NfTables.NF_NAT_RANGE_SPECIFIED;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.net.nft.Expression.Base;
import io.n0stack.n0core.net.nft.Expression.Bitwise;
import io.n0stack.n0core.net.nft.Expression.Compare;
import io.n0stack.n0core.net.nft.Expression.Counter;
import io.n0stack.n0core.net.nft.Expression.Ct;
import io.n0stack.n0core.net.nft.Expression.CtKey;
import io.n0stack.n0core.net.nft.Expression.Decision;
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
import io.n0stack.n0core.net.nft.Expression.Other;
import io.n0stack.n0core.net.nft.Expression.Payload;
import io.n0stack.n0core.net.nft.Expression.Verdict;
import io.n0stack.n0core.net.nft.Expression.VerdictMap;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Reads expressions. One that says anything for which {@link Expression} has no word is {@link Other}:
 * what is read is all that there is.
 */
final class ExpressionReader {
  private ExpressionReader() {}

  /** Reads what is in an NFTA_LIST_ELEM between two offsets. */
  static Expression decode(ByteBuffer bytes, int from, int to) {
    Fields fields = new Fields(bytes, from, to);
    String name = fields.text(NFTA_EXPR_NAME);
    try {
      Optional<Expression> known = known(name, fields.nested(NFTA_EXPR_DATA));
      if (known.isPresent()) {
        return known.get();
      }
    } catch (N0Exception e) {
      // The kernel's value is one that our records refuse.
      return new Other(name, Octets.of(fields.octets(NFTA_EXPR_DATA)));
    }
    return new Other(name, Octets.of(fields.octets(NFTA_EXPR_DATA)));
  }

  private static Optional<Expression> known(String name, Fields data) {
    return switch (name) {
      case "meta" -> meta(data);
      case "ct" -> ct(data);
      case "payload" -> payload(data);
      case "bitwise" -> bitwise(data);
      case "cmp" -> compare(data);
      case "lookup" -> lookup(data);
      case "immediate" -> immediate(data);
      case "nat" -> nat(data);
      case "masq" -> data.are(new int[0]) ? Optional.of(new Masquerade()) : Optional.empty();
      case "counter" -> counter(data);
      case "limit" -> limit(data);
      default -> Optional.empty();
    };
  }

  private static Optional<Expression> meta(Fields data) {
    return data.are(new int[] {NFTA_META_DREG, NFTA_META_KEY})
        ? MetaKey.of(data.number(NFTA_META_KEY))
            .map(key -> new Meta(key, data.number(NFTA_META_DREG)))
        : Optional.empty();
  }

  private static Optional<Expression> ct(Fields data) {
    return data.are(new int[] {NFTA_CT_DREG, NFTA_CT_KEY})
        ? CtKey.of(data.number(NFTA_CT_KEY)).map(key -> new Ct(key, data.number(NFTA_CT_DREG)))
        : Optional.empty();
  }

  private static Optional<Expression> payload(Fields data) {
    return data.are(
            new int[] {NFTA_PAYLOAD_DREG, NFTA_PAYLOAD_BASE, NFTA_PAYLOAD_OFFSET, NFTA_PAYLOAD_LEN})
        ? Base.of(data.number(NFTA_PAYLOAD_BASE))
            .map(base -> new Payload(
                base,
                data.number(NFTA_PAYLOAD_OFFSET),
                data.number(NFTA_PAYLOAD_LEN),
                data.number(NFTA_PAYLOAD_DREG)))
        : Optional.empty();
  }

  private static Optional<Expression> bitwise(Fields data) {
    int register = data.number(NFTA_BITWISE_DREG);
    return data.are(
                new int[] {
                  NFTA_BITWISE_SREG,
                  NFTA_BITWISE_DREG,
                  NFTA_BITWISE_LEN,
                  NFTA_BITWISE_MASK,
                  NFTA_BITWISE_XOR
                },
                NFTA_BITWISE_OP)
            && data.number(NFTA_BITWISE_OP) == 0
            && data.number(NFTA_BITWISE_SREG) == register
        ? Optional.of(
            new Bitwise(value(data, NFTA_BITWISE_MASK), value(data, NFTA_BITWISE_XOR), register))
        : Optional.empty();
  }

  private static Optional<Expression> compare(Fields data) {
    return data.are(new int[] {NFTA_CMP_SREG, NFTA_CMP_OP, NFTA_CMP_DATA})
        ? Operator.of(data.number(NFTA_CMP_OP))
            .map(operator ->
                new Compare(operator, value(data, NFTA_CMP_DATA), data.number(NFTA_CMP_SREG)))
        : Optional.empty();
  }

  private static Optional<Expression> lookup(Fields data) {
    int flags = data.number(NFTA_LOOKUP_FLAGS);
    String set = data.text(NFTA_LOOKUP_SET);
    int register = data.number(NFTA_LOOKUP_SREG);
    if (!data.are(
            new int[] {NFTA_LOOKUP_SET, NFTA_LOOKUP_SREG}, NFTA_LOOKUP_DREG, NFTA_LOOKUP_FLAGS)
        || (flags & ~NFT_LOOKUP_F_INV) != 0) {
      return Optional.empty();
    }
    if (data.has(NFTA_LOOKUP_DREG)) {
      return data.number(NFTA_LOOKUP_DREG) == NFT_REG_VERDICT && flags == 0
          ? Optional.of(new VerdictMap(set, register))
          : Optional.empty();
    }
    return Optional.of(new Lookup(set, flags == 0 ? Membership.IN : Membership.NOT_IN, register));
  }

  private static Optional<Expression> immediate(Fields data) {
    if (!data.are(new int[] {NFTA_IMMEDIATE_DREG, NFTA_IMMEDIATE_DATA})) {
      return Optional.empty();
    }
    return data.number(NFTA_IMMEDIATE_DREG) == NFT_REG_VERDICT
        ? verdict(data.nested(NFTA_IMMEDIATE_DATA)).map(verdict -> verdict)
        : Optional.of(
            new Immediate(value(data, NFTA_IMMEDIATE_DATA), data.number(NFTA_IMMEDIATE_DREG)));
  }

  /** Reads NFTA_DATA_VERDICT. */
  static Optional<Verdict> verdict(Fields data) {
    Fields verdict = data.nested(NFTA_DATA_VERDICT);
    return verdict.are(new int[] {NFTA_VERDICT_CODE}, NFTA_VERDICT_CHAIN)
        ? Decision.of(verdict.number(NFTA_VERDICT_CODE))
            .map(decision -> new Verdict(
                decision,
                verdict.has(NFTA_VERDICT_CHAIN)
                    ? Optional.of(verdict.text(NFTA_VERDICT_CHAIN))
                    : Optional.empty()))
        : Optional.empty();
  }

  private static Optional<Expression> nat(Fields data) {
    int address = data.number(NFTA_NAT_REG_ADDR_MIN);
    int port = data.number(NFTA_NAT_REG_PROTO_MIN);
    boolean plain = data.are(
            new int[] {NFTA_NAT_TYPE, NFTA_NAT_FAMILY, NFTA_NAT_REG_ADDR_MIN},
            NFTA_NAT_REG_ADDR_MAX,
            NFTA_NAT_REG_PROTO_MIN,
            NFTA_NAT_REG_PROTO_MAX,
            NFTA_NAT_FLAGS)
        // The kernel tells the ends of ranges also where there is none.
        && (!data.has(NFTA_NAT_REG_ADDR_MAX) || data.number(NFTA_NAT_REG_ADDR_MAX) == address)
        && (!data.has(NFTA_NAT_REG_PROTO_MAX) || data.number(NFTA_NAT_REG_PROTO_MAX) == port)
        && (data.number(NFTA_NAT_FLAGS) & ~NF_NAT_RANGE_SPECIFIED) == 0;
    Optional<NatType> type = NatType.of(data.number(NFTA_NAT_TYPE));
    Optional<Family> family = Family.of(data.number(NFTA_NAT_FAMILY));
    return plain && type.isPresent() && family.isPresent()
        ? Optional.of(new Nat(
            type.get(),
            family.get(),
            address,
            data.has(NFTA_NAT_REG_PROTO_MIN) ? OptionalInt.of(port) : OptionalInt.empty()))
        : Optional.empty();
  }

  private static Optional<Expression> counter(Fields data) {
    return data.are(new int[] {NFTA_COUNTER_BYTES, NFTA_COUNTER_PACKETS}, NFTA_COUNTER_PAD)
        ? Optional.of(
            new Counter(data.longNumber(NFTA_COUNTER_PACKETS), data.longNumber(NFTA_COUNTER_BYTES)))
        : Optional.empty();
  }

  private static Optional<Expression> limit(Fields data) {
    return data.are(
                new int[] {NFTA_LIMIT_RATE, NFTA_LIMIT_UNIT, NFTA_LIMIT_BURST},
                NFTA_LIMIT_TYPE,
                NFTA_LIMIT_FLAGS,
                NFTA_LIMIT_PAD)
            && data.number(NFTA_LIMIT_TYPE) == 0
            && data.number(NFTA_LIMIT_FLAGS) == 0
        ? Optional.of(new Limit(
            data.longNumber(NFTA_LIMIT_RATE),
            data.longNumber(NFTA_LIMIT_UNIT),
            data.number(NFTA_LIMIT_BURST)))
        : Optional.empty();
  }

  /** Reads NFTA_DATA_VALUE in an attribute. */
  private static Octets value(Fields data, int type) {
    return Octets.of(data.nested(type).octets(NFTA_DATA_VALUE));
  }
}
