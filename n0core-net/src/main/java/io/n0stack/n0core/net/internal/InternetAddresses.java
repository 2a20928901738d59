package io.n0stack.n0core.net.internal;

import io.n0stack.n0core.api.network.MacAddress;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Optional;

/** Makes addresses of octets. */
public final class InternetAddresses {
  private InternetAddresses() {}

  /**
   * Makes an address of 4 or 16 octets; empty for any other number.
   *
   * @param octets the octets
   * @return the address
   */
  public static Optional<InetAddress> of(byte[] octets) {
    if (octets.length != 4 && octets.length != 16) {
      return Optional.empty();
    }
    try {
      // InetAddress alone would turn a mapped IPv4 address into one of IPv4.
      return Optional.of(
          octets.length == 4
              ? InetAddress.getByAddress(octets)
              : Inet6Address.getByAddress("", octets, -1));
    } catch (UnknownHostException e) {
      throw new AssertionError("an address of 4 or 16 octets is one", e);
    }
  }

  /**
   * Makes the address that a NIC gives itself, RFC 4291, appendix A.
   *
   * @param mac its Ethernet address
   * @return a link-local IPv6 address
   */
  public static InetAddress linkLocal(MacAddress mac) {
    byte[] octets = mac.octets();
    byte[] address = new byte[16];
    address[0] = (byte) 0xfe;
    address[1] = (byte) 0x80;
    System.arraycopy(octets, 0, address, 8, 3);
    address[8] ^= 2;
    address[11] = (byte) 0xff;
    address[12] = (byte) 0xfe;
    System.arraycopy(octets, 3, address, 13, 3);
    return of(address).orElseThrow();
  }
}
