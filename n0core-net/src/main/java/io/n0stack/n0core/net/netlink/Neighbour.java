package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.MacAddress;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What is known about a host on a link: an entry of the ARP or neighbour discovery cache, see
 * ip-neighbour(8).
 *
 * @param index the link; 0 for a proxy entry of all links
 * @param address the host
 * @param mac its Ethernet address; empty if it is not known or is not one that a link can have, such as
 *     that of a multicast group
 * @param state how sure the kernel is
 * @param flags what else is said about it
 * @since 0.1
 */
public record Neighbour(
    int index, InetAddress address, Optional<MacAddress> mac, State state, Set<Flag> flags) {
  /** How sure the kernel is of an entry. */
  public enum State {
    /** Nothing is said, as of proxy entries. */
    NONE(0),
    /** It is being asked for. */
    INCOMPLETE(0x01),
    /** It was confirmed lately. */
    REACHABLE(RouteNumbers.NUD_REACHABLE),
    /** It is used until it is asked for again. */
    STALE(0x04),
    /** It was used, and is soon asked for again. */
    DELAY(0x08),
    /** It is asked for again. */
    PROBE(0x10),
    /** Nobody answered. */
    FAILED(0x20),
    /** It needs no confirmation, but can be forgotten. */
    NOARP(RouteNumbers.NUD_NOARP),
    /** It stays. */
    PERMANENT(RouteNumbers.NUD_PERMANENT);

    private final int number;

    State(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    /** Of several bits, which no kernel sets, the highest counts. */
    private static State of(int number) {
      State found = NONE;
      for (State state : values()) {
        found = (number & state.number) != 0 ? state : found;
      }
      return found;
    }
  }

  /** What else is said about an entry. */
  public enum Flag {
    /** The kernel answers for the address to those who ask on the link. */
    PROXY(RouteNumbers.NTF_PROXY),
    /** It is a router, in IPv6. */
    ROUTER(RouteNumbers.NTF_ROUTER),
    /** A control plane has set it. */
    EXTERN_LEARN(RouteNumbers.NTF_EXT_LEARNED);

    private final int number;

    Flag(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    private static Set<Flag> of(int flags) {
      Set<Flag> set = EnumSet.noneOf(Flag.class);
      for (Flag flag : values()) {
        if ((flags & flag.number) != 0) {
          set.add(flag);
        }
      }
      return set;
    }
  }

  /** Checks the index. */
  public Neighbour {
    flags = Set.copyOf(flags);
    Rules.range("index", index, flags.contains(Flag.PROXY) ? 0 : 1, Integer.MAX_VALUE);
  }

  /**
   * Describes a host whose Ethernet address need not be asked for.
   *
   * @param index the link
   * @param address the host
   * @param mac its Ethernet address
   * @return a permanent entry
   */
  public static Neighbour permanent(int index, InetAddress address, MacAddress mac) {
    return new Neighbour(index, address, Optional.of(mac), State.PERMANENT, Set.of());
  }

  /**
   * Describes that the kernel answers for an address on a link.
   *
   * @param index the link
   * @param address the address
   * @return a proxy entry
   */
  public static Neighbour proxy(int index, InetAddress address) {
    return new Neighbour(index, address, Optional.empty(), State.NONE, Set.of(Flag.PROXY));
  }

  /**
   * Sets how sure the kernel is to be.
   *
   * @param wanted the state
   * @return a changed copy
   */
  public Neighbour withState(State wanted) {
    return new Neighbour(index, address, mac, wanted, flags);
  }

  /**
   * Says something else about it.
   *
   * @param flag what
   * @return a changed copy
   */
  public Neighbour with(Flag flag) {
    Set<Flag> more = EnumSet.of(flag);
    more.addAll(flags);
    return new Neighbour(index, address, mac, state, more);
  }

  static @Nullable Neighbour decode(ByteBuffer bytes, int from, int to) {
    NeighbourMessage message = NeighbourMessage.decode(bytes, from, to);
    if (message == null || message.destination.isEmpty()) {
      return null;
    }
    InetAddress address = message.destination.get();
    Set<Flag> flags = Flag.of(message.flags);
    int least = flags.contains(Flag.PROXY) ? 0 : 1;
    return message.family != AddressFamily.of(address).number() || message.index < least
        ? null
        : new Neighbour(message.index, address, message.unicast(), State.of(message.state), flags);
  }
}
