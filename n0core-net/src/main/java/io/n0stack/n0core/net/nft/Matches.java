package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.nft.Expression.Base;
import io.n0stack.n0core.net.nft.Expression.Bitwise;
import io.n0stack.n0core.net.nft.Expression.Compare;
import io.n0stack.n0core.net.nft.Expression.Lookup;
import io.n0stack.n0core.net.nft.Expression.Membership;
import io.n0stack.n0core.net.nft.Expression.Meta;
import io.n0stack.n0core.net.nft.Expression.MetaKey;
import io.n0stack.n0core.net.nft.Expression.Operator;
import io.n0stack.n0core.net.nft.Expression.Payload;
import java.util.Arrays;

/** Expressions that load something into the first register and compare it. */
final class Matches {
  static final int IPV4_SOURCE = 12; // offsets in struct iphdr, linux/ip.h
  static final int IPV4_DESTINATION = 16;
  static final int IPV6_SOURCE = 8; // struct ipv6hdr, linux/ipv6.h
  static final int IPV6_DESTINATION = 24;
  private static final int FIRST = 1;

  private Matches() {}

  static Steps payload(Base base, int offset, String hex) {
    return payload(base, offset, new Octets(hex));
  }

  static Steps payload(Base base, int offset, Octets value) {
    return payload(base, offset, Operator.EQUAL, value);
  }

  static Steps payload(Base base, int offset, Operator operator, Octets value) {
    return Steps.of(
        new Payload(base, offset, value.length(), FIRST), new Compare(operator, value, FIRST));
  }

  static Steps meta(MetaKey key, Octets value) {
    return meta(key, Operator.EQUAL, value);
  }

  static Steps meta(MetaKey key, Operator operator, Octets value) {
    return Steps.of(new Meta(key, FIRST), new Compare(operator, value, FIRST));
  }

  static Steps in(MetaKey key, String set) {
    return Steps.of(new Meta(key, FIRST), new Lookup(set, Membership.IN, FIRST));
  }

  /** Matches addresses of a prefix. */
  static Steps prefix(Base base, int offset, CidrAddress prefix) {
    int length = prefix.address().getAddress().length;
    Payload load = new Payload(base, offset, length, FIRST);
    Compare compare = new Compare(Operator.EQUAL, network(prefix), FIRST);
    if (prefix.prefixLength() == 8 * length) {
      return Steps.of(load, compare);
    }
    Octets mask = Octets.of(mask(length, prefix.prefixLength()));
    return Steps.of(load, new Bitwise(mask, Octets.of(new byte[length]), FIRST), compare);
  }

  static Octets network(CidrAddress address) {
    byte[] bytes = address.address().getAddress();
    byte[] mask = mask(bytes.length, address.prefixLength());
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] &= mask[i];
    }
    return Octets.of(bytes);
  }

  private static byte[] mask(int length, int bits) {
    byte[] mask = new byte[length];
    Arrays.fill(mask, 0, bits / 8, (byte) 0xff);
    if (bits % 8 != 0) {
      mask[bits / 8] = (byte) (0xff00 >> bits % 8);
    }
    return mask;
  }
}
