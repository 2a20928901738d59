package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.MessageWriter;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What to change of a port of a bridge; what is not named stays as it is.
 *
 * @param cost what a path through it costs in the spanning tree, 1 to 65535
 * @param priority which of equal ports the spanning tree prefers, 0 to 63
 * @param flags what to switch
 * @since 0.1
 */
public record BridgePortChange(OptionalInt cost, OptionalInt priority, Map<Flag, Switch> flags) {
  /** What of a port is on or off; see {@link BridgePort}. */
  public enum Flag {
    /** A frame may go back through the port it came from. */
    HAIRPIN(BridgePort.IFLA_BRPORT_MODE),
    /** It goes out of work when the spanning tree's messages come in. */
    GUARD(BridgePort.IFLA_BRPORT_GUARD),
    /** The bridge learns addresses from it. */
    LEARNING(BridgePort.IFLA_BRPORT_LEARNING),
    /** Frames for unknown addresses go to it. */
    UNICAST_FLOOD(BridgePort.IFLA_BRPORT_UNICAST_FLOOD),
    /** Frames for groups nobody asked for go to it. */
    MULTICAST_FLOOD(BridgePort.IFLA_BRPORT_MCAST_FLOOD),
    /** Broadcast frames go to it. */
    BROADCAST_FLOOD(BridgePort.IFLA_BRPORT_BCAST_FLOOD),
    /** The bridge answers questions for neighbours for it. */
    NEIGHBOUR_SUPPRESSION(BridgePort.IFLA_BRPORT_NEIGH_SUPPRESS),
    /** It reaches no other isolated port. */
    ISOLATED(BridgePort.IFLA_BRPORT_ISOLATED),
    /** Only frames of addresses known to be on it come in. */
    LOCKED(BridgePort.IFLA_BRPORT_LOCKED);

    private final int attribute;

    Flag(int attribute) {
      this.attribute = attribute;
    }
  }

  /** Checks the numbers and copies the flags. */
  public BridgePortChange {
    cost.ifPresent(number -> Rules.range("cost", number, 1, 0xffff));
    priority.ifPresent(number -> Rules.range("priority", number, 0, 63));
    flags = Map.copyOf(flags);
  }

  /**
   * Changes nothing yet.
   *
   * @return an empty change
   */
  public static BridgePortChange none() {
    return new BridgePortChange(OptionalInt.empty(), OptionalInt.empty(), Map.of());
  }

  /**
   * Switches something on or off.
   *
   * @param flag what
   * @param to whether it is on
   * @return a changed copy
   */
  public BridgePortChange with(Flag flag, Switch to) {
    Map<Flag, Switch> more = new EnumMap<>(Flag.class);
    more.putAll(flags);
    more.put(flag, to);
    return new BridgePortChange(cost, priority, more);
  }

  /**
   * Sets what a path through it costs.
   *
   * @param number 1 to 65535
   * @return a changed copy
   */
  public BridgePortChange withCost(int number) {
    return new BridgePortChange(OptionalInt.of(number), priority, flags);
  }

  /**
   * Sets which of equal ports is preferred.
   *
   * @param number 0 to 63, the least is preferred
   * @return a changed copy
   */
  public BridgePortChange withPriority(int number) {
    return new BridgePortChange(cost, OptionalInt.of(number), flags);
  }

  void write(MessageWriter message) {
    cost.ifPresent(number -> message.number(BridgePort.IFLA_BRPORT_COST, number));
    priority.ifPresent(number -> message.shortNumber(BridgePort.IFLA_BRPORT_PRIORITY, number));
    for (Flag flag : Flag.values()) {
      Optional.ofNullable(flags.get(flag))
          .ifPresent(to -> message.octet(flag.attribute, to.number()));
    }
  }
}
