package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.net.internal.Attributes;
import io.n0stack.n0core.net.internal.InternetAddresses;
import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Wire;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a {@code struct ndmsg} says: neighbours and forwarding databases share it. Numbers that were
 * not said are 0.
 */
final class NeighbourMessage {
  /** Of a link-layer address that is not six octets, or is not said. */
  static final long NO_MAC = -1;

  private static final int MAC = 6;

  final int family;
  final int index;
  final int state;
  final int flags;
  Optional<InetAddress> destination = Optional.empty();
  long mac = NO_MAC;
  int vlan;
  int port;
  int vni = -1;
  int via;
  int master;

  private NeighbourMessage(ByteBuffer bytes, int body) {
    family = Byte.toUnsignedInt(bytes.get(body));
    index = bytes.getInt(body + RouteNumbers.NDMSG_INDEX);
    state = Short.toUnsignedInt(bytes.getShort(body + RouteNumbers.NDMSG_STATE));
    flags = Byte.toUnsignedInt(bytes.get(body + RouteNumbers.NDMSG_FLAGS));
  }

  /** Reads RTM_NEWNEIGH and RTM_DELNEIGH; null if the message is another or cut short. */
  static @Nullable NeighbourMessage decode(ByteBuffer bytes, int from, int to) {
    int body = from + Wire.NLMSG_HEADER;
    int type = Short.toUnsignedInt(bytes.getShort(from + 4));
    if ((type != RouteNumbers.RTM_NEWNEIGH && type != RouteNumbers.RTM_DELNEIGH)
        || to - body < RouteNumbers.NDMSG) {
      return null;
    }
    NeighbourMessage message = new NeighbourMessage(bytes, body);
    message.read(new Attributes(bytes, body + RouteNumbers.NDMSG, to));
    return message;
  }

  private void read(Attributes attributes) {
    while (attributes.advance()) {
      switch (attributes.type()) {
        case RouteNumbers.NDA_DST -> destination = InternetAddresses.of(attributes.octets());
        case RouteNumbers.NDA_LLADDR -> mac = mac(attributes);
        case RouteNumbers.NDA_VLAN -> vlan = attributes.number();
        case RouteNumbers.NDA_PORT -> port = attributes.networkShortNumber();
        case RouteNumbers.NDA_VNI -> vni = attributes.number();
        case RouteNumbers.NDA_IFINDEX -> via = attributes.number();
        case RouteNumbers.NDA_MASTER -> master = attributes.number();
        default -> {
          // ages, probes and next-hop groups
        }
      }
    }
  }

  private static long mac(Attributes attributes) {
    if (attributes.length() != MAC) {
      return NO_MAC;
    }
    long bits = 0;
    for (int i = 0; i < MAC; i++) {
      bits = bits << Byte.SIZE | attributes.octet(i);
    }
    return bits;
  }

  /** Returns the link-layer address if it is one that a link can have. */
  Optional<MacAddress> unicast() {
    return MacAddress.isUnicast(mac) ? Optional.of(new MacAddress(mac)) : Optional.empty();
  }

  static void begin(MessageWriter message, int type, int flags, int family, int index) {
    message.begin(type, flags, RouteNumbers.NDMSG);
    message.header8(0, family);
    message.header32(RouteNumbers.NDMSG_INDEX, index);
  }
}
