package io.n0stack.n0core.api.network;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Spec;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * A layer-2 segment on this host: a bridge, with what connects it to other hosts.
 *
 * @since 0.1
 */
public sealed interface NetworkSpec extends Spec {
  /**
   * Returns the host's own addresses on the segment.
   *
   * @return the gateway, empty if the host has no address there
   */
  Optional<Gateway> gateway();

  /**
   * Returns the largest packet that the segment carries.
   *
   * @return bytes, 68 to 65535; empty if the driver chooses
   */
  Optional<Integer> mtu();

  /**
   * The host's addresses on a segment, and what the host does for the guests there.
   *
   * @param addresses one or more addresses, each once
   * @param nat whether guests reach other networks through the host
   * @param dhcp the addresses of ports are served by DHCP; empty if they are not
   */
  record Gateway(List<CidrAddress> addresses, Nat nat, Optional<Dhcp> dhcp) {
    private static final int LONGEST_PREFIX = 30;

    /** Copies and checks the addresses; DHCP needs an IPv4 address in a network with room for guests. */
    public Gateway {
      addresses = List.copyOf(addresses);
      if (addresses.isEmpty() || addresses.stream().distinct().count() < addresses.size()) {
        throw N0Exception.invalid("gateway.addresses", addresses, "must be one or more, each once");
      }
      if (dhcp.isPresent()
          && addresses.stream()
              .noneMatch(cidr -> cidr.address() instanceof Inet4Address
                  && cidr.prefixLength() <= LONGEST_PREFIX)) {
        throw N0Exception.invalid(
            "gateway.addresses",
            addresses,
            "must have an IPv4 address with a prefix of at most " + LONGEST_PREFIX
                + " bits for gateway.dhcp");
      }
    }

    /**
     * Makes a gateway without address translation and DHCP.
     *
     * @param addresses the host's addresses on the segment
     * @return a gateway
     */
    public static Gateway of(CidrAddress... addresses) {
      return new Gateway(List.of(addresses), Nat.NONE, Optional.empty());
    }

    /**
     * Sets whether guests reach other networks through the host.
     *
     * @param how how they do
     * @return a changed copy
     */
    public Gateway withNat(Nat how) {
      return new Gateway(addresses, how, dhcp);
    }

    /**
     * Serves the addresses of ports by DHCP.
     *
     * @param service what guests are told beside their address
     * @return a changed copy
     */
    public Gateway withDhcp(Dhcp service) {
      return new Gateway(addresses, nat, Optional.of(service));
    }
  }

  /** How guests reach other networks. */
  enum Nat {
    /** Not through this host. */
    NONE,
    /** Behind the host's own address. */
    MASQUERADE
  }

  /**
   * What guests are told by DHCP beside the addresses of their ports and the gateway's. Only ports that
   * have addresses are answered.
   *
   * @param dnsServers their name servers, in order of preference, each once; empty if they are told none
   * @param domain the domain of their names, 1 to 253 characters of dotted labels
   * @param leaseTime how long an address is theirs before they ask again, 2 minutes to 365 days in whole
   *     seconds; empty for one hour
   */
  record Dhcp(List<InetAddress> dnsServers, Optional<String> domain, Optional<Duration> leaseTime) {
    private static final int LONGEST_DOMAIN = 253;
    private static final Duration SHORTEST = Duration.ofMinutes(2);
    private static final Duration LONGEST = Duration.ofDays(365);
    private static final Pattern DOMAIN = Pattern.compile(
        "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*");

    /** Copies the servers and checks everything. */
    public Dhcp {
      dnsServers = List.copyOf(dnsServers);
      if (dnsServers.stream().anyMatch(address -> !isHost(address))
          || dnsServers.stream().distinct().count() < dnsServers.size()) {
        throw N0Exception.invalid(
            "dhcp.dnsServers", dnsServers, "must be unicast addresses, each once");
      }
      domain.ifPresent(name -> {
        if (name.length() > LONGEST_DOMAIN || !DOMAIN.matcher(name).matches()) {
          throw N0Exception.invalid(
              "dhcp.domain",
              name,
              "must be 1 to 253 characters: labels of a-z, 0-9 and '-' with dots between them");
        }
      });
      leaseTime.ifPresent(time -> {
        if (time.compareTo(SHORTEST) < 0
            || time.compareTo(LONGEST) > 0
            || !time.truncatedTo(ChronoUnit.SECONDS).equals(time)) {
          throw N0Exception.invalid(
              "dhcp.leaseTime", time, "must be PT2M to P365D in whole seconds");
        }
      });
    }

