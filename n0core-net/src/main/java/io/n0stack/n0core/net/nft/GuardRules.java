package io.n0stack.n0core.net.nft;

import static io.n0stack.n0core.net.nft.Matches.meta;
import static io.n0stack.n0core.net.nft.Matches.payload;
import static io.n0stack.n0core.net.nft.Matches.prefix;
import static io.n0stack.n0core.net.nft.Steps.join;
import static io.n0stack.n0core.net.nft.Steps.rule;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.net.internal.InternetAddresses;
import io.n0stack.n0core.net.nft.Expression.Base;
import io.n0stack.n0core.net.nft.Expression.Counter;
import io.n0stack.n0core.net.nft.Expression.MetaKey;
import io.n0stack.n0core.net.nft.Expression.Operator;
import io.n0stack.n0core.net.nft.Expression.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Writes the chains of a {@link PortGuard}: one that all frames of the tap go through, and one for IPv6
 * whose source was found good.
 */
final class GuardRules {
  private static final int ETHER_SOURCE = 6; // struct ethhdr, linux/if_ether.h
  private static final int ETHER_TYPE = 12;
  private static final String ARP = "0806";
  private static final String RARP = "8035";
  private static final String IPV4 = "0800";
  private static final String IPV6 = "86dd";
  private static final int ARP_SENDER_MAC = 8; // RFC 826, behind the first 8 bytes
  private static final int ARP_SENDER_IP = 14;
  private static final int ARP_TARGET_MAC = 18;
  private static final String ARP_ETHERNET_IPV4 = "000108000604";
  private static final String ANY_IPV4 = "00000000";
  private static final String EVERYBODY = "ffffffff";
  private static final String DHCP_PORTS = "00440043";
  private static final String ANY_IPV6 = "00".repeat(16);
  private static final Octets UDP = new Octets("11");
  private static final Octets ICMPV6 = new Octets("3a");
  private static final int IPV6_LENGTH = 4; // struct ipv6hdr, linux/ipv6.h
  private static final int ND_TARGET = 8; // RFC 4861, sections 4.3 and 4.4
  private static final int ND_OPTION = 24;
  private static final int ND_OPTION_MAC = 26;
  private static final String ROUTER_SOLICITATION = "85";
  private static final String ROUTER_ADVERTISEMENT = "86";
  private static final String NEIGHBOUR_SOLICITATION = "87";
  private static final String NEIGHBOUR_ADVERTISEMENT = "88";
  private static final String REDIRECT = "89";
  private static final String SOURCE_MAC_OPTION = "0101"; // type, length in units of 8 bytes
  private static final String TARGET_MAC_OPTION = "0201";
  private static final Octets ADVERTISEMENT_WITH_MAC = new Octets("0020"); // bytes
  private static final List<String> MULTICAST_REPORTS = List.of("83", "84", "8f"); // RFC 3810

  private static final Steps ACCEPT = Steps.of(Verdict.accept());
  private static final Steps DROP = Steps.of(Counter.zero(), Verdict.drop());

  private final Octets mac;
  private final List<CidrAddress> ipv4;
  private final List<CidrAddress> ipv6;
  private final String ipv6Chain;
  private final List<Rule> rules = new ArrayList<>();

  private GuardRules(MacAddress mac, List<CidrAddress> addresses, String ipv6Chain) {
    this.mac = Octets.of(mac.octets());
    this.ipv6Chain = ipv6Chain;
    ipv4 = addresses.stream().filter(each -> bytes(each) == 4).toList();
    ipv6 = Stream.concat(
            Stream.of(new CidrAddress(InternetAddresses.linkLocal(mac), 128)),
            addresses.stream().filter(each -> bytes(each) == 16))
        .distinct()
        .toList();
  }

  private static int bytes(CidrAddress address) {
    return address.address().getAddress().length;
  }

  /** Writes the chains, that of the tap first. */
  static List<Chain> chains(String chain, String ipv6Chain, PortGuard guard) {
    if (guard.mac().isEmpty()) {
      return List.of(Chain.regular(chain, List.of()).withComment(guard.stamp()));
    }
    GuardRules writer = new GuardRules(guard.mac().get(), guard.addresses(), ipv6Chain);
    writer.macs();
    if (guard.addresses().isEmpty()) {
      return List.of(Chain.regular(chain, writer.rules).withComment(guard.stamp()));
    }
    writer.arp();
    writer.ipv4();
    writer.ipv6();
    writer.rules.add(rule(DROP));
    Chain first = Chain.regular(chain, writer.rules).withComment(guard.stamp());
    return List.of(first, Chain.regular(ipv6Chain, writer.neighbours()).withComment(guard.stamp()));
  }

