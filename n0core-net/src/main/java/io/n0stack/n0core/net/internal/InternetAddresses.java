package io.n0stack.n0core.net.internal;

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
}
