package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.internal.Attributes;
import io.n0stack.n0core.net.internal.InternetAddresses;
import io.n0stack.n0core.net.internal.Wire;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/** Reads one RTM_NEWROUTE or RTM_DELROUTE. */
final class RouteDecoder {
  private static final byte[] NOTHING = {};

  private final ByteBuffer bytes;
  private final int body;
  private final Ways plain = new Ways();
  private byte[] destination = NOTHING;
  private Optional<InetAddress> source = Optional.empty();
  private List<NextHop> several = List.of();
  private long table;
  private long metric;
  private int mtu;

  private RouteDecoder(ByteBuffer bytes, int body) {
    this.bytes = bytes;
    this.body = body;
    table = octet(RouteNumbers.RTMSG_TABLE);
  }

  /** The router of one way. */
  private static final class Ways {
    private Optional<InetAddress> gateway = Optional.empty();
    private int link;

    void read(Attributes attributes) {
      switch (attributes.type()) {
        case RouteNumbers.RTA_OIF -> link = attributes.number();
        case RouteNumbers.RTA_GATEWAY -> gateway = InternetAddresses.of(attributes.octets());
        case RouteNumbers.RTA_VIA -> gateway = behindFamily(attributes.octets());
        default -> {
          // encapsulation and flows are for tools that set them
        }
      }
    }

    private static Optional<InetAddress> behindFamily(byte[] octets) {
      return octets.length < RouteNumbers.RTVIA_FAMILY
          ? Optional.empty()
          : InternetAddresses.of(
              Arrays.copyOfRange(octets, RouteNumbers.RTVIA_FAMILY, octets.length));
    }
  }

  /** Decodes the message between two offsets; null if it is about something else. */
  static @Nullable Route decode(ByteBuffer bytes, int from, int to) {
    int body = from + Wire.NLMSG_HEADER;
    int type = Short.toUnsignedInt(bytes.getShort(from + 4));
    if ((type != RouteNumbers.RTM_NEWROUTE && type != RouteNumbers.RTM_DELROUTE)
        || to - body < RouteNumbers.RTMSG) {
      return null;
    }
    RouteDecoder decoder = new RouteDecoder(bytes, body);
    decoder.read(new Attributes(bytes, body + RouteNumbers.RTMSG, to));
    return decoder.route();
  }

  private int octet(int offset) {
    return Byte.toUnsignedInt(bytes.get(body + offset));
  }

  private void read(Attributes attributes) {
    while (attributes.advance()) {
      switch (attributes.type()) {
        case RouteNumbers.RTA_DST -> destination = attributes.octets();
        case RouteNumbers.RTA_PREFSRC -> source = InternetAddresses.of(attributes.octets());
        case RouteNumbers.RTA_PRIORITY -> metric = Integer.toUnsignedLong(attributes.number());
        case RouteNumbers.RTA_TABLE -> table = Integer.toUnsignedLong(attributes.number());
        case RouteNumbers.RTA_METRICS -> readMetrics(attributes.nested());
        case RouteNumbers.RTA_MULTIPATH ->
          several = ways(attributes.from(), attributes.from() + attributes.length());
        default -> plain.read(attributes);
      }
    }
  }

  private void readMetrics(Attributes metrics) {
    while (metrics.advance()) {
      if (metrics.type() == RouteNumbers.RTAX_MTU) {
        mtu = metrics.number();
      }
    }
  }

  /** Walks over a run of {@code struct rtnexthop}, each with its attributes behind it. */
  private List<NextHop> ways(int from, int to) {
    List<NextHop> hops = new ArrayList<>();
    int at = from;
    while (to - at >= RouteNumbers.RTNEXTHOP) {
      int length = Short.toUnsignedInt(bytes.getShort(at));
      if (length < RouteNumbers.RTNEXTHOP || length > to - at) {
        break;
      }
      Ways way = new Ways();
      Attributes attributes = new Attributes(bytes, at + RouteNumbers.RTNEXTHOP, at + length);
      while (attributes.advance()) {
        way.read(attributes);
      }
      hops.add(NextHop.read(
          way.gateway,
          bytes.getInt(at + RouteNumbers.RTNEXTHOP_INDEX),
          1 + Byte.toUnsignedInt(bytes.get(at + RouteNumbers.RTNEXTHOP_HOPS)),
          bytes.get(at + RouteNumbers.RTNEXTHOP_FLAGS)));
      at += Wire.align(length);
    }
    return hops;
  }

  private List<NextHop> hops() {
    if (!several.isEmpty() || (plain.gateway.isEmpty() && plain.link < 1)) {
      return several;
    }
    int flags = bytes.getInt(body + RouteNumbers.RTMSG_FLAGS);
    return List.of(NextHop.read(plain.gateway, plain.link, 1, flags));
  }

  private @Nullable Route route() {
    Optional<CidrAddress> network = AddressFamily.of(octet(0))
        .flatMap(family -> family.prefix(destination, octet(RouteNumbers.RTMSG_DST_LEN)));
    Optional<Route.Type> type = Route.Type.of(octet(RouteNumbers.RTMSG_TYPE));
    if (network.isEmpty() || type.isEmpty()) {
      return null;
    }
    try {
      return new Route(
          network.get(),
          type.get(),
          table,
          octet(RouteNumbers.RTMSG_PROTOCOL),
          Route.Scope.of(octet(RouteNumbers.RTMSG_SCOPE)),
          metric,
          source,
          hops(),
          mtu > 0 ? OptionalInt.of(mtu) : OptionalInt.empty());
    } catch (N0Exception e) {
      // No kernel says so: bits outside the prefix, addresses of two families.
      return null;
    }
  }
}
