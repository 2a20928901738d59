package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.net.internal.Attributes;
import io.n0stack.n0core.net.internal.Wire;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A link as a port of a bridge, {@code IFLA_BRPORT_*} of {@code linux/if_link.h}, see bridge(8).
 *
 * @param index the link
 * @param bridge index of the bridge
 * @param state what the spanning tree lets it do; FORWARDING without one
 * @param cost what a path through it costs in the spanning tree
 * @param priority which of equal ports the spanning tree prefers, the least
 * @param hairpin whether a frame may go back through the port it came from
 * @param guard whether it goes out of work when the spanning tree's messages come in
 * @param learning whether the bridge learns addresses from it
 * @param unicastFlood whether frames for unknown addresses go to it
 * @param multicastFlood whether frames for groups nobody asked for go to it
 * @param broadcastFlood whether broadcast frames go to it
 * @param neighbourSuppression whether the bridge answers questions for neighbours for it
 * @param isolated whether it reaches no other isolated port
 * @param locked whether only frames of addresses known to be on it come in
 * @since 0.1
 */
public record BridgePort(
    int index,
    int bridge,
    State state,
    long cost,
    int priority,
    Switch hairpin,
    Switch guard,
    Switch learning,
    Switch unicastFlood,
    Switch multicastFlood,
    Switch broadcastFlood,
    Switch neighbourSuppression,
    Switch isolated,
    Switch locked) {
  static final int IFLA_BRPORT_STATE = 1;
  static final int IFLA_BRPORT_PRIORITY = 2;
  static final int IFLA_BRPORT_COST = 3;
  static final int IFLA_BRPORT_MODE = 4;
  static final int IFLA_BRPORT_GUARD = 5;
  static final int IFLA_BRPORT_LEARNING = 8;
  static final int IFLA_BRPORT_UNICAST_FLOOD = 9;
  static final int IFLA_BRPORT_FLUSH = 24;
  static final int IFLA_BRPORT_MCAST_FLOOD = 27;
  static final int IFLA_BRPORT_BCAST_FLOOD = 30;
  static final int IFLA_BRPORT_NEIGH_SUPPRESS = 32;
  static final int IFLA_BRPORT_ISOLATED = 33;
  static final int IFLA_BRPORT_LOCKED = 39;
  private static final int PORT_ATTRIBUTES = 64;

  /** What the spanning tree lets a port do, {@code BR_STATE_*}, in the kernel's order. */
  public enum State {
    /** Nothing. */
    DISABLED,
    /** Hear the spanning tree's messages. */
    LISTENING,
    /** Learn addresses. */
    LEARNING,
    /** Carry frames. */
    FORWARDING,
    /** Nothing but hear the spanning tree's messages, for another path is better. */
    BLOCKING
  }

  static @Nullable BridgePort decode(ByteBuffer bytes, int from, int to) {
    int body = from + Wire.NLMSG_HEADER;
    if (Short.toUnsignedInt(bytes.getShort(from + 4)) != Rtnetlink.RTM_NEWLINK
        || to - body < Rtnetlink.IFINFO
        || bytes.get(body) != Rtnetlink.AF_UNSPEC) {
      return null;
    }
    int bridge = 0;
    int[] port = null;
    Attributes attributes = new Attributes(bytes, body + Rtnetlink.IFINFO, to);
    while (attributes.advance()) {
      if (attributes.type() == Rtnetlink.IFLA_MASTER) {
        bridge = attributes.number();
      } else if (attributes.type() == Rtnetlink.IFLA_LINKINFO) {
        port = port(attributes.nested());
      }
    }
    return port == null
        ? null
        : of(bytes.getInt(body + Rtnetlink.IFINFO_INDEX), Math.max(0, bridge), port);
  }

  private static int @Nullable [] port(Attributes info) {
    boolean ofBridge = false;
    int[] values = null;
    while (info.advance()) {
      if (info.type() == Rtnetlink.IFLA_INFO_SLAVE_KIND) {
        ofBridge = info.is("bridge");
      } else if (info.type() == Rtnetlink.IFLA_INFO_SLAVE_DATA) {
        values = values(info.nested());
      }
    }
    return ofBridge ? values : null;
  }

  private static int[] values(Attributes data) {
    int[] values = new int[PORT_ATTRIBUTES];
    while (data.advance()) {
      if (data.type() < values.length) {
        values[data.type()] = data.number();
      }
    }
    return values;
  }

  private static BridgePort of(int index, int bridge, int[] values) {
    State[] states = State.values();
    int state = values[IFLA_BRPORT_STATE];
    return new BridgePort(
        index,
        bridge,
        state >= 0 && state < states.length ? states[state] : State.DISABLED,
        Integer.toUnsignedLong(values[IFLA_BRPORT_COST]),
        values[IFLA_BRPORT_PRIORITY],
        Switch.of(values[IFLA_BRPORT_MODE]),
        Switch.of(values[IFLA_BRPORT_GUARD]),
        Switch.of(values[IFLA_BRPORT_LEARNING]),
        Switch.of(values[IFLA_BRPORT_UNICAST_FLOOD]),
        Switch.of(values[IFLA_BRPORT_MCAST_FLOOD]),
        Switch.of(values[IFLA_BRPORT_BCAST_FLOOD]),
        Switch.of(values[IFLA_BRPORT_NEIGH_SUPPRESS]),
        Switch.of(values[IFLA_BRPORT_ISOLATED]),
        Switch.of(values[IFLA_BRPORT_LOCKED]));
  }
}
