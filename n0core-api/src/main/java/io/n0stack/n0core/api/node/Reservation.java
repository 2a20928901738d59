package io.n0stack.n0core.api.node;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.net.InetAddress;
import java.util.Set;
import java.util.UUID;

/**
 * What of a node is kept for an owner, such as a machine.
 *
 * @param node the node's name
 * @param owner the owner's uid; an owner has one reservation at most
 * @param resources how much
 * @param addresses which addresses, at most 64
 * @since 0.1
 */
public record Reservation(String node, UUID owner, Resources resources, Set<Address> addresses) {
  private static final int MOST_ADDRESSES = 64;

  /**
   * An address that one owner at a time may have.
   *
   * @param network the network within which it is unique, an RFC 1123 label
   * @param ip the address; an IPv6 address without a scope
   */
  public record Address(String network, InetAddress ip) {
    /** Checks the network's name and the address. */
    public Address {
      Rules.label("network", network);
      if (ip.getHostAddress().contains("%")) {
        throw N0Exception.invalid("ip", ip.getHostAddress(), "must not have a scope");
      }
    }

    /**
     * Writes it as people do.
     *
     * @return {@code NETWORK/IP}
     */
    @Override
    public String toString() {
      return network + "/" + ip.getHostAddress();
    }
  }

  /** Checks the name and the number of addresses. */
  public Reservation {
    Rules.label("node", node);
    addresses = Set.copyOf(addresses);
    Rules.range("addresses", addresses.size(), 0, MOST_ADDRESSES);
  }

  /**
   * Keeps resources and no address.
   *
   * @param node the node's name
   * @param owner the owner's uid
   * @param resources how much
   * @return the reservation
   */
  public static Reservation of(String node, UUID owner, Resources resources) {
    return new Reservation(node, owner, resources, Set.of());
  }

  /**
   * Sets the addresses.
   *
   * @param wanted which
   * @return a changed copy
   */
  public Reservation withAddresses(Set<Address> wanted) {
    return new Reservation(node, owner, resources, wanted);
  }
}
