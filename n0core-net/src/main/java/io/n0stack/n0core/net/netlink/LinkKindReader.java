package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.net.internal.Attributes;
import io.n0stack.n0core.net.internal.InternetAddresses;
import io.n0stack.n0core.net.netlink.LinkKind.BondMode;
import io.n0stack.n0core.net.netlink.LinkKind.Bridge;
import io.n0stack.n0core.net.netlink.LinkKind.MacvlanMode;
import io.n0stack.n0core.net.netlink.LinkKind.Tun;
import io.n0stack.n0core.net.netlink.LinkKind.TunLayer;
import io.n0stack.n0core.net.netlink.LinkKind.TunLifetime;
import io.n0stack.n0core.net.netlink.LinkKind.VlanProtocol;
import java.net.InetAddress;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Reads IFLA_LINKINFO. Values that no kernel has today do not make it fail. */
final class LinkKindReader {
  static final LinkKind PHYSICAL = new LinkKind.Physical();
  private static final LinkKind IFB = new LinkKind.Ifb();
  private static final LinkKind DUMMY = new LinkKind.Dummy();
  private static final List<String> KINDS =
      List.of("tun", "bridge", "veth", "vlan", "vxlan", "ifb");
  private static final int TICK_MILLIS = 10; // clock_t, 100 a second
  private static final long LONGEST_AGEING = Duration.ofDays(12).toMillis() / TICK_MILLIS;

  private final Attributes described = new Attributes();

  LinkKind read(Attributes info, int parent) {
    String kind = "";
    @Nullable Attributes data = null;
    while (info.advance()) {
      if (info.type() == Rtnetlink.IFLA_INFO_KIND) {
        kind = info.text(KINDS);
      } else if (info.type() == Rtnetlink.IFLA_INFO_DATA) {
        data = info.nested(described);
      }
    }
    try {
      return data == null ? bare(kind) : withData(kind, data, parent);
    } catch (N0Exception e) {
      // A number that our own rules do not allow: another kernel's business, but no reason to fail.
      return other(kind, data == null ? "" : hex(data));
    }
  }

  private static LinkKind bare(String kind) {
    return switch (kind) {
      case "" -> PHYSICAL;
      case "ifb" -> IFB;
      case "dummy" -> DUMMY;
      case "veth" -> LinkKind.Veth.READ;
      case "bridge" -> Bridge.usual();
      default -> other(kind, "");
    };
  }

  private static LinkKind withData(String kind, Attributes data, int parent) {
    return switch (kind) {
      case "bridge" -> bridge(data);
      case "vlan" -> vlan(data, parent);
      case "vxlan" -> vxlan(data);
      case "macvlan" -> new LinkKind.Macvlan(parent, mode(data));
      case "macvtap" -> new LinkKind.Macvtap(parent, mode(data));
      case "bond" -> bond(data);
      case "vrf" -> vrf(data);
      case "tun" -> tun(data);
      case "ifb", "dummy", "veth" -> bare(kind);
      default -> other(kind, hex(data));
    };
  }

  /** A kernel's word has no rule that we know; one that breaks ours must not make a list fail. */
  private static LinkKind other(String kind, String data) {
    try {
      return new LinkKind.Other(kind, data);
    } catch (N0Exception e) {
      return new LinkKind.Other("unknown", data);
    }
  }

  private static String hex(Attributes data) {
    return HexFormat.of().formatHex(data.all());
  }

  private static LinkKind bridge(Attributes data) {
    Switch filtering = Switch.OFF;
    Switch spanning = Switch.OFF;
    Switch snooping = Switch.OFF;
    int pvid = 0;
    long ageing = 0;
    while (data.advance()) {
      switch (data.type()) {
        case Rtnetlink.IFLA_BR_AGEING_TIME -> ageing = Integer.toUnsignedLong(data.number());
        case Rtnetlink.IFLA_BR_STP_STATE -> spanning = Switch.of(data.number());
        case Rtnetlink.IFLA_BR_VLAN_FILTERING -> filtering = Switch.of(data.number());
        case Rtnetlink.IFLA_BR_MCAST_SNOOPING -> snooping = Switch.of(data.number());
        case Rtnetlink.IFLA_BR_VLAN_DEFAULT_PVID -> pvid = data.number();
        default -> {
          // timers of the spanning tree and of multicast are for tools that tune them
        }
      }
    }
    if (filtering == Switch.OFF && pvid == 0) {
      // A kernel without VLAN filtering does not tell.
      pvid = Bridge.usual().defaultPvid();
    }
    Duration time = Duration.ofMillis(Math.min(ageing, LONGEST_AGEING) * TICK_MILLIS);
    Bridge read = new Bridge(filtering, pvid, spanning, snooping, time);
    return read.equals(Bridge.usual()) ? Bridge.usual() : read;
  }

