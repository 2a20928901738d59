package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.PortSpec.Isolation;
import java.util.List;
import java.util.Optional;

/**
 * What the guest behind a tap may send.
 *
 * <p>With a MAC, frames from another one are dropped, and ARP that speaks for another one. With
 * addresses, too, everything is dropped but
 *
 * <ul>
 *   <li>IPv4 from these addresses, and DHCP requests from 0.0.0.0;
 *   <li>ARP about Ethernet and IPv4 that speaks for the MAC and these addresses, or probes for an address
 *       (RFC 5227); RARP that announces the MAC, as QEMU sends after a migration;
 *   <li>IPv6 from these addresses and from the link-local address of the MAC (RFC 4291, appendix A); from
 *       {@code ::} solicitations of the same addresses and of routers, and multicast reports. Neighbour
 *       advertisements must speak for the same addresses and the MAC; router advertisements and redirects
 *       are dropped.
 * </ul>
 *
 * <p>A guest that makes itself another link-local address (RFC 7217) needs it, or fe80::/10, in the list.
 *
 * @param stamp whose it is, 1 to 127 bytes
 * @param mac the NIC's address; empty to let everything pass
 * @param addresses addresses or prefixes that the guest may send from; the bits behind a prefix are zero;
 *     empty to hold it to its MAC alone
 * @param isolation whether it reaches other ports of the firewall
 * @since 0.1
 */
public record PortGuard(
    String stamp, Optional<MacAddress> mac, List<CidrAddress> addresses, Isolation isolation) {
  /** Checks stamp and addresses. */
  public PortGuard {
    Names.requireComment("stamp", stamp);
    addresses = List.copyOf(addresses);
    if (mac.isEmpty() && !addresses.isEmpty()) {
      throw N0Exception.invalid("addresses", addresses, "must be empty without a MAC");
    }
    for (CidrAddress address : addresses) {
      if (!Matches.network(address).equals(Octets.of(address.address().getAddress()))) {
        throw N0Exception.invalid(
            "addresses",
            address,
            "must have no bits behind the prefix; one address is a /32 or /128");
      }
    }
  }

  /**
   * Lets everything pass.
   *
   * @param stamp whose it is, 1 to 127 bytes
   * @return a guard without a MAC, of a port that is not isolated
   */
  public static PortGuard open(String stamp) {
    return new PortGuard(stamp, Optional.empty(), List.of(), Isolation.SHARED);
  }

  /**
   * Holds a guest to its addresses.
   *
   * @param stamp whose it is, 1 to 127 bytes
   * @param mac the NIC's address
   * @param addresses what the guest may send from; empty to hold it to its MAC alone
   * @return a guard of a port that is not isolated
   */
  public static PortGuard strict(String stamp, MacAddress mac, List<CidrAddress> addresses) {
    return new PortGuard(stamp, Optional.of(mac), addresses, Isolation.SHARED);
  }

  /**
   * Sets whether it reaches other ports.
   *
   * @param other whether it does
   * @return a changed copy
   */
  public PortGuard withIsolation(Isolation other) {
    return new PortGuard(stamp, mac, addresses, other);
  }
}
