package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.internal.Wire.NLM_F_ACK;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_DUMP;

import io.n0stack.n0core.net.internal.Attributes;
import io.n0stack.n0core.net.internal.Conversation;
import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Request;
import io.n0stack.n0core.net.internal.Wire;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which VLANs the ports of a bridge that filters are in, see bridge(8). Thread-safe; part of a {@link
 * Netlink}, whose errors it has: UNSUPPORTED where the kernel has no VLAN filtering.
 *
 * @since 0.1
 */
public final class BridgeVlans {
  private static final int IFLA_EXT_MASK = 29; // linux/if_link.h
  private static final int RTEXT_FILTER_BRVLAN_COMPRESSED = 4; // linux/rtnetlink.h
  private static final int IFLA_BRIDGE_FLAGS = 0; // linux/if_bridge.h
  private static final int IFLA_BRIDGE_VLAN_INFO = 2;
  private static final int BRIDGE_FLAGS_MASTER = 1;
  private static final int BRIDGE_FLAGS_SELF = 2;
  private static final int BRIDGE_VLAN_INFO_PVID = 2;
  private static final int BRIDGE_VLAN_INFO_UNTAGGED = 4;
  private static final int BRIDGE_VLAN_INFO_RANGE_BEGIN = 8;
  private static final int BRIDGE_VLAN_INFO_RANGE_END = 16;

  private final Conversation kernel;

  BridgeVlans(Conversation kernel) {
    this.kernel = kernel;
  }

  /**
   * Lists the VLANs of a port, or of a bridge itself.
   *
   * @param index the port or the bridge
   * @return ranges in ascending order; empty also if there is no such port
   */
  public List<BridgeVlan> of(int index) {
    Netlink.requireIndex(index);
    return Netlink.consistent(kernel, new Listing(), BridgeVlans::decode).stream()
        .filter(found -> found.index() == index)
        .flatMap(found -> found.vlans().stream())
        .toList();
  }

  /**
   * Puts a port into VLANs, in one message whatever their number.
   *
   * @param port index of the port
   * @param vlans which
   */
  public void add(int port, BridgeVlan vlans) {
    kernel.change(adding(port, vlans).request());
  }

  /**
   * Puts the bridge itself, as seen by this host, into VLANs.
   *
   * @param bridge index of the bridge
   * @param vlans which
   */
  public void addOwn(int bridge, BridgeVlan vlans) {
    kernel.change(
        change("add", Rtnetlink.RTM_SETLINK, BRIDGE_FLAGS_SELF, bridge, vlans).request());
  }

  /**
   * Takes a port out of VLANs.
   *
   * @param port index of the port
   * @param vlans which; only its numbers count
   */
  public void remove(int port, BridgeVlan vlans) {
    kernel.change(removing(port, vlans).request());
  }

  /**
   * Takes the bridge itself out of VLANs.
   *
   * @param bridge index of the bridge
   * @param vlans which; only its numbers count
   */
  public void removeOwn(int bridge, BridgeVlan vlans) {
    kernel.change(change("remove", Rtnetlink.RTM_DELLINK, BRIDGE_FLAGS_SELF, bridge, vlans)
        .request());
  }

  /**
   * Describes {@link #add}.
   *
   * @param port index of the port
   * @param vlans which
   * @return the change
   */
  public static Change adding(int port, BridgeVlan vlans) {
    return change("add", Rtnetlink.RTM_SETLINK, BRIDGE_FLAGS_MASTER, port, vlans);
  }

  /**
   * Describes {@link #remove}.
   *
   * @param port index of the port
   * @param vlans which; only its numbers count
   * @return the change
   */
  public static Change removing(int port, BridgeVlan vlans) {
    return change("remove", Rtnetlink.RTM_DELLINK, BRIDGE_FLAGS_MASTER, port, vlans);
  }

