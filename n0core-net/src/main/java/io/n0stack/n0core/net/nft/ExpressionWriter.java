package io.n0stack.n0core.net.nft;

import static io.n0stack.n0core.net.nft.NfTables.NFTA_BITWISE_DREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_BITWISE_LEN;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_BITWISE_MASK;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_BITWISE_SREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_BITWISE_XOR;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CMP_DATA;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CMP_OP;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CMP_SREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_COUNTER_BYTES;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_COUNTER_PACKETS;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CT_DREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_CT_KEY;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_DATA_VALUE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_DATA_VERDICT;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_EXPR_DATA;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_EXPR_NAME;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_IMMEDIATE_DATA;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_IMMEDIATE_DREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LIMIT_BURST;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LIMIT_RATE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LIMIT_TYPE;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LIMIT_UNIT;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LIST_ELEM;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LOOKUP_DREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LOOKUP_FLAGS;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LOOKUP_SET;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_LOOKUP_SREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_META_DREG;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_META_KEY;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_NAT_FAMILY;
import static io.n0stack.n0core.net.nft.NfTables.NFTA_NAT_REG_ADDR_MIN;
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

import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.nft.Expression.Bitwise;
import io.n0stack.n0core.net.nft.Expression.Compare;
import io.n0stack.n0core.net.nft.Expression.Counter;
import io.n0stack.n0core.net.nft.Expression.Ct;
import io.n0stack.n0core.net.nft.Expression.Immediate;
import io.n0stack.n0core.net.nft.Expression.Limit;
import io.n0stack.n0core.net.nft.Expression.Lookup;
import io.n0stack.n0core.net.nft.Expression.Masquerade;
import io.n0stack.n0core.net.nft.Expression.Membership;
import io.n0stack.n0core.net.nft.Expression.Meta;
import io.n0stack.n0core.net.nft.Expression.Nat;
import io.n0stack.n0core.net.nft.Expression.Other;
import io.n0stack.n0core.net.nft.Expression.Payload;
import io.n0stack.n0core.net.nft.Expression.Verdict;
import io.n0stack.n0core.net.nft.Expression.VerdictMap;

/** Writes what {@link ExpressionReader} reads. */
final class ExpressionWriter {
  private final MessageWriter message;

  ExpressionWriter(MessageWriter message) {
    this.message = message;
  }

  void write(Expression expression) {
    int element = message.open(NFTA_LIST_ELEM);
    message.text(NFTA_EXPR_NAME, name(expression));
    int data = message.open(NFTA_EXPR_DATA);
    writeData(expression);
    message.close(data);
    message.close(element);
  }

  private static String name(Expression expression) {
    if (expression instanceof Other other) {
      return other.name();
    } else if (expression instanceof Meta) {
      return "meta";
    } else if (expression instanceof Ct) {
      return "ct";
    } else if (expression instanceof Payload) {
      return "payload";
    } else if (expression instanceof Bitwise) {
      return "bitwise";
    } else if (expression instanceof Compare) {
      return "cmp";
    } else if (expression instanceof Lookup || expression instanceof VerdictMap) {
      return "lookup";
    } else if (expression instanceof Immediate || expression instanceof Verdict) {
      return "immediate";
    } else if (expression instanceof Nat) {
      return "nat";
    } else if (expression instanceof Masquerade) {
      return "masq";
    } else if (expression instanceof Counter) {
      return "counter";
    } else if (expression instanceof Limit) {
      return "limit";
    }
    throw new AssertionError(expression);
  }

