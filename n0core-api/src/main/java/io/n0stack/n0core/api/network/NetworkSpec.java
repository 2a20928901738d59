package io.n0stack.n0core.api.network;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Spec;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;

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
   * The host's addresses on a segment.
   *
   * @param addresses one or more addresses, each once
   * @param nat whether guests reach other networks through the host
   */
  record Gateway(List<CidrAddress> addresses, Nat nat) {
    /** Copies and checks the addresses. */
    public Gateway {
      addresses = List.copyOf(addresses);
      if (addresses.isEmpty() || addresses.stream().distinct().count() < addresses.size()) {
        throw N0Exception.invalid("gateway.addresses", addresses, "must be one or more, each once");
      }
    }

    /**
     * Makes a gateway without address translation.
     *
     * @param address the host's address on the segment
     * @return a gateway with one address
     */
    public static Gateway of(CidrAddress address) {
      return new Gateway(List.of(address), Nat.NONE);
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
   * An untagged segment.
   *
   * @param uplink the link that becomes a port of the bridge; empty for a segment within this host
   * @param gateway the host's own addresses
   * @param mtu bytes, 68 to 65535
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
  }

  /**
   * A segment that is one 802.1Q VLAN of a link.
   *
   * @param vlanId 1 to 4094
   * @param uplink the link that carries the VLAN
   * @param gateway the host's own addresses
   * @param mtu bytes, 68 to 65535
   */
  record Vlan(int vlanId, String uplink, Optional<Gateway> gateway, Optional<Integer> mtu)
      implements NetworkSpec {
    /** Checks id, uplink and MTU. */
    public Vlan {
      Rules.range("vlanId", vlanId, 1, 4094);
      Rules.linkName("uplink", uplink);
      requireMtu(mtu);
    }
  }

  /**
   * A segment that spans hosts in VXLAN, RFC 7348.
   *
   * @param vni 1 to 16777215
   * @param flooding where frames for unknown addresses go
   * @param local this host's address in the underlay; empty if the kernel chooses
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

    /** Checks identifier, port and MTU. */
    public Vxlan {
      Rules.range("vni", vni, 1, 0xffffff);
      Rules.range("port", port, 1, 0xffff);
      requireMtu(mtu);
    }

    /** Where frames for unknown addresses go. */
    public sealed interface Flooding {
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
      }

      /**
       * To each of a list of hosts.
       *
       * @param addresses the other hosts' underlay addresses; may be empty
       */
      record Peers(List<InetAddress> addresses) implements Flooding {
        /** Copies and checks the addresses. */
        public Peers {
          addresses = List.copyOf(addresses);
          if (addresses.stream().anyMatch(InetAddress::isMulticastAddress)) {
            throw N0Exception.invalid("flooding.addresses", addresses, "must be unicast addresses");
          }
        }
      }
    }
  }

  private static void requireMtu(Optional<Integer> mtu) {
    mtu.ifPresent(bytes -> Rules.range("mtu", bytes, 68, 0xffff));
  }
}
