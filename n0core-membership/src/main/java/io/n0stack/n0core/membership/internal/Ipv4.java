package io.n0stack.n0core.membership.internal;

import java.util.regex.Pattern;

/** What a host's IPv4 address looks like, as text. */
public final class Ipv4 {
  private static final String OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
  private static final Pattern ADDRESS = Pattern.compile("(" + OCTET + "\\.){3}" + OCTET);

  private Ipv4() {}

  /**
   * Tells whether a host is an address that can be listened on as it stands.
   *
   * @param host an address or a name
   * @return whether it is an IPv4 address and not a name
   */
  public static boolean literal(String host) {
    return ADDRESS.matcher(host).matches();
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
