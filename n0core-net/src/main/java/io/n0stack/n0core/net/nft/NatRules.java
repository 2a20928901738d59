package io.n0stack.n0core.net.nft;

import static io.n0stack.n0core.net.nft.Matches.meta;
import static io.n0stack.n0core.net.nft.Matches.payload;
import static io.n0stack.n0core.net.nft.Matches.prefix;
import static io.n0stack.n0core.net.nft.Steps.join;
import static io.n0stack.n0core.net.nft.Steps.rule;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.nft.Expression.Base;
import io.n0stack.n0core.net.nft.Expression.Bitwise;
import io.n0stack.n0core.net.nft.Expression.Compare;
import io.n0stack.n0core.net.nft.Expression.Ct;
import io.n0stack.n0core.net.nft.Expression.CtKey;
import io.n0stack.n0core.net.nft.Expression.Immediate;
import io.n0stack.n0core.net.nft.Expression.Masquerade;
import io.n0stack.n0core.net.nft.Expression.MetaKey;
import io.n0stack.n0core.net.nft.Expression.Nat;
import io.n0stack.n0core.net.nft.Expression.NatType;
import io.n0stack.n0core.net.nft.Expression.Operator;
import io.n0stack.n0core.net.nft.PortForward.Protocol;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** Writes the rules of {@link SourceNat} and {@link PortForward} by the chains that they are for. */
final class NatRules {
  private static final int FIRST = 1;
  private static final int SECOND = 2;
  private static final int PORT = 2; // of the destination in struct tcphdr and udphdr
  private static final int IPS_DST_NAT = 0x20; // linux/netfilter/nf_conntrack_common.h

  private NatRules() {}

  static Map<String, List<Rule>> of(SourceNat nat) {
    return Map.of(
        Translations.POSTROUTING,
        nat.sources().stream().map(source -> source(nat, source)).toList());
  }

  static Map<String, List<Rule>> of(PortForward forward) {
    InetAddress guest = forward.guest().getAddress();
    Steps translation = Steps.of(
        new Immediate(Octets.of(guest.getAddress()), FIRST),
        new Immediate(Octets.ofShort(forward.guest().getPort()), SECOND),
        new Nat(NatType.DESTINATION, family(guest), FIRST, OptionalInt.of(SECOND)));
    List<Rule> destination =
        List.of(rule(family(guest, to(forward.protocol(), forward.host())), translation));
    Map<String, List<Rule>> rules = new HashMap<>();
    rules.put(Translations.PREROUTING, destination);
    rules.put(Translations.OUTPUT, destination);
    forward
        .hidden()
        .ifPresent(hidden -> rules.put(
            Translations.POSTROUTING,
            List.of(rule(
                from(hidden),
                to(forward.protocol(), forward.guest()),
                Steps.of(
                    new Ct(CtKey.STATUS, FIRST),
                    new Bitwise(Octets.ofNative(IPS_DST_NAT), Octets.ofNative(0), FIRST),
                    new Compare(Operator.NOT_EQUAL, Octets.ofNative(0), FIRST),
                    new Masquerade())))));
    return rules;
  }

  private static Rule source(SourceNat nat, CidrAddress source) {
    Steps outside = nat.bridge()
        .map(name -> meta(MetaKey.OIFNAME, Operator.NOT_EQUAL, Octets.ofLink(name)))
        .orElse(Steps.of());
    Steps translation = nat.address()
        .map(address -> Steps.of(
            new Immediate(Octets.of(address.getAddress()), FIRST),
            new Nat(NatType.SOURCE, family(address), FIRST, OptionalInt.empty())))
        .orElse(Steps.of(new Masquerade()));
    return rule(from(source), outside, translation);
  }

  private static Family family(InetAddress address) {
    return address.getAddress().length == 4 ? Family.IP : Family.IP6;
  }

  private static Steps family(InetAddress address, Steps rest) {
    return join(meta(MetaKey.NFPROTO, Octets.of((byte) family(address).number())), rest);
  }

  private static Steps from(CidrAddress source) {
    boolean ipv4 = family(source.address()) == Family.IP;
    return family(
        source.address(),
        prefix(Base.NETWORK, ipv4 ? Matches.IPV4_SOURCE : Matches.IPV6_SOURCE, source));
  }

  private static Steps to(Protocol protocol, InetSocketAddress destination) {
    byte[] address = destination.getAddress().getAddress();
    int offset = address.length == 4 ? Matches.IPV4_DESTINATION : Matches.IPV6_DESTINATION;
    return join(
        payload(Base.NETWORK, offset, Octets.of(address)),
        meta(MetaKey.L4PROTO, Octets.of((byte) protocol.number())),
        payload(Base.TRANSPORT, PORT, Octets.ofShort(destination.getPort())));
  }
}
