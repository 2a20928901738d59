package io.n0stack.n0core.api.network;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Pattern;

/**
 * The address of a link together with the length of its network's prefix, as {@code ip address}
 * writes it.
 *
 * @param address an IPv4 or IPv6 address
 * @param prefixLength bits of the network: 0 to 32 for IPv4, 0 to 128 for IPv6
 * @since 0.1
 */
public record CidrAddress(InetAddress address, int prefixLength) {
  private static final String OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
  private static final Pattern IPV4 = Pattern.compile(OCTET + "(\\." + OCTET + "){3}");
  // Begins as no host name can: InetAddress asks a name server about ".:1".
  private static final Pattern IPV6 = Pattern.compile("[0-9a-fA-F]{0,4}:[0-9a-fA-F:.]+");
  private static final Pattern LENGTH = Pattern.compile("[0-9]{1,3}");

  /** Checks the prefix length. */
  public CidrAddress {
    Rules.range("prefixLength", prefixLength, 0, address.getAddress().length * 8L);
  }

  /**
   * Reads {@code 10.77.0.1/24} or {@code fd00::1/64}. Never asks a name server.
   *
   * @param text address, slash, prefix length
   * @return the address
   * @throws N0Exception INVALID if the text is anything else
   */
  public static CidrAddress parse(String text) {
    int slash = text.indexOf('/');
    if (slash < 1) {
      throw N0Exception.invalid("address", text, "must be ADDRESS/PREFIX-LENGTH");
    }
    String length = text.substring(slash + 1);
    if (!LENGTH.matcher(length).matches()) {
      throw N0Exception.invalid("address", text, "must end in a prefix length");
    }
    return new CidrAddress(literal(text.substring(0, slash)), Integer.parseInt(length));
  }

  /**
   * Reads an IPv4 or IPv6 address. Never asks a name server.
   *
   * @param text the address as digits
   * @return the address
   * @throws N0Exception INVALID if the text is anything else
   */
  public static InetAddress literal(String text) {
    if (IPV4.matcher(text).matches() || IPV6.matcher(text).matches()) {
      try {
        return InetAddress.getByName(text);
      } catch (UnknownHostException e) {
        throw N0Exception.invalid(
            "address", text, "must be an IPv4 or IPv6 address: " + e.getMessage());
      }
    }
    throw N0Exception.invalid("address", text, "must be an IPv4 or IPv6 address, not a name");
  }

  @Override
  public String toString() {
    return address.getHostAddress() + "/" + prefixLength;
  }
}