    /**
     * Serves addresses, and nothing else but the gateway's.
     *
     * @return a service without name servers
     */
    public static Dhcp addressesOnly() {
      return new Dhcp(List.of(), Optional.empty(), Optional.empty());
    }

    /**
     * Names the name servers.
     *
     * @param servers unicast addresses, in order of preference
     * @return a changed copy
     */
    public Dhcp withDnsServers(InetAddress... servers) {
      return new Dhcp(List.of(servers), domain, leaseTime);
    }

    /**
     * Names the domain.
     *
     * @param name dotted labels
     * @return a changed copy
     */
    public Dhcp withDomain(String name) {
      return new Dhcp(dnsServers, Optional.of(name), leaseTime);
    }

    /**
     * Sets the lease time.
     *
     * @param time 2 minutes to 365 days
     * @return a changed copy
     */
    public Dhcp withLeaseTime(Duration time) {
      return new Dhcp(dnsServers, domain, Optional.of(time));
    }
  }

  /**
   * An untagged segment.
   *
   * @param uplink the link that becomes a port of the bridge; empty for a segment within this host
   * @param gateway the host's own addresses
   * @param mtu bytes, 68 to 65535; empty for the uplink's
   */
  record Flat(Optional<String> uplink, Optional<Gateway> gateway, Optional<Integer> mtu)
      implements NetworkSpec {
    /** Checks uplink and MTU. */
    public Flat {
      uplink.ifPresent(name -> Rules.linkName("uplink", name));
      requireMtu(mtu);
    }

    /**
     * Makes a segment within this host.
     *
     * @return a segment without uplink and gateway
     */
    public static Flat isolated() {
      return new Flat(Optional.empty(), Optional.empty(), Optional.empty());
    }

    /**
     * Makes a segment that reaches others through a link.
     *
     * @param link the link that becomes a port of the bridge
     * @return a segment with an uplink
     */
    public static Flat onUplink(String link) {
      return new Flat(Optional.of(link), Optional.empty(), Optional.empty());
    }

    /**
     * Adds a gateway.
     *
     * @param gateway the host's own addresses
     * @return a changed copy
     */
    public Flat withGateway(Gateway gateway) {
      return new Flat(uplink, Optional.of(gateway), mtu);
    }

    /**
     * Sets the MTU.
     *
     * @param bytes 68 to 65535
     * @return a changed copy
     */
    public Flat withMtu(int bytes) {
      return new Flat(uplink, gateway, Optional.of(bytes));
    }
  }

  /**
   * A segment that is one 802.1Q VLAN of a link.
   *
   * @param vlanId 1 to 4094
   * @param uplink the link that carries the VLAN
   * @param gateway the host's own addresses
   * @param mtu bytes, 68 to 65535; empty for the uplink's
   */
  record Vlan(int vlanId, String uplink, Optional<Gateway> gateway, Optional<Integer> mtu)
      implements NetworkSpec {
    /** Checks id, uplink and MTU. */
    public Vlan {
      Rules.range("vlanId", vlanId, 1, 4094);
      Rules.linkName("uplink", uplink);
      requireMtu(mtu);
    }

    /**
     * Makes a segment that is a VLAN of a link.
     *
     * @param vlanId 1 to 4094
     * @param uplink the link that carries the VLAN
     * @return a segment without gateway
     */
    public static Vlan of(int vlanId, String uplink) {
      return new Vlan(vlanId, uplink, Optional.empty(), Optional.empty());
    }

    /**
     * Adds a gateway.
     *
     * @param gateway the host's own addresses
     * @return a changed copy
     */
    public Vlan withGateway(Gateway gateway) {
      return new Vlan(vlanId, uplink, Optional.of(gateway), mtu);
    }

    /**
     * Sets the MTU.
     *
     * @param bytes 68 to 65535
     * @return a changed copy
     */
    public Vlan withMtu(int bytes) {
      return new Vlan(vlanId, uplink, gateway, Optional.of(bytes));
    }
  }