  private void writeData(Expression expression) {
    if (expression instanceof Other other) {
      message.raw(other.data().bytes());
    } else if (expression instanceof Meta meta) {
      message.networkNumber(NFTA_META_DREG, meta.register());
      message.networkNumber(NFTA_META_KEY, meta.key().number());
    } else if (expression instanceof Ct ct) {
      message.networkNumber(NFTA_CT_DREG, ct.register());
      message.networkNumber(NFTA_CT_KEY, ct.key().number());
    } else if (expression instanceof Payload payload) {
      message.networkNumber(NFTA_PAYLOAD_DREG, payload.register());
      message.networkNumber(NFTA_PAYLOAD_BASE, payload.base().number());
      message.networkNumber(NFTA_PAYLOAD_OFFSET, payload.offset());
      message.networkNumber(NFTA_PAYLOAD_LEN, payload.length());
    } else if (expression instanceof Bitwise bitwise) {
      writeBitwise(bitwise);
    } else if (expression instanceof Compare compare) {
      message.networkNumber(NFTA_CMP_SREG, compare.register());
      message.networkNumber(NFTA_CMP_OP, compare.operator().number());
      writeValue(NFTA_CMP_DATA, compare.value());
    } else {
      writeMore(expression);
    }
  }

  private void writeMore(Expression expression) {
    if (expression instanceof Lookup lookup) {
      message.text(NFTA_LOOKUP_SET, lookup.set());
      message.networkNumber(NFTA_LOOKUP_SREG, lookup.register());
      if (lookup.membership() == Membership.NOT_IN) {
        message.networkNumber(NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
      }
    } else if (expression instanceof VerdictMap map) {
      message.text(NFTA_LOOKUP_SET, map.map());
      message.networkNumber(NFTA_LOOKUP_SREG, map.register());
      message.networkNumber(NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
    } else if (expression instanceof Immediate immediate) {
      message.networkNumber(NFTA_IMMEDIATE_DREG, immediate.register());
      writeValue(NFTA_IMMEDIATE_DATA, immediate.value());
    } else if (expression instanceof Verdict verdict) {
      message.networkNumber(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
      writeVerdict(NFTA_IMMEDIATE_DATA, verdict);
    } else if (expression instanceof Nat nat) {
      message.networkNumber(NFTA_NAT_TYPE, nat.type().number());
      message.networkNumber(NFTA_NAT_FAMILY, nat.family().number());
      message.networkNumber(NFTA_NAT_REG_ADDR_MIN, nat.addressRegister());
      nat.portRegister()
          .ifPresent(register -> message.networkNumber(NFTA_NAT_REG_PROTO_MIN, register));
    } else if (expression instanceof Counter counter) {
      message.networkLongNumber(NFTA_COUNTER_BYTES, counter.bytes());
      message.networkLongNumber(NFTA_COUNTER_PACKETS, counter.packets());
    } else if (expression instanceof Limit limit) {
      message.networkLongNumber(NFTA_LIMIT_RATE, limit.packets());
      message.networkLongNumber(NFTA_LIMIT_UNIT, limit.perSeconds());
      message.networkNumber(NFTA_LIMIT_BURST, limit.burst());
      message.networkNumber(NFTA_LIMIT_TYPE, 0);
    }
  }

  private void writeBitwise(Bitwise bitwise) {
    message.networkNumber(NFTA_BITWISE_SREG, bitwise.register());
    message.networkNumber(NFTA_BITWISE_DREG, bitwise.register());
    message.networkNumber(NFTA_BITWISE_LEN, bitwise.mask().length());
    writeValue(NFTA_BITWISE_MASK, bitwise.mask());
    writeValue(NFTA_BITWISE_XOR, bitwise.inverted());
  }

  void writeValue(int type, Octets value) {
    int data = message.open(type);
    message.octets(NFTA_DATA_VALUE, value.bytes());
    message.close(data);
  }

  void writeVerdict(int type, Verdict verdict) {
    int data = message.open(type);
    int nested = message.open(NFTA_DATA_VERDICT);
    message.networkNumber(NFTA_VERDICT_CODE, verdict.decision().number());
    verdict.chain().ifPresent(chain -> message.text(NFTA_VERDICT_CHAIN, chain));
    message.close(nested);
    message.close(data);
  }
}
