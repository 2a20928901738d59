package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.MacAddress;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.EnumSet;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * An entry of a forwarding database: where frames for an address go, see bridge(8).
 *
 * @param index the link that the frames leave by; for what a bridge itself receives, the bridge
 * @param table whose entry it is
 * @param mac the address; empty for the all-zero one, by which a VXLAN end knows where frames for
 *     unknown and multicast addresses go
 * @param state whether it ages
 * @param flags what else is said about it
 * @param vlan the VLAN in which it holds, 1 to 4094; empty for none or all
 * @param destination the VXLAN end to send to
 * @param port the UDP port there, 1 to 65535; empty for the link's
 * @param vni the network there, 0 to 16777215; empty for the link's
 * @param via index of the link that the UDP packets leave by; empty for what the routes say
 * @since 0.1
 */
public record FdbEntry(
    int index,
    Table table,
    Optional<MacAddress> mac,
    State state,
    Set<Flag> flags,
    OptionalInt vlan,
    Optional<InetAddress> destination,
    OptionalInt port,
    OptionalInt vni,
    OptionalInt via) {
  private static final int VLANS = 4094;
  private static final int VNIS = 0xffffff;

  /** Whose entry it is. */
  public enum Table {
    /** The link's own, as with a VXLAN end or a bridge. */
    SELF,
    /** That of the bridge whose port the link is. */
    MASTER
  }

  /** Whether an entry ages. */
  public enum State {
    /** It stays. In a bridge: frames for the address go up to the host, not out through the port. */
    PERMANENT(RouteNumbers.NUD_PERMANENT),
    /** It stays. */
    STATIC(RouteNumbers.NUD_NOARP | RouteNumbers.NUD_REACHABLE),
    /** It goes if nobody uses it. */
    DYNAMIC(RouteNumbers.NUD_REACHABLE);

    private final int number;

    State(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    private static State of(int state) {
      if ((state & RouteNumbers.NUD_PERMANENT) != 0) {
        return PERMANENT;
      }
      return (state & RouteNumbers.NUD_NOARP) != 0 ? STATIC : DYNAMIC;
    }
  }

  /** What else is said about an entry. */
  public enum Flag {
    /** A control plane has set it. In a bridge it is then {@link State#DYNAMIC}, but stays. */
    EXTERN_LEARN(RouteNumbers.NTF_EXT_LEARNED),
    /** A bridge does not move it to another port. */
    STICKY(RouteNumbers.NTF_STICKY);

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

  /** Checks the numbers. */
  public FdbEntry {
    Netlink.requireIndex(index);
    flags = Set.copyOf(flags);
    vlan.ifPresent(id -> Rules.range("vlan", id, 1, VLANS));
    port.ifPresent(number -> Rules.range("port", number, 1, 0xffff));
    vni.ifPresent(number -> Rules.range("vni", number, 0, VNIS));
    via.ifPresent(link -> Rules.range("via", link, 1, Integer.MAX_VALUE));
  }

  /**
   * Describes that a bridge finds an address behind one of its ports.
   *
   * @param port index of the port
   * @param mac the address
   * @return a static entry of the bridge
   */
  public static FdbEntry behind(int port, MacAddress mac) {
    return entry(port, Table.MASTER, Optional.of(mac), State.STATIC, Optional.empty());
  }

  /**
   * Describes that a VXLAN end finds an address behind another end.
   *
   * @param vxlan index of the link
   * @param mac the address
   * @param destination the other end
   * @return a permanent entry
   */
  public static FdbEntry remote(int vxlan, MacAddress mac, InetAddress destination) {
    return entry(vxlan, Table.SELF, Optional.of(mac), State.PERMANENT, Optional.of(destination));
  }

  /**
   * Describes that a VXLAN end sends frames for unknown and multicast addresses to another end. For
   * several ends, {@linkplain ForwardingDatabase#append append} one entry each.
   *
   * @param vxlan index of the link
   * @param destination the other end
   * @return a permanent entry for the all-zero address
   */
  public static FdbEntry flood(int vxlan, InetAddress destination) {
    return entry(vxlan, Table.SELF, Optional.empty(), State.PERMANENT, Optional.of(destination));
  }

  private static FdbEntry entry(
      int index,
      Table table,
      Optional<MacAddress> mac,
      State state,
      Optional<InetAddress> destination) {
    OptionalInt none = OptionalInt.empty();
    return new FdbEntry(index, table, mac, state, Set.of(), none, destination, none, none, none);
  }

  /**
   * Sets whether it ages.
   *
   * @param wanted the state
   * @return a changed copy
   */
  public FdbEntry withState(State wanted) {
    return new FdbEntry(index, table, mac, wanted, flags, vlan, destination, port, vni, via);
  }

  /**
   * Says something else about it.
   *
   * @param flag what
   * @return a changed copy
   */
  public FdbEntry with(Flag flag) {
    Set<Flag> more = EnumSet.of(flag);
    more.addAll(flags);
    return new FdbEntry(index, table, mac, state, more, vlan, destination, port, vni, via);
  }

  /**
   * Lets it hold in one VLAN.
   *
   * @param id 1 to 4094
   * @return a changed copy
   */
  public FdbEntry withVlan(int id) {
    OptionalInt only = OptionalInt.of(id);
    return new FdbEntry(index, table, mac, state, flags, only, destination, port, vni, via);
  }

  /**
   * Sends to another UDP port than the link's.
   *
   * @param number 1 to 65535
   * @return a changed copy
   */
  public FdbEntry withPort(int number) {
    OptionalInt other = OptionalInt.of(number);
    return new FdbEntry(index, table, mac, state, flags, vlan, destination, other, vni, via);
  }

  /**
   * Sends into another network than the link's.
   *
   * @param number 0 to 16777215
   * @return a changed copy
   */
  public FdbEntry withVni(int number) {
    OptionalInt other = OptionalInt.of(number);
    return new FdbEntry(index, table, mac, state, flags, vlan, destination, port, other, via);
  }

  /**
   * Sends through a link, whatever the routes say.
   *
   * @param link its index
   * @return a changed copy
   */
  public FdbEntry via(int link) {
    OptionalInt only = OptionalInt.of(link);
    return new FdbEntry(index, table, mac, state, flags, vlan, destination, port, vni, only);
  }

  /**
   * Reads an entry; null if it is none. What a link receives by its multicast filter is listed by the
   * kernel, too, but says nothing about forwarding.
   *
   * @param bridge whose entries are wanted, 0 for all
   */
  static @Nullable FdbEntry decode(ByteBuffer bytes, int from, int to, int bridge) {
    NeighbourMessage message = NeighbourMessage.decode(bytes, from, to);
    if (message == null
        || message.family != Rtnetlink.AF_BRIDGE
        || message.index < 1
        || (message.mac != 0 && message.unicast().isEmpty())
        || (bridge > 0 && message.master != bridge)) {
      return null;
    }
    return new FdbEntry(
        message.index,
        message.master > 0 && message.master != message.index ? Table.MASTER : Table.SELF,
        message.unicast(),
        State.of(message.state),
        Flag.of(message.flags),
        within(message.vlan, 1, VLANS),
        message.destination,
        within(message.port, 1, 0xffff),
        within(message.vni, 0, VNIS),
        within(message.via, 1, Integer.MAX_VALUE));
  }

  private static OptionalInt within(int value, int least, int most) {
    return value < least || value > most ? OptionalInt.empty() : OptionalInt.of(value);
  }
}