  private void add(Steps... parts) {
    rules.add(rule(parts));
  }

  private void macs() {
    add(payload(Base.LINK, ETHER_SOURCE, Operator.NOT_EQUAL, mac), DROP);
    // Also in a VLAN: the EtherType here is that of what the tag is before.
    add(
        meta(MetaKey.PROTOCOL, new Octets(ARP)),
        payload(Base.NETWORK, ARP_SENDER_MAC, Operator.NOT_EQUAL, mac),
        DROP);
  }

  /** Matches an EtherType that no tag is before. */
  private static Steps untagged(String etherType) {
    return payload(Base.LINK, ETHER_TYPE, etherType);
  }

  private void arp() {
    Steps good = join(untagged(ARP), payload(Base.NETWORK, 0, ARP_ETHERNET_IPV4));
    add(good, payload(Base.NETWORK, ARP_SENDER_IP, ANY_IPV4), ACCEPT);
    for (CidrAddress address : ipv4) {
      add(good, prefix(Base.NETWORK, ARP_SENDER_IP, address), ACCEPT);
    }
    add(
        untagged(RARP),
        payload(Base.NETWORK, ARP_SENDER_MAC, mac),
        payload(Base.NETWORK, ARP_TARGET_MAC, mac),
        ACCEPT);
  }

  private void ipv4() {
    add(
        untagged(IPV4),
        payload(Base.NETWORK, Matches.IPV4_SOURCE, ANY_IPV4),
        payload(Base.NETWORK, Matches.IPV4_DESTINATION, EVERYBODY),
        meta(MetaKey.L4PROTO, UDP),
        payload(Base.TRANSPORT, 0, DHCP_PORTS),
        ACCEPT);
    for (CidrAddress address : ipv4) {
      add(untagged(IPV4), prefix(Base.NETWORK, Matches.IPV4_SOURCE, address), ACCEPT);
    }
  }

  private void ipv6() {
    for (CidrAddress address : ipv6) {
      add(
          untagged(IPV6),
          prefix(Base.NETWORK, Matches.IPV6_SOURCE, address),
          Steps.of(Verdict.jump(ipv6Chain)));
    }
    Steps nobody = join(
        untagged(IPV6),
        payload(Base.NETWORK, Matches.IPV6_SOURCE, ANY_IPV6),
        meta(MetaKey.L4PROTO, ICMPV6));
    add(nobody, type(ROUTER_SOLICITATION), ACCEPT);
    for (String report : MULTICAST_REPORTS) {
      add(nobody, type(report), ACCEPT);
    }
    for (CidrAddress address : ipv6) {
      add(nobody, type(NEIGHBOUR_SOLICITATION), prefix(Base.TRANSPORT, ND_TARGET, address), ACCEPT);
    }
  }

  private static Steps type(String type) {
    return payload(Base.TRANSPORT, 0, type);
  }

  /** Writes what is asked of IPv6 from a good source. */
  private List<Rule> neighbours() {
    List<Rule> chain = new ArrayList<>();
    chain.add(rule(meta(MetaKey.L4PROTO, Operator.NOT_EQUAL, ICMPV6), ACCEPT));
    for (String type : List.of(ROUTER_ADVERTISEMENT, REDIRECT)) {
      chain.add(icmp(type(type), DROP));
    }
    chain.add(icmp(
        type(NEIGHBOUR_SOLICITATION),
        payload(Base.TRANSPORT, ND_OPTION, SOURCE_MAC_OPTION),
        payload(Base.TRANSPORT, ND_OPTION_MAC, Operator.NOT_EQUAL, mac),
        DROP));
    // An advertisement has no option, or one: anything longer could say another MAC behind.
    chain.add(icmp(
        type(NEIGHBOUR_ADVERTISEMENT),
        payload(Base.NETWORK, IPV6_LENGTH, Operator.MORE, ADVERTISEMENT_WITH_MAC),
        DROP));
    chain.add(icmp(
        type(NEIGHBOUR_ADVERTISEMENT),
        payload(
            Base.TRANSPORT,
            ND_OPTION,
            Operator.NOT_EQUAL,
            new Octets(TARGET_MAC_OPTION + mac.hex())),
        DROP));
    for (CidrAddress address : ipv6) {
      chain.add(
          icmp(type(NEIGHBOUR_ADVERTISEMENT), prefix(Base.TRANSPORT, ND_TARGET, address), ACCEPT));
    }
    chain.add(icmp(type(NEIGHBOUR_ADVERTISEMENT), DROP));
    chain.add(rule(ACCEPT));
    return chain;
  }

  private static Rule icmp(Steps... parts) {
    return rule(join(meta(MetaKey.L4PROTO, ICMPV6), join(parts)));
  }
}
