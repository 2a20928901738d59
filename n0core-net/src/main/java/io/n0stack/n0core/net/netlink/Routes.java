package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.internal.Wire.NLM_F_ACK;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_APPEND;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_CREATE;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_DUMP;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_EXCL;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_REPLACE;

import io.n0stack.n0core.net.internal.Conversation;
import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Request;
import io.n0stack.n0core.net.internal.Wire;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;

/**
 * The routing tables, see ip-route(8). Thread-safe; part of a {@link Netlink}, whose errors it has.
 *
 * @since 0.1
 */
public final class Routes {
  private static final int ENOENT = 2; // asm-generic/errno-base.h
  private static final int ENETUNREACH = 101; // asm-generic/errno.h
  private static final int LARGEST_SHORT_TABLE = 255;

  private final Conversation kernel;

  Routes(Conversation kernel) {
    this.kernel = kernel;
  }

  /**
   * Lists all routes.
   *
   * @return those of IPv4 and IPv6 in all tables, also in {@link Route#LOCAL}
   */
  public List<Route> list() {
    return list(RouteFilter.all());
  }

  /**
   * Lists routes.
   *
   * @param filter which; the kernel does not even send the others
   * @return the routes; empty also if there is no such table
   * @throws NetlinkException NOT_FOUND if there is no such link
   */
  public List<Route> list(RouteFilter filter) {
    List<Route> found;
    try {
      found = Netlink.consistent(kernel, new Listing(filter), RouteDecoder::decode);
    } catch (NetlinkException e) {
      if (e.errno() == ENOENT && filter.table().isPresent()) {
        return List.of(); // what the kernel says of a table in which there was never a route
      }
      throw e;
    }
    // A kernel without strict checking does not filter.
    return found.stream().filter(filter::accepts).toList();
  }

  /**
   * Finds how a packet would go.
   *
   * @param packet the packet
   * @return a route to its destination alone, with the way and, of our own packets, the source that the
   *     kernel chooses; empty if there is none
   * @throws NetlinkException UNAVAILABLE, PERMISSION or INVALID if it is one of type unreachable,
   *     prohibit or blackhole
   */
  public Optional<Route> find(RouteQuery packet) {
    return lookUp(packet, 0);
  }

  /**
   * Finds by which route a packet would go.
   *
   * @param packet the packet
   * @return the route as it is in its table, empty if there is none
   * @throws NetlinkException UNAVAILABLE, PERMISSION or INVALID as {@link #find} does; of IPv6 the
   *     route itself is found
   */
  public Optional<Route> match(RouteQuery packet) {
    return lookUp(packet, RouteNumbers.RTM_F_FIB_MATCH);
  }

  private Optional<Route> lookUp(RouteQuery packet, int flags) {
    return kernel.find(new Lookup(packet, flags), RouteDecoder::decode, ENETUNREACH);
  }

  /**
   * Adds a route.
   *
   * @param route the route
   * @throws NetlinkException ALREADY_EXISTS if there is one to the destination with the metric in the
   *     table; UNAVAILABLE if the gateway is on none of our networks; INTERNAL (ENETDOWN) if the link is
   *     down
   */
  public void add(Route route) {
    kernel.change(adding(route).request());
  }

  /**
   * Adds a route, or puts it in the place of the first to the destination with the metric in the table.
   *
   * @param route the route
   */
  public void replace(Route route) {
    kernel.change(replacing(route).request());
  }

  /**
   * Adds a route behind those to the destination with the metric in the table. In IPv6 they become ways
   * of one route.
   *
   * @param route the route
   */
  public void append(Route route) {
    kernel.change(appending(route).request());
  }

  /**
   * Removes a route.
   *
   * @param route the route, all of which must be so except the MTU
   * @throws NetlinkException NOT_FOUND if there is none
   */
  public void remove(Route route) {
    kernel.change(removing(route).request());
  }

  /**
   * Describes {@link #add}.
   *
   * @param route the route
   * @return the change
   */
  public static Change adding(Route route) {
    return Change.of(
        () -> "add " + words(route),
        message -> write(message, RouteNumbers.RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route));
  }

  /**
   * Describes {@link #replace}.
   *
   * @param route the route
   * @return the change
   */
  public static Change replacing(Route route) {
    return Change.of(
        () -> "replace " + words(route),
        message -> write(message, RouteNumbers.RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route));
  }

  /**
   * Describes {@link #append}.
   *
   * @param route the route
   * @return the change
   */
  public static Change appending(Route route) {
    return Change.of(
        () -> "append " + words(route),
        message -> write(message, RouteNumbers.RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, route));
  }

  /**
   * Describes {@link #remove}.
   *
   * @param route the route
   * @return the change
   */
  public static Change removing(Route route) {
    return Change.of(
        () -> "remove " + words(route),
        message -> write(message, RouteNumbers.RTM_DELROUTE, 0, route));
  }

  private static String words(Route route) {
    return "route to " + route.destination() + " in table " + route.table();
  }

  private static void table(MessageWriter message, long table) {
    if (table <= LARGEST_SHORT_TABLE) {
      message.header8(RouteNumbers.RTMSG_TABLE, (int) table);
    } else {
      message.header8(RouteNumbers.RTMSG_TABLE, RouteNumbers.RT_TABLE_COMPAT);
      message.number(RouteNumbers.RTA_TABLE, (int) table);
    }
  }

