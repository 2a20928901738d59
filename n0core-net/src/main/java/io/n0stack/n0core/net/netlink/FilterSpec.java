package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.Rules;

/**
 * A filter to be made.
 *
 * @param parent the queueing discipline or class that it is attached to, or one of the sides of {@link
 *     QdiscKind.Clsact}
 * @param priority when its turn is, 1 to 65535, the least first
 * @param etherType which packets it sees, such as 0x0800 for IPv4; {@link #ALL} for all
 * @param handle its name among those of the priority; 0 for one that the kernel chooses
 * @param kind what it does
 * @since 0.1
 */
public record FilterSpec(
    TrafficHandle parent, int priority, int etherType, int handle, FilterKind kind) {
  /** Packets of every kind, {@code ETH_P_ALL} of {@code linux/if_ether.h}. */
  public static final int ALL = 0x0003;

  /** Checks priority and EtherType. */
  public FilterSpec {
    Rules.range("priority", priority, 1, 0xffff);
    Rules.range("etherType", etherType, 1, 0xffff);
  }

  /**
   * Asks for one that sees packets of every kind.
   *
   * @param parent what it is attached to
   * @param priority 1 to 65535, the least first
   * @param kind what it does
   * @return one whose name the kernel chooses
   */
  public static FilterSpec all(TrafficHandle parent, int priority, FilterKind kind) {
    return new FilterSpec(parent, priority, ALL, 0, kind);
  }

  /**
   * Names it.
   *
   * @param number as the kernel shows it, such as 0x80000800 for the first of kind u32
   * @return a changed copy
   */
  public FilterSpec named(int number) {
    return new FilterSpec(parent, priority, etherType, number, kind);
  }
}
