package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.Rules;
import java.net.InetAddress;
import java.util.EnumSet;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * One way that a route leads.
 *
 * @param gateway the router; empty if the destination is on the link. A router of IPv6 can lead to
 *     IPv4 destinations
 * @param link index of the link; empty to have the kernel find the one that the router is on
 * @param weight 1 to 256: how much of the traffic it takes, compared with the other ways
 * @param flags what else is said about it
 * @since 0.1
 */
public record NextHop(
    Optional<InetAddress> gateway, OptionalInt link, int weight, Set<Flag> flags) {
  private static final int HEAVIEST = 256;

  /** What else is said about a way. */
  public enum Flag {
    /** The router is on the link, although no other route says so. */
    ONLINK(RouteNumbers.RTNH_F_ONLINK),
    /** The link is down; only the kernel says so. */
    DEAD(RouteNumbers.RTNH_F_DEAD),
    /** The link has no carrier; only the kernel says so. */
    LINKDOWN(RouteNumbers.RTNH_F_LINKDOWN);

    private final int number;

    Flag(int number) {
      this.number = number;
    }
  }

  /** Checks that it leads somewhere. */
  public NextHop {
    Rules.range("weight", weight, 1, HEAVIEST);
    link.ifPresent(Netlink::requireIndex);
    flags = Set.copyOf(flags);
  }

  /**
   * Leads to a router that is on one of our networks.
   *
   * @param gateway the router
   * @return a way of weight 1
   */
  public static NextHop via(InetAddress gateway) {
    return new NextHop(Optional.of(gateway), OptionalInt.empty(), 1, Set.of());
  }

  /**
   * Leads to what is on a link.
   *
   * @param link its index
   * @return a way of weight 1
   */
  public static NextHop on(int link) {
    return new NextHop(Optional.empty(), OptionalInt.of(link), 1, Set.of());
  }

  /**
   * Leads out by a link.
   *
   * @param index the link
   * @return a changed copy
   */
  public NextHop through(int index) {
    return new NextHop(gateway, OptionalInt.of(index), weight, flags);
  }

  /**
   * Sets how much of the traffic it takes.
   *
   * @param share 1 to 256
   * @return a changed copy
   */
  public NextHop withWeight(int share) {
    return new NextHop(gateway, link, share, flags);
  }

  /**
   * Lets the router be on the link, although no other route says so.
   *
   * @return a changed copy
   */
  public NextHop onlink() {
    Set<Flag> more = EnumSet.of(Flag.ONLINK);
    more.addAll(flags);
    return new NextHop(gateway, link, weight, more);
  }

  /** Reads one; a gateway or index of nothing is none. */
  static NextHop read(Optional<InetAddress> gateway, int link, int weight, int flags) {
    Set<Flag> set = EnumSet.noneOf(Flag.class);
    for (Flag flag : Flag.values()) {
      if ((flags & flag.number) != 0) {
        set.add(flag);
      }
    }
    return new NextHop(gateway, link > 0 ? OptionalInt.of(link) : OptionalInt.empty(), weight, set);
  }

  /** Returns the flags that can be asked for. */
  int requested() {
    return flags.contains(Flag.ONLINK) ? RouteNumbers.RTNH_F_ONLINK : 0;
  }
}
