package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.internal.Attributes;
import io.n0stack.n0core.net.internal.InternetAddresses;
import io.n0stack.n0core.net.internal.Wire;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An address of a link.
 *
 * @param index the link
 * @param cidr address and prefix length
 * @param scope how far it is valid
 * @param origin who set it
 * @since 0.1
 */
public record LinkAddress(int index, CidrAddress cidr, Scope scope, Origin origin) {
  private static final int RT_SCOPE_LINK = 253; // linux/rtnetlink.h
  private static final int RT_SCOPE_HOST = 254;

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

  static @Nullable LinkAddress decode(ByteBuffer bytes, int from, int to) {
    int body = from + Wire.NLMSG_HEADER;
    int type = Short.toUnsignedInt(bytes.getShort(from + 4));
    if ((type != Rtnetlink.RTM_NEWADDR && type != Rtnetlink.RTM_DELADDR)
        || to - body < Rtnetlink.IFADDR) {
      return null;
    }
    int flags = Byte.toUnsignedInt(bytes.get(body + 2));
    byte[] address = {};
    byte[] local = {};
    Attributes attributes = new Attributes(bytes, body + Rtnetlink.IFADDR, to);
    while (attributes.advance()) {
      switch (attributes.type()) {
        case Rtnetlink.IFA_ADDRESS -> address = attributes.octets();
        case Rtnetlink.IFA_LOCAL -> local = attributes.octets();
        case Rtnetlink.IFA_FLAGS -> flags = attributes.number();
        default -> {
          // labels and lifetimes are for those who set them
        }
      }
    }
    // On a point-to-point link IFA_ADDRESS is the other side's.
    Optional<InetAddress> own = InternetAddresses.of(local.length > 0 ? local : address);
    int prefix = Byte.toUnsignedInt(bytes.get(body + 1));
    if (own.isEmpty() || prefix > own.get().getAddress().length * 8) {
      return null;
    }
    return new LinkAddress(
        bytes.getInt(body + 4),
        new CidrAddress(own.get(), prefix),
        scope(Byte.toUnsignedInt(bytes.get(body + 3))),
        (flags & Rtnetlink.IFA_F_PERMANENT) != 0 ? Origin.PERMANENT : Origin.LEASED);
  }

  private static Scope scope(int scope) {
    return switch (scope) {
      case RT_SCOPE_LINK -> Scope.LINK;
      case RT_SCOPE_HOST -> Scope.HOST;
      default -> Scope.GLOBAL;
    };
  }
}