  /**
   * A segment that spans hosts in VXLAN, RFC 7348.
   *
   * @param vni 1 to 16777215
   * @param flooding where frames for unknown addresses go
   * @param local this host's unicast address in the underlay, of the same family as those in {@code
   *     flooding}; empty if the kernel chooses
   * @param port UDP port, 1 to 65535; 4789 is the registered one
   * @param gateway the host's own addresses
   * @param mtu bytes, 68 to 65535; empty for the underlay's less the encapsulation
   */
  record Vxlan(
      int vni,
      Flooding flooding,
      Optional<InetAddress> local,
      int port,
      Optional<Gateway> gateway,
      Optional<Integer> mtu)
      implements NetworkSpec {
    /** The port that IANA assigned to VXLAN. */
    public static final int REGISTERED_PORT = 4789;

    /** Checks identifier, addresses, port and MTU. */
    public Vxlan {
      Rules.range("vni", vni, 1, 0xffffff);
      Rules.range("port", port, 1, 0xffff);
      requireMtu(mtu);
      local.ifPresent(address -> requireLocal(address, flooding.destinations()));
    }

    private static void requireLocal(InetAddress local, List<InetAddress> others) {
      if (!isHost(local)) {
        throw N0Exception.invalid("local", local.getHostAddress(), "must be a unicast address");
      }
      if (others.stream().anyMatch(other -> !sameFamily(local, other))) {
        throw N0Exception.invalid(
            "local", local.getHostAddress(), "must be of the same family as those in flooding");
      }
    }

    /**
     * Makes a segment that floods to each of a list of hosts, on the registered port.
     *
     * @param vni 1 to 16777215
     * @param peers the other hosts' underlay addresses; may be none
     * @return a segment without gateway
     */
    public static Vxlan toPeers(int vni, InetAddress... peers) {
      return of(vni, new Flooding.Peers(List.of(peers)));
    }

    /**
     * Makes a segment that floods to a multicast group, on the registered port.
     *
     * @param vni 1 to 16777215
     * @param group a multicast address
     * @param uplink the link on which the group is joined
     * @return a segment without gateway
     */
    public static Vxlan toGroup(int vni, InetAddress group, String uplink) {
      return of(vni, new Flooding.Group(group, uplink));
    }

    private static Vxlan of(int vni, Flooding flooding) {
      return new Vxlan(
          vni, flooding, Optional.empty(), REGISTERED_PORT, Optional.empty(), Optional.empty());
    }

    /**
     * Sets this host's address in the underlay.
     *
     * @param address one of this host's addresses
     * @return a changed copy
     */
    public Vxlan withLocal(InetAddress address) {
      return new Vxlan(vni, flooding, Optional.of(address), port, gateway, mtu);
    }

    /**
     * Sets the UDP port.
     *
     * @param number 1 to 65535
     * @return a changed copy
     */
    public Vxlan withPort(int number) {
      return new Vxlan(vni, flooding, local, number, gateway, mtu);
    }

    /**
     * Adds a gateway.
     *
     * @param gateway the host's own addresses
     * @return a changed copy
     */
    public Vxlan withGateway(Gateway gateway) {
      return new Vxlan(vni, flooding, local, port, Optional.of(gateway), mtu);
    }

    /**
     * Sets the MTU.
     *
     * @param bytes 68 to 65535
     * @return a changed copy
     */
    public Vxlan withMtu(int bytes) {
      return new Vxlan(vni, flooding, local, port, gateway, Optional.of(bytes));
    }

    /** Where frames for unknown addresses go. */
    public sealed interface Flooding {
      /**
       * Returns the underlay addresses that such frames are sent to.
       *
       * @return the group's, or those of the peers
       */
      List<InetAddress> destinations();

      /**
       * To a multicast group.
       *
       * @param address a multicast address
       * @param uplink the link on which the group is joined
       */
      record Group(InetAddress address, String uplink) implements Flooding {
        /** Checks address and uplink. */
        public Group {
          if (!address.isMulticastAddress()) {
            throw N0Exception.invalid("flooding.address", address, "must be a multicast address");
          }
          Rules.linkName("flooding.uplink", uplink);
        }

        @Override
        public List<InetAddress> destinations() {
          return List.of(address);
        }
      }

      /**
       * To each of a list of hosts.
       *
       * @param addresses the other hosts' underlay addresses, each once, of one family; may be empty
       */
      record Peers(List<InetAddress> addresses) implements Flooding {
        /** Copies and checks the addresses. */
        public Peers {
          List<InetAddress> all = List.copyOf(addresses);
          if (all.stream().anyMatch(address -> !isHost(address))
              || all.stream().distinct().count() < all.size()
              || all.stream().anyMatch(one -> !sameFamily(one, all.get(0)))) {
            throw N0Exception.invalid(
                "flooding.addresses", all, "must be unicast addresses of one family, each once");
          }
          addresses = all;
        }

        @Override
        public List<InetAddress> destinations() {
          return addresses;
        }
      }
    }
  }

  private static boolean isHost(InetAddress address) {
    return !address.isMulticastAddress() && !address.isAnyLocalAddress();
  }

  private static boolean sameFamily(InetAddress one, InetAddress other) {
    return one.getAddress().length == other.getAddress().length;
  }

  private static void requireMtu(Optional<Integer> mtu) {
    mtu.ifPresent(bytes -> Rules.range("mtu", bytes, 68, 0xffff));
  }
}