  private static LinkKind vlan(Attributes data, int parent) {
    int id = 0;
    VlanProtocol protocol = VlanProtocol.IEEE_802_1Q;
    Map<Integer, Integer> ingress = Map.of();
    Map<Integer, Integer> egress = Map.of();
    while (data.advance()) {
      switch (data.type()) {
        case Rtnetlink.IFLA_VLAN_ID -> id = data.number();
        case Rtnetlink.IFLA_VLAN_PROTOCOL ->
          protocol = data.networkShortNumber() == VlanProtocol.IEEE_802_1AD.etherType()
              ? VlanProtocol.IEEE_802_1AD
              : VlanProtocol.IEEE_802_1Q;
        case Rtnetlink.IFLA_VLAN_INGRESS_QOS -> ingress = priorities(data.nested());
        case Rtnetlink.IFLA_VLAN_EGRESS_QOS -> egress = priorities(data.nested());
        default -> {
          // flags of GVRP and MVRP
        }
      }
    }
    return new LinkKind.Vlan(parent, id, protocol, ingress, egress);
  }

  private static Map<Integer, Integer> priorities(Attributes mappings) {
    Map<Integer, Integer> priorities = new TreeMap<>();
    while (mappings.advance()) {
      if (mappings.type() == Rtnetlink.IFLA_VLAN_QOS_MAPPING) {
        priorities.put(mappings.number(0), mappings.number(4));
      }
    }
    return priorities;
  }

  private static LinkKind vxlan(Attributes data) {
    int vni = 0;
    int underlay = 0;
    int port = 0;
    int ttl = 0;
    Switch learning = Switch.OFF;
    Optional<InetAddress> remote = Optional.empty();
    Optional<InetAddress> local = Optional.empty();
    while (data.advance()) {
      switch (data.type()) {
        case Rtnetlink.IFLA_VXLAN_ID -> vni = data.number();
        case Rtnetlink.IFLA_VXLAN_GROUP, Rtnetlink.IFLA_VXLAN_GROUP6 -> remote = address(data);
        case Rtnetlink.IFLA_VXLAN_LOCAL, Rtnetlink.IFLA_VXLAN_LOCAL6 -> local = address(data);
        case Rtnetlink.IFLA_VXLAN_LINK -> underlay = data.number();
        case Rtnetlink.IFLA_VXLAN_PORT -> port = data.networkShortNumber();
        case Rtnetlink.IFLA_VXLAN_TTL -> ttl = data.number();
        case Rtnetlink.IFLA_VXLAN_LEARNING -> learning = Switch.of(data.number());
        default -> {
          // checksums, limits, and ends that are steered from outside
        }
      }
    }
    return new LinkKind.Vxlan(
        vni,
        remote,
        local,
        underlay > 0 ? OptionalInt.of(underlay) : OptionalInt.empty(),
        port,
        learning,
        ttl);
  }

  private static Optional<InetAddress> address(Attributes data) {
    return InternetAddresses.of(data.octets()).filter(found -> !found.isAnyLocalAddress());
  }

  private static MacvlanMode mode(Attributes data) {
    MacvlanMode found = MacvlanMode.VEPA;
    while (data.advance()) {
      if (data.type() == Rtnetlink.IFLA_MACVLAN_MODE) {
        for (MacvlanMode mode : MacvlanMode.values()) {
          found = mode.number() == data.number() ? mode : found;
        }
      }
    }
    return found;
  }

  private static LinkKind bond(Attributes data) {
    BondMode mode = BondMode.BALANCE_RR;
    int millis = 0;
    while (data.advance()) {
      if (data.type() == Rtnetlink.IFLA_BOND_MODE) {
        for (BondMode one : BondMode.values()) {
          mode = one.number() == data.number() ? one : mode;
        }
      } else if (data.type() == Rtnetlink.IFLA_BOND_MIIMON) {
        millis = data.number();
      }
    }
    return new LinkKind.Bond(mode, Duration.ofMillis(millis));
  }

  private static LinkKind vrf(Attributes data) {
    long table = 0;
    while (data.advance()) {
      if (data.type() == Rtnetlink.IFLA_VRF_TABLE) {
        table = Integer.toUnsignedLong(data.number());
      }
    }
    return new LinkKind.Vrf(table);
  }

  private static LinkKind tun(Attributes data) {
    OptionalLong owner = OptionalLong.empty();
    OptionalLong group = OptionalLong.empty();
    TunLayer layer = TunLayer.TUN;
    TunLifetime lifetime = TunLifetime.TRANSIENT;
    Switch queues = Switch.OFF;
    Switch header = Switch.OFF;
    while (data.advance()) {
      switch (data.type()) {
        case Rtnetlink.IFLA_TUN_OWNER -> owner = id(data);
        case Rtnetlink.IFLA_TUN_GROUP -> group = id(data);
        case Rtnetlink.IFLA_TUN_TYPE ->
          layer = data.number() == Rtnetlink.IFF_TAP ? TunLayer.TAP : TunLayer.TUN;
        case Rtnetlink.IFLA_TUN_VNET_HDR -> header = Switch.of(data.number());
        case Rtnetlink.IFLA_TUN_PERSIST ->
          lifetime = data.number() == 0 ? TunLifetime.TRANSIENT : TunLifetime.PERSISTENT;
        case Rtnetlink.IFLA_TUN_MULTI_QUEUE -> queues = Switch.of(data.number());
        default -> {
          // how many queues are attached is the opener's business
        }
      }
    }
    return new Tun(layer, owner, group, lifetime, queues, header);
  }

  private static OptionalLong id(Attributes data) {
    return OptionalLong.of(Integer.toUnsignedLong(data.number()));
  }
}
