package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.CidrAddress;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Optional;

/**
 * A port of the host behind which a guest answers, for those outside and for the host itself.
 *
 * @param id whose it is, 1 to 100 bytes; also its name
 * @param protocol of the port
 * @param host an address of the host, not the wildcard, and a port of 1 to 65535
 * @param guest an address of the same family and a port of 1 to 65535
 * @param hidden who seems to be the host: the guest's network, so that its neighbours can use the port,
 *     or all, if the guest's way back does not lead through the host; empty for nobody
 * @since 0.1
 */
public record PortForward(
    String id,
    Protocol protocol,
    InetSocketAddress host,
    InetSocketAddress guest,
    Optional<CidrAddress> hidden) {
  /** What has ports. */
  public enum Protocol {
    /** TCP. */
    TCP(6),
    /** UDP. */
    UDP(17);

    private final int number; // IPPROTO_*, linux/in.h

    Protocol(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }
  }

  /** Checks all. */
  public PortForward {
    Firewall.requireId(id);
    int length = requireAddress("host", host).getAddress().length;
    if (requireAddress("guest", guest).getAddress().length != length
        || hidden.map(CidrAddress::address).stream()
            .anyMatch(each -> each.getAddress().length != length)) {
      throw N0Exception.invalid("guest", guest, "must be of the family of the host's address");
    }
  }

  private static InetAddress requireAddress(String field, InetSocketAddress value) {
    InetAddress address = value.getAddress();
    if (address == null || address.isAnyLocalAddress() || address.isMulticastAddress()) {
      throw N0Exception.invalid(field, value, "must have a unicast address");
    }
    Rules.range(field + ".port", value.getPort(), 1, 0xffff);
    return address;
  }

  /**
   * Forwards a port, and lets the guest see where connections come from.
   *
   * @param id whose it is, 1 to 100 bytes; also its name
   * @param protocol of the port
   * @param host an address and port of the host
   * @param guest the guest's
   * @return a forward that hides nobody
   */
  public static PortForward of(
      String id, Protocol protocol, InetSocketAddress host, InetSocketAddress guest) {
    return new PortForward(id, protocol, host, guest, Optional.empty());
  }

  /**
   * Makes some seem to be the host.
   *
   * @param sources who
   * @return a changed copy
   */
  public PortForward withHidden(CidrAddress sources) {
    return new PortForward(id, protocol, host, guest, Optional.of(sources));
  }
}
