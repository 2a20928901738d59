package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.netlink.Rtnetlink.NLMSG_HEADER;

import io.n0stack.n0core.api.network.CidrAddress;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Optional;

/** Reads RTM_NEWADDR. */
final class AddressDecoder {
  private static final int RT_SCOPE_LINK = 253; // linux/rtnetlink.h
  private static final int RT_SCOPE_HOST = 254;

  private AddressDecoder() {}

  /**
   * Decodes the message between two offsets.
   *
   * @param index the link whose addresses are wanted
   * @return the address, empty if the message is about something else or is cut short
   */
  static Optional<LinkAddress> decode(int index, ByteBuffer bytes, int from, int to) {
    int body = from + NLMSG_HEADER;
    if (Short.toUnsignedInt(bytes.getShort(from + 4)) != Rtnetlink.RTM_NEWADDR
        || to - body < Rtnetlink.IFADDR
        || bytes.getInt(body + 4) != index) {
      return Optional.empty();
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
          // labels and lifetimes are not ours
        }
      }
    }
    // On a point-to-point link IFA_ADDRESS is the other side's.
    return make(
        local.length > 0 ? local : address,
        Byte.toUnsignedInt(bytes.get(body + 1)),
        Byte.toUnsignedInt(bytes.get(body + 3)),
        flags);
  }

  private static Optional<LinkAddress> make(byte[] octets, int prefix, int scope, int flags) {
    if ((octets.length != 4 && octets.length != 16) || prefix > octets.length * 8) {
      return Optional.empty();
    }
    try {
      return Optional.of(new LinkAddress(
          new CidrAddress(address(octets), prefix),
          scope(scope),
          (flags & Rtnetlink.IFA_F_PERMANENT) != 0
              ? LinkAddress.Origin.PERMANENT
              : LinkAddress.Origin.LEASED));
    } catch (UnknownHostException e) {
      throw new AssertionError("an address of 4 or 16 octets is one", e);
    }
  }

  /** InetAddress alone would turn a mapped IPv4 address into one of IPv4. */
  private static InetAddress address(byte[] octets) throws UnknownHostException {
    return octets.length == 4
        ? InetAddress.getByAddress(octets)
        : Inet6Address.getByAddress("", octets, -1);
  }

  private static LinkAddress.Scope scope(int scope) {
    return switch (scope) {
      case RT_SCOPE_LINK -> LinkAddress.Scope.LINK;
      case RT_SCOPE_HOST -> LinkAddress.Scope.HOST;
      default -> LinkAddress.Scope.GLOBAL;
    };
  }
}
