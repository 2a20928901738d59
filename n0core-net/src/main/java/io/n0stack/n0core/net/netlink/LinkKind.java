package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.net.InetAddress;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What a link is, with what is particular to it: read from the kernel, and given to it when a link is
 * created. See ip-link(8) and {@code linux/if_link.h}.
 *
 * @since 0.1
 */
public sealed interface LinkKind {
  /**
   * Returns the kernel's word for it.
   *
   * @return such as {@code bridge}; empty text for hardware and for the loopback link
   */
  String kernelName();

  /** Hardware, the loopback link, and whatever else was not created through rtnetlink. */
  record Physical() implements LinkKind {
    @Override
    public String kernelName() {
      return "";
    }
  }

  /**
   * A bridge.
   *
   * @param vlanFiltering whether it looks at VLAN tags
   * @param defaultPvid the VLAN of untagged frames at new ports, 0 to 4094, 0 for none
   * @param spanningTree whether it speaks the spanning tree protocol
   * @param multicastSnooping whether it learns who listens to which group
   * @param ageing how long it remembers an address, in steps of 10 ms, up to 12 days
   */
  record Bridge(
      Switch vlanFiltering,
      int defaultPvid,
      Switch spanningTree,
      Switch multicastSnooping,
      Duration ageing)
      implements LinkKind {
    private static final Bridge USUAL =
        new Bridge(Switch.OFF, 1, Switch.OFF, Switch.ON, Duration.ofMinutes(5));

    /** Checks the VLAN and the time. */
    public Bridge {
      Rules.range("defaultPvid", defaultPvid, 0, 4094);
      Rules.range("ageing in ms", ageing.toMillis(), 0, Duration.ofDays(12).toMillis());
    }

    /**
     * Makes what the kernel makes if it is told nothing.
     *
     * @return a bridge that looks at no VLAN and speaks no spanning tree
     */
    public static Bridge usual() {
      return USUAL;
    }

    /**
     * Looks at VLAN tags.
     *
     * @return a changed copy
     */
    public Bridge withVlanFiltering() {
      return new Bridge(Switch.ON, defaultPvid, spanningTree, multicastSnooping, ageing);
    }

    /**
     * Sets the VLAN of untagged frames at new ports.
     *
     * @param vlanId 1 to 4094, 0 for none
     * @return a changed copy
     */
    public Bridge withDefaultPvid(int vlanId) {
      return new Bridge(vlanFiltering, vlanId, spanningTree, multicastSnooping, ageing);
    }

    /**
     * Floods multicast frames as it does broadcast ones.
     *
     * @return a changed copy
     */
    public Bridge withoutMulticastSnooping() {
      return new Bridge(vlanFiltering, defaultPvid, spanningTree, Switch.OFF, ageing);
    }

    @Override
    public String kernelName() {
      return "bridge";
    }
  }

  /**
   * One end of a virtual cable. Of one that is read, {@link Link#parent} is the index of the other end,
   * in the network namespace {@link Link#parentNamespace}.
   *
   * @param peer the name of the other end, only for creation
   * @param peerNamespace where the other end is made, only for creation; empty for the same
   */
  record Veth(Optional<String> peer, Optional<NetNs> peerNamespace) implements LinkKind {
    static final Veth READ = new Veth(Optional.empty(), Optional.empty());

    /** Checks the name. */
    public Veth {
      peer.ifPresent(name -> Rules.linkName("peer", name));
    }

    @Override
    public String kernelName() {
      return "veth";
    }
  }

  /**
   * One VLAN of another link.
   *
   * @param parent index of the link that carries it; 0 if the kernel does not tell
   * @param vlanId 0 to 4095
   * @param protocol how frames are tagged
   * @param ingress which priority of the kernel a priority in a tag, 0 to 7, becomes
   * @param egress which priority in a tag, 0 to 7, a priority of the kernel becomes
   */
  record Vlan(
      int parent,
      int vlanId,
      VlanProtocol protocol,
      Map<Integer, Integer> ingress,
      Map<Integer, Integer> egress)
      implements LinkKind {
    /** Checks numbers and copies the maps. */
    public Vlan {
      Rules.range("parent", parent, 0, Integer.MAX_VALUE);
      Rules.range("vlanId", vlanId, 0, 4095);
      ingress = Map.copyOf(ingress);
      egress = Map.copyOf(egress);
      ingress.keySet().forEach(priority -> Rules.range("ingress priority", priority, 0, 7));
      egress.values().forEach(priority -> Rules.range("egress priority", priority, 0, 7));
    }

    /**
     * Makes an 802.1Q VLAN.
     *
     * @param parent index of the link that carries it
     * @param vlanId 0 to 4095
     * @return a VLAN that keeps priorities out of the tags
     */
    public static Vlan of(int parent, int vlanId) {
      return new Vlan(parent, vlanId, VlanProtocol.IEEE_802_1Q, Map.of(), Map.of());
    }

    /**
     * Sets how frames are tagged.
     *
     * @param how the protocol
     * @return a changed copy
     */
    public Vlan withProtocol(VlanProtocol how) {
      return new Vlan(parent, vlanId, how, ingress, egress);
    }

    @Override
    public String kernelName() {
      return "vlan";
    }
  }

