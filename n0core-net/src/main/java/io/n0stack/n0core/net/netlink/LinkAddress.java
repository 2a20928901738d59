package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.network.CidrAddress;

/**
 * An address of a link.
 *
 * @param cidr address and prefix length
 * @param scope how far it is valid
 * @param origin who set it
 * @since 0.1
 */
public record LinkAddress(CidrAddress cidr, Scope scope, Origin origin) {
  /** How far an address is valid. */
  public enum Scope {
    /** Everywhere. */
    GLOBAL,
    /** On its link. */
    LINK,
    /** On this host. */
    HOST
  }

  /** Who set an address. */
  public enum Origin {
    /** Somebody who did not limit its life. */
    PERMANENT,
    /** A protocol such as DHCP or router advertisement, for some time. */
    LEASED
  }
}
