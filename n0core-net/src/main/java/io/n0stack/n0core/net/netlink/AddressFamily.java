package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.internal.InternetAddresses;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.Optional;

/**
 * A version of the Internet Protocol.
 *
 * @since 0.1
 */
public enum AddressFamily {
  /** IPv4. */
  IPV4(Rtnetlink.AF_INET, 4),
  /** IPv6. */
  IPV6(Rtnetlink.AF_INET6, 16);

  private final int number;
  private final int octets;

  AddressFamily(int number, int octets) {
    this.number = number;
    this.octets = octets;
  }

  /**
   * Tells the family of an address.
   *
   * @param address any address
   * @return its family
   */
  public static AddressFamily of(InetAddress address) {
    return address instanceof Inet4Address ? IPV4 : IPV6;
  }

  static Optional<AddressFamily> of(int number) {
    return Arrays.stream(values()).filter(family -> family.number == number).findAny();
  }

  /** Returns AF_INET or AF_INET6. */
  int number() {
    return number;
  }

  /** Returns the bits of an address. */
  int bits() {
    return octets * Byte.SIZE;
  }

  /** Reads a prefix, whose address is left out if it is zero; empty if it cannot be one. */
  Optional<CidrAddress> prefix(byte[] address, int length) {
    byte[] whole = address.length == 0 ? new byte[octets] : address;
    return whole.length != octets || length > bits()
        ? Optional.empty()
        : InternetAddresses.of(whole).map(network -> new CidrAddress(network, length));
  }
}
