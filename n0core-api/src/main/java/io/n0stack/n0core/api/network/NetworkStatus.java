package io.n0stack.n0core.api.network;

import java.util.List;

/**
 * A network as it is on the host.
 *
 * @param bridge name of the bridge link
 * @param bridgeIndex its interface index, more than 0
 * @param mtu its MTU in bytes
 * @param addresses the addresses on it
 * @since 0.1
 */
public record NetworkStatus(String bridge, int bridgeIndex, int mtu, List<CidrAddress> addresses) {
  /** Copies the addresses. */
  public NetworkStatus {
    addresses = List.copyOf(addresses);
  }
}