  private static void write(MessageWriter message, int type, int flags, Route route) {
    AddressFamily family = AddressFamily.of(route.destination().address());
    int prefix = route.destination().prefixLength();
    message.begin(type, flags | NLM_F_ACK, RouteNumbers.RTMSG);
    message.header8(0, family.number());
    message.header8(RouteNumbers.RTMSG_DST_LEN, prefix);
    message.header8(RouteNumbers.RTMSG_PROTOCOL, route.protocol());
    message.header8(RouteNumbers.RTMSG_SCOPE, route.scope().number());
    message.header8(RouteNumbers.RTMSG_TYPE, route.type().number());
    if (prefix > 0) {
      message.octets(RouteNumbers.RTA_DST, route.destination().address().getAddress());
    }
    table(message, route.table());
    if (route.metric() > 0) {
      message.number(RouteNumbers.RTA_PRIORITY, (int) route.metric());
    }
    route.source().ifPresent(own -> message.octets(RouteNumbers.RTA_PREFSRC, own.getAddress()));
    route.mtu().ifPresent(mtu -> {
      int metrics = message.open(RouteNumbers.RTA_METRICS);
      message.number(RouteNumbers.RTAX_MTU, mtu);
      message.close(metrics);
    });
    if (route.nextHops().size() == 1) {
      NextHop hop = route.nextHops().get(0);
      message.header32(RouteNumbers.RTMSG_FLAGS, hop.requested());
      hop.link().ifPresent(link -> message.number(RouteNumbers.RTA_OIF, link));
      gateway(message, family, hop);
    } else if (!route.nextHops().isEmpty()) {
      int several = message.open(RouteNumbers.RTA_MULTIPATH);
      for (NextHop hop : route.nextHops()) {
        way(message, family, hop);
      }
      message.close(several);
    }
  }

  private static void way(MessageWriter message, AddressFamily family, NextHop hop) {
    int at = message.skip(RouteNumbers.RTNEXTHOP);
    message.octetAt(at + RouteNumbers.RTNEXTHOP_FLAGS, hop.requested());
    message.octetAt(at + RouteNumbers.RTNEXTHOP_HOPS, hop.weight() - 1);
    message.at(at + RouteNumbers.RTNEXTHOP_INDEX, hop.link().orElse(0));
    gateway(message, family, hop);
    message.close(at); // struct rtnexthop begins with its length, as an attribute does
  }

  private static void gateway(MessageWriter message, AddressFamily family, NextHop hop) {
    hop.gateway().ifPresent(router -> {
      if (AddressFamily.of(router) == family) {
        message.octets(RouteNumbers.RTA_GATEWAY, router.getAddress());
      } else {
        message.octets(RouteNumbers.RTA_VIA, via(router));
      }
    });
  }

  /** Makes a {@code struct rtvia}. */
  private static byte[] via(InetAddress router) {
    byte[] octets = router.getAddress();
    byte[] via = new byte[RouteNumbers.RTVIA_FAMILY + octets.length];
    Wire.order(via).putShort(0, (short) AddressFamily.of(router).number());
    System.arraycopy(octets, 0, via, RouteNumbers.RTVIA_FAMILY, octets.length);
    return via;
  }

  private record Lookup(RouteQuery packet, int flags) implements Request {
    @Override
    public void write(MessageWriter message) {
      AddressFamily family = AddressFamily.of(packet.destination());
      message.begin(RouteNumbers.RTM_GETROUTE, 0, RouteNumbers.RTMSG);
      message.header8(0, family.number());
      message.header8(RouteNumbers.RTMSG_DST_LEN, family.bits());
      // IPv6 always tells the table, and refuses to be asked for it.
      int table = family == AddressFamily.IPV4 ? RouteNumbers.RTM_F_LOOKUP_TABLE : 0;
      message.header32(RouteNumbers.RTMSG_FLAGS, flags | table);
      message.octets(RouteNumbers.RTA_DST, packet.destination().getAddress());
      packet.source().ifPresent(source -> {
        message.header8(RouteNumbers.RTMSG_SRC_LEN, family.bits());
        message.octets(RouteNumbers.RTA_SRC, source.getAddress());
      });
      packet.input().ifPresent(index -> message.number(RouteNumbers.RTA_IIF, index));
      packet.output().ifPresent(index -> message.number(RouteNumbers.RTA_OIF, index));
      packet.mark().ifPresent(mark -> message.number(RouteNumbers.RTA_MARK, (int) mark));
    }

    @Override
    public String toString() {
      return "find route to " + packet.destination().getHostAddress();
    }
  }

  private record Listing(RouteFilter filter) implements Request {
    @Override
    public void write(MessageWriter message) {
      message.begin(RouteNumbers.RTM_GETROUTE, NLM_F_DUMP, RouteNumbers.RTMSG);
      message.header8(0, filter.family().map(AddressFamily::number).orElse(Rtnetlink.AF_UNSPEC));
      filter.table().ifPresent(table -> table(message, table));
      filter.link().ifPresent(link -> message.number(RouteNumbers.RTA_OIF, link));
    }

    @Override
    public String toString() {
      return "list routes"
          + filter.table().stream().mapToObj(t -> " in table " + t).findAny().orElse("");
    }
  }
}