  /**
   * An end of a VXLAN, RFC 7348.
   *
   * @param vni 0 to 16777215
   * @param remote a multicast group, or the one host that frames for unknown addresses go to; empty if
   *     that is what the forwarding database says
   * @param local the source address; empty if the kernel chooses
   * @param underlay index of the link it sends through; empty if routes decide
   * @param port UDP port, 1 to 65535; the registered one is 4789, a kernel that is told none takes 8472
   * @param learning whether it learns where addresses are from what it receives
   * @param ttl 1 to 255; 0 if the kernel chooses
   */
  record Vxlan(
      int vni,
      Optional<InetAddress> remote,
      Optional<InetAddress> local,
      OptionalInt underlay,
      int port,
      Switch learning,
      int ttl)
      implements LinkKind {
    /** Checks the numbers. */
    public Vxlan {
      Rules.range("vni", vni, 0, 0xffffff);
      underlay.ifPresent(index -> Rules.range("underlay", index, 1, Integer.MAX_VALUE));
      Rules.range("port", port, 1, 0xffff);
      Rules.range("ttl", ttl, 0, 255);
      if (remote.isPresent() && remote.get().isMulticastAddress() && underlay.isEmpty()) {
        throw N0Exception.invalid("underlay", "", "must be given with a multicast group");
      }
    }

    /**
     * Makes an end that sends to whom the forwarding database says.
     *
     * @param vni 0 to 16777215
     * @return an end on port 4789 that learns
     */
    public static Vxlan of(int vni) {
      return new Vxlan(
          vni, Optional.empty(), Optional.empty(), OptionalInt.empty(), 4789, Switch.ON, 0);
    }

    /**
     * Sends frames for unknown addresses to one address.
     *
     * @param address a multicast group or a host
     * @param link index of the link it sends through
     * @return a changed copy
     */
    public Vxlan withRemote(InetAddress address, int link) {
      return new Vxlan(vni, Optional.of(address), local, OptionalInt.of(link), port, learning, ttl);
    }

    /**
     * Sets the source address.
     *
     * @param address an address of this host
     * @return a changed copy
     */
    public Vxlan withLocal(InetAddress address) {
      return new Vxlan(vni, remote, Optional.of(address), underlay, port, learning, ttl);
    }

    /**
     * Sets the UDP port.
     *
     * @param number 1 to 65535
     * @return a changed copy
     */
    public Vxlan withPort(int number) {
      return new Vxlan(vni, remote, local, underlay, number, learning, ttl);
    }

    /**
     * Leaves the forwarding database to whoever fills it.
     *
     * @return a changed copy
     */
    public Vxlan withoutLearning() {
      return new Vxlan(vni, remote, local, underlay, port, Switch.OFF, ttl);
    }

    @Override
    public String kernelName() {
      return "vxlan";
    }
  }

  /** An intermediate functional block: a place for queueing disciplines of what is received. */
  record Ifb() implements LinkKind {
    @Override
    public String kernelName() {
      return "ifb";
    }
  }

  /** A link that drops all it is to send. */
  record Dummy() implements LinkKind {
    @Override
    public String kernelName() {
      return "dummy";
    }
  }

  /**
   * A link with an address of its own on another link.
   *
   * @param parent index of the other link; 0 if the kernel does not tell
   * @param mode whom it reaches
   */
  record Macvlan(int parent, MacvlanMode mode) implements LinkKind {
    @Override
    public String kernelName() {
      return "macvlan";
    }
  }

  /**
   * A macvlan whose frames a process reads and writes through {@code /dev/tapN}, N being its index.
   *
   * @param parent index of the other link; 0 if the kernel does not tell
   * @param mode whom it reaches
   */
  record Macvtap(int parent, MacvlanMode mode) implements LinkKind {
    @Override
    public String kernelName() {
      return "macvtap";
    }
  }