  private static Change change(String verb, int type, int side, int index, BridgeVlan vlans) {
    Netlink.requireIndex(index);
    return Change.of(
        () -> verb + " VLANs " + vlans.first() + " to " + vlans.last() + " of bridge port " + index,
        message -> {
          message.begin(type, NLM_F_ACK, Rtnetlink.IFINFO);
          message.header8(0, Rtnetlink.AF_BRIDGE);
          message.header32(Rtnetlink.IFINFO_INDEX, index);
          int families = message.open(Rtnetlink.IFLA_AF_SPEC);
          message.shortNumber(IFLA_BRIDGE_FLAGS, side);
          write(message, vlans);
          message.close(families);
        });
  }

  private static void write(MessageWriter message, BridgeVlan vlans) {
    int flags = (vlans.pvid() == Switch.ON ? BRIDGE_VLAN_INFO_PVID : 0)
        | (vlans.untagged() == Switch.ON ? BRIDGE_VLAN_INFO_UNTAGGED : 0);
    if (vlans.first() == vlans.last()) {
      info(message, flags, vlans.first());
    } else {
      info(message, flags | BRIDGE_VLAN_INFO_RANGE_BEGIN, vlans.first());
      info(message, flags | BRIDGE_VLAN_INFO_RANGE_END, vlans.last());
    }
  }

  private static void info(MessageWriter message, int flags, int vlanId) {
    byte[] info = new byte[2 * Short.BYTES]; // struct bridge_vlan_info
    Wire.order(info).putShort(0, (short) flags).putShort(Short.BYTES, (short) vlanId);
    message.octets(IFLA_BRIDGE_VLAN_INFO, info);
  }

  private record Listing() implements Request {
    @Override
    public void write(MessageWriter message) {
      message.begin(Rtnetlink.RTM_GETLINK, NLM_F_DUMP, Rtnetlink.IFINFO);
      message.header8(0, Rtnetlink.AF_BRIDGE);
      message.number(IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN_COMPRESSED);
    }

    @Override
    public String toString() {
      return "list VLANs of bridge ports";
    }
  }

  /** The VLANs of one port. */
  record Found(int index, List<BridgeVlan> vlans) {}

  static @Nullable Found decode(ByteBuffer bytes, int from, int to) {
    int body = from + Wire.NLMSG_HEADER;
    if (Short.toUnsignedInt(bytes.getShort(from + 4)) != Rtnetlink.RTM_NEWLINK
        || to - body < Rtnetlink.IFINFO
        || bytes.get(body) != Rtnetlink.AF_BRIDGE) {
      return null;
    }
    List<BridgeVlan> vlans = new ArrayList<>();
    Attributes attributes = new Attributes(bytes, body + Rtnetlink.IFINFO, to);
    while (attributes.advance()) {
      if (attributes.type() == Rtnetlink.IFLA_AF_SPEC) {
        read(attributes.nested(), vlans);
      }
    }
    return new Found(bytes.getInt(body + Rtnetlink.IFINFO_INDEX), vlans);
  }

  private static void read(Attributes bridge, List<BridgeVlan> into) {
    int begun = 0;
    while (bridge.advance()) {
      if (bridge.type() != IFLA_BRIDGE_VLAN_INFO || bridge.length() < 2 * Short.BYTES) {
        continue;
      }
      int flags = bridge.shortNumber(0);
      int vlanId = bridge.shortNumber(Short.BYTES);
      if ((flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) != 0) {
        begun = vlanId;
        continue;
      }
      int first = (flags & BRIDGE_VLAN_INFO_RANGE_END) != 0 && begun > 0 ? begun : vlanId;
      boolean sane = first >= 1 && first <= vlanId && vlanId <= 4094;
      if (sane) {
        into.add(new BridgeVlan(
            first,
            vlanId,
            Switch.of(first == vlanId ? flags & BRIDGE_VLAN_INFO_PVID : 0),
            Switch.of(flags & BRIDGE_VLAN_INFO_UNTAGGED)));
      }
    }
  }
}
