package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Wire;
import io.n0stack.n0core.net.netlink.LinkKind.Bridge;
import java.net.InetAddress;
import java.util.Map;
import java.util.TreeMap;

/** Writes IFLA_LINKINFO, and IFLA_LINK where the kind has a parent. */
final class LinkKindWriter {
  private static final int TICK_MILLIS = 10; // clock_t, 100 a second

  private LinkKindWriter() {}

  static void write(MessageWriter message, LinkKind kind) {
    if (kind instanceof LinkKind.Vlan vlan) {
      message.number(Rtnetlink.IFLA_LINK, vlan.parent());
    } else if (kind instanceof LinkKind.Macvlan macvlan) {
      message.number(Rtnetlink.IFLA_LINK, macvlan.parent());
    } else if (kind instanceof LinkKind.Macvtap macvtap) {
      message.number(Rtnetlink.IFLA_LINK, macvtap.parent());
    }
    int info = message.open(Rtnetlink.IFLA_LINKINFO);
    message.text(Rtnetlink.IFLA_INFO_KIND, kind.kernelName());
    if (hasData(kind)) {
      int data = message.open(Rtnetlink.IFLA_INFO_DATA);
      writeData(message, kind);
      message.close(data);
    }
    message.close(info);
  }

  private static boolean hasData(LinkKind kind) {
    return !(kind instanceof LinkKind.Ifb
        || kind instanceof LinkKind.Dummy
        || kind.equals(Bridge.usual())
        || (kind instanceof LinkKind.Other other && other.data().isEmpty()));
  }

  private static void writeData(MessageWriter message, LinkKind kind) {
    if (kind instanceof Bridge bridge) {
      writeBridge(message, bridge);
    } else if (kind instanceof LinkKind.Veth veth) {
      writeVeth(message, veth);
    } else if (kind instanceof LinkKind.Vlan vlan) {
      writeVlan(message, vlan);
    } else if (kind instanceof LinkKind.Vxlan vxlan) {
      writeVxlan(message, vxlan);
    } else if (kind instanceof LinkKind.Macvlan macvlan) {
      message.number(Rtnetlink.IFLA_MACVLAN_MODE, macvlan.mode().number());
    } else if (kind instanceof LinkKind.Macvtap macvtap) {
      message.number(Rtnetlink.IFLA_MACVLAN_MODE, macvtap.mode().number());
    } else if (kind instanceof LinkKind.Bond bond) {
      message.octet(Rtnetlink.IFLA_BOND_MODE, bond.mode().number());
      message.number(Rtnetlink.IFLA_BOND_MIIMON, (int) bond.monitoring().toMillis());
    } else if (kind instanceof LinkKind.Vrf vrf) {
      message.number(Rtnetlink.IFLA_VRF_TABLE, (int) vrf.table());
    } else if (kind instanceof LinkKind.Other other) {
      message.raw(other.octets());
    } else {
      throw new IllegalArgumentException(kind + " cannot be created");
    }
  }

  /** Only what is not usual, so that kernels that lack a part are not asked for it. */
  private static void writeBridge(MessageWriter message, Bridge bridge) {
    Bridge usual = Bridge.usual();
    if (!bridge.ageing().equals(usual.ageing())) {
      message.number(
          Rtnetlink.IFLA_BR_AGEING_TIME, (int) (bridge.ageing().toMillis() / TICK_MILLIS));
    }
    if (bridge.spanningTree() != usual.spanningTree()) {
      message.number(Rtnetlink.IFLA_BR_STP_STATE, bridge.spanningTree().number());
    }
    if (bridge.vlanFiltering() != usual.vlanFiltering()) {
      message.octet(Rtnetlink.IFLA_BR_VLAN_FILTERING, bridge.vlanFiltering().number());
    }
    if (bridge.multicastSnooping() != usual.multicastSnooping()) {
      message.octet(Rtnetlink.IFLA_BR_MCAST_SNOOPING, bridge.multicastSnooping().number());
    }
    if (bridge.defaultPvid() != usual.defaultPvid()) {
      message.shortNumber(Rtnetlink.IFLA_BR_VLAN_DEFAULT_PVID, bridge.defaultPvid());
    }
  }

  private static void writeVeth(MessageWriter message, LinkKind.Veth veth) {
    int end = message.open(Rtnetlink.VETH_INFO_PEER);
    message.skip(Rtnetlink.IFINFO);
    veth.peer().ifPresent(name -> message.text(Rtnetlink.IFLA_IFNAME, name));
    veth.peerNamespace().ifPresent(ns -> message.number(Rtnetlink.IFLA_NET_NS_FD, ns.fd()));
    message.close(end);
  }

  private static void writeVlan(MessageWriter message, LinkKind.Vlan vlan) {
    message.shortNumber(Rtnetlink.IFLA_VLAN_ID, vlan.vlanId());
    message.networkShortNumber(Rtnetlink.IFLA_VLAN_PROTOCOL, vlan.protocol().etherType());
    priorities(message, Rtnetlink.IFLA_VLAN_INGRESS_QOS, vlan.ingress());
    priorities(message, Rtnetlink.IFLA_VLAN_EGRESS_QOS, vlan.egress());
  }

  private static void priorities(
      MessageWriter message, int type, Map<Integer, Integer> priorities) {
    if (priorities.isEmpty()) {
      return;
    }
    int mappings = message.open(type);
    new TreeMap<>(priorities).forEach((from, to) -> {
      byte[] mapping = new byte[2 * Integer.BYTES]; // struct ifla_vlan_qos_mapping
      Wire.order(mapping).putInt(0, from).putInt(Integer.BYTES, to);
      message.octets(Rtnetlink.IFLA_VLAN_QOS_MAPPING, mapping);
    });
    message.close(mappings);
  }

  private static void writeVxlan(MessageWriter message, LinkKind.Vxlan vxlan) {
    message.number(Rtnetlink.IFLA_VXLAN_ID, vxlan.vni());
    vxlan
        .remote()
        .ifPresent(address -> message.octets(
            four(address) ? Rtnetlink.IFLA_VXLAN_GROUP : Rtnetlink.IFLA_VXLAN_GROUP6,
            address.getAddress()));
    vxlan.underlay().ifPresent(index -> message.number(Rtnetlink.IFLA_VXLAN_LINK, index));
    vxlan
        .local()
        .ifPresent(address -> message.octets(
            four(address) ? Rtnetlink.IFLA_VXLAN_LOCAL : Rtnetlink.IFLA_VXLAN_LOCAL6,
            address.getAddress()));
    if (vxlan.ttl() > 0) {
      message.octet(Rtnetlink.IFLA_VXLAN_TTL, vxlan.ttl());
    }
    message.octet(Rtnetlink.IFLA_VXLAN_LEARNING, vxlan.learning().number());
    message.networkShortNumber(Rtnetlink.IFLA_VXLAN_PORT, vxlan.port());
  }

  private static boolean four(InetAddress address) {
    return address.getAddress().length == 4;
  }
}