  /**
   * Several links as one.
   *
   * @param mode how they share the work
   * @param monitoring how often the carrier of the links is looked at, in steps of 1 ms; zero for never
   */
  record Bond(BondMode mode, Duration monitoring) implements LinkKind {
    /** Checks the time. */
    public Bond {
      Rules.range("monitoring in ms", monitoring.toMillis(), 0, Integer.MAX_VALUE);
    }

    /**
     * Makes a bond that looks at carriers ten times a second.
     *
     * @param mode how the links share the work
     * @return the bond
     */
    public static Bond of(BondMode mode) {
      return new Bond(mode, Duration.ofMillis(100));
    }

    @Override
    public String kernelName() {
      return "bond";
    }
  }

  /**
   * A routing domain: links that have it as their master are routed by its table.
   *
   * @param table number of the routing table, 1 to 4294967295
   */
  record Vrf(long table) implements LinkKind {
    /** Checks the table. */
    public Vrf {
      Rules.range("table", table, 1, 0xffffffffL);
    }

    @Override
    public String kernelName() {
      return "vrf";
    }
  }

  /**
   * A tap, which carries frames, or a tun, which carries packets, between the kernel and a process. Only
   * read: {@link io.n0stack.n0core.net.tap.Tap} creates them.
   *
   * @param layer what it carries
   * @param owner the user id that may open it; empty if anybody may
   * @param group the group id that may open it; empty if none is set
   * @param lifetime whether it outlives the process that holds it open
   * @param multiQueue whether several descriptors may be attached
   * @param vnetHeader whether a {@code struct virtio_net_hdr} precedes each frame
   */
  record Tun(
      TunLayer layer,
      OptionalLong owner,
      OptionalLong group,
      TunLifetime lifetime,
      Switch multiQueue,
      Switch vnetHeader)
      implements LinkKind {
    @Override
    public String kernelName() {
      return "tun";
    }
  }

  /**
   * Any other kind.
   *
   * @param kernelName the kernel's word for it
   * @param data the attributes in IFLA_INFO_DATA as the kernel writes them, in hexadecimal digits
   */
  record Other(String kernelName, String data) implements LinkKind {
    /** Checks both. */
    public Other {
      Rules.linkName("kind", kernelName);
      if (!data.matches("([0-9a-f]{2})*")) {
        throw N0Exception.invalid("data", data, "must be pairs of hexadecimal digits");
      }
    }

    byte[] octets() {
      return HexFormat.of().parseHex(data);
    }
  }

  /** How VLAN frames are tagged. */
  enum VlanProtocol {
    /** 802.1Q, EtherType 0x8100. */
    IEEE_802_1Q(0x8100),
    /** 802.1ad, EtherType 0x88a8, for tags around tags. */
    IEEE_802_1AD(0x88a8);

    private final int etherType;

    VlanProtocol(int etherType) {
      this.etherType = etherType;
    }

    int etherType() {
      return etherType;
    }
  }

  /** Whom a macvlan reaches, {@code MACVLAN_MODE_*}. */
  enum MacvlanMode {
    /** None of the others on the same link. */
    PRIVATE(1),
    /** The others, through a switch that sends frames back. */
    VEPA(2),
    /** The others, directly. */
    BRIDGE(4),
    /** It has the link for itself. */
    PASSTHRU(8),
    /** Those whose address it knows. */
    SOURCE(16);

    private final int number;

    MacvlanMode(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }
  }

  /** How the links of a bond share the work, {@code BOND_MODE_*}. */
  enum BondMode {
    /** In turn. */
    BALANCE_RR(0),
    /** One works, the others wait. */
    ACTIVE_BACKUP(1),
    /** By a hash of the addresses. */
    BALANCE_XOR(2),
    /** All send everything. */
    BROADCAST(3),
    /** As IEEE 802.3ad negotiates. */
    LACP(4),
    /** By load, for what is sent. */
    BALANCE_TLB(5),
    /** By load, for both directions. */
    BALANCE_ALB(6);

    private final int number;

    BondMode(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }
  }

  /** What a tun link carries. */
  enum TunLayer {
    /** Ethernet frames: a tap. */
    TAP,
    /** IP packets. */
    TUN
  }

  /** How long a tap lasts. */
  enum TunLifetime {
    /** Until it is deleted. */
    PERSISTENT,
    /** Until the last descriptor is closed. */
    TRANSIENT
  }
}
