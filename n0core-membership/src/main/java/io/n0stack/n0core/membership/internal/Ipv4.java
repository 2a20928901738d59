package io.n0stack.n0core.membership.internal;

/** What a host's IPv4 address looks like, as text. */
public final class Ipv4 {
  private static final int OCTETS = 4;

  private Ipv4() {}

  /**
   * Tells whether a host is an address that can be listened on as it stands.
   *
   * @param host an address or a name
   * @return whether it is an IPv4 address and not a name
   */
  public static boolean literal(String host) {
    int octets = 0;
    int from = 0;
    while (octets < OCTETS) {
      int to = octets == OCTETS - 1 ? host.length() : host.indexOf('.', from);
      if (to < 0 || !octet(host, from, to)) {
        return false;
      }
      octets++;
      from = to + 1;
    }
    return true;
  }

  /** Tells whether it is 0 to 255, without leading zeros. */
  private static boolean octet(String text, int from, int to) {
    int length = to - from;
    if (length < 1 || length > 3 || (length > 1 && text.charAt(from) == '0')) {
      return false;
    }
    int value = 0;
    for (int i = from; i < to; i++) {
      char digit = text.charAt(i);
      if (digit < '0' || digit > '9') {
        return false;
      }
      value = 10 * value + digit - '0';
    }
    return value <= 255;
  }

  /**
   * Tells whether a host is an address that never leaves this machine.
   *
   * @param host an address or a name
   * @return whether it is in 127.0.0.0/8
   */
  public static boolean loopback(String host) {
    return literal(host) && host.startsWith("127.");
  }
}
