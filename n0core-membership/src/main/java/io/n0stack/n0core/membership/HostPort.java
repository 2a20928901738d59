package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.membership.internal.Ipv4;
import java.util.regex.Pattern;

/**
 * Where a member is reached: an IPv4 address or host name, and a TCP port.
 *
 * @param host an IPv4 address or a host name; IPv6 is not supported
 * @param port 1 to 65535
 * @since 0.1
 */
public record HostPort(String host, int port) {
  private static final int HOST_LENGTH = 253; // RFC 1035, section 2.3.4
  private static final Pattern PORT = Pattern.compile("[0-9]{1,5}");

  /** Checks both parts. */
  public HostPort {
    Rules.text("host", host, HOST_LENGTH);
    if (!Ipv4.literal(host) && !name(host)) {
      throw N0Exception.invalid("host", host, "must be an IPv4 address or a host name");
    }
    Rules.range("port", port, 1, 65535);
  }

  /**
   * Tells whether it is labels of letters, digits and inner hyphens, with dots between them, and not
   * digits alone: RFC 1123, section 2.1.
   */
  private static boolean name(String host) {
    boolean letters = false;
    char before = '.';
    for (int i = 0; i < host.length(); i++) {
      char c = host.charAt(i);
      boolean alphabetic = c == '-' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      boolean digit = c >= '0' && c <= '9';
      boolean begins = before == '.' && (c == '.' || c == '-');
      if (begins || (c == '.' && before == '-') || !(alphabetic || digit || c == '.')) {
        return false;
      }
      letters |= alphabetic;
      before = c;
    }
    return letters && before != '.' && before != '-';
  }

  /**
   * Reads the form {@code HOST:PORT}.
   *
   * @param text such as {@code 127.0.0.1:5679}
   * @return the parts
   * @throws N0Exception INVALID if it is anything else
   */
  public static HostPort parse(String text) {
    int colon = text.lastIndexOf(':');
    if (colon < 1 || !PORT.matcher(text.substring(colon + 1)).matches()) {
      throw N0Exception.invalid("address", text, "must be HOST:PORT, such as 127.0.0.1:5679");
    }
    return new HostPort(text.substring(0, colon), Integer.parseInt(text.substring(colon + 1)));
  }

  /**
   * Writes the form that {@link #parse} reads.
   *
   * @return {@code HOST:PORT}
   */
  @Override
  public String toString() {
    return host + ":" + port;
  }
}
