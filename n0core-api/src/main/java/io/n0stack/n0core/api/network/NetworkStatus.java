package io.n0stack.n0core.api.network;

import java.util.List;
import java.util.Optional;

/**
 * A network as it is on the host.
 *
 * @param bridge name of the bridge link
 * @param bridgeIndex its interface index; 0 while there is no bridge but something else of the network
 * @param mtu its MTU in bytes
 * @param addresses the addresses on it
 * @param uplink name of the link through which the bridge reaches other hosts: a link of the host, or
 *     the network's VLAN or VXLAN link; empty if there is none
 * @param dhcpServer process id of the DHCP server; empty if none runs
 * @since 0.1
 */
public record NetworkStatus(
    String bridge,
    int bridgeIndex,
    int mtu,
    List<CidrAddress> addresses,
    Optional<String> uplink,
    Optional<Long> dhcpServer) {
  /** Copies the addresses. */
  public NetworkStatus {
    addresses = List.copyOf(addresses);
  }

  /**
   * Describes a network within this host, without a DHCP server.
   *
   * @param bridge name of the bridge link
   * @param bridgeIndex its interface index
   * @param mtu its MTU in bytes
   * @param addresses the addresses on it
   */
  public NetworkStatus(String bridge, int bridgeIndex, int mtu, List<CidrAddress> addresses) {
    this(bridge, bridgeIndex, mtu, addresses, Optional.empty(), Optional.empty());
  }
}
