package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.NetworkDriver;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.net.StampedLinks.Stamped;
import io.n0stack.n0core.net.internal.InternetAddresses;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkAddress;
import io.n0stack.n0core.net.netlink.LinkAddressSpec;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkKind;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.net.netlink.Netlink;
import java.net.Inet6Address;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes networks as bridges of the kernel, in the network namespace of the thread that opened the
 * driver: with a link of the host, a VLAN or a VXLAN link as their way to other hosts, addresses of the
 * host, address translation by nftables, and a DHCP server, dnsmasq, that outlives this process.
 *
 * <p>The bridge and all else bear their stamp; that of the bridge is sealed with a digest of the state
 * when all is done, so that half-made and drifted networks are seen as such.
 *
 * @since 0.1
 */
public final class NetlinkNetworkDriver implements NetworkDriver {
  private static final Logger LOG = LoggerFactory.getLogger(NetlinkNetworkDriver.class);
  private static final String NAT = "nat";
  private static final int USUAL_MTU = 1500;
  private static final int LEAST_MTU = 68;
  private static final int LEAST_MTU_IPV6 = 1280; // IPV6_MIN_MTU, linux/ipv6.h

  private final Netlink netlink;
  private final NetNs namespace;
  private final StampedLinks links;
  private final SegmentLinks segments;
  private final PacketFilter filter;
  private final Forwarding forwarding;
  private final DhcpServer dhcp;
  private final BridgedFiltering bridged;

  private NetlinkNetworkDriver(Netlink netlink, NetNs namespace, NetConfig config) {
    this.netlink = netlink;
    this.namespace = namespace;
    links =
        new StampedLinks(netlink, namespace, KIND, link -> link.kind() instanceof LinkKind.Bridge);
    segments = new SegmentLinks(netlink, links);
    filter = new PacketFilter(config, namespace);
    forwarding = new Forwarding(netlink, namespace);
    dhcp = new DhcpServer(config, namespace);
    bridged = new BridgedFiltering(namespace, filter);
  }

  /**
   * Opens the driver in the network namespace of the calling thread, configured by the defaults.
   *
   * @return the driver, which the caller closes
   * @throws OsException if the kernel refuses a socket
   */
  public static NetlinkNetworkDriver open() {
    return open(NetConfig.of(NetConfig.DIRECTORY));
  }

  /**
   * Opens the driver in the network namespace of the calling thread.
   *
   * @param config how networks are made
   * @return the driver, which the caller closes
   * @throws OsException if the kernel refuses a socket
   */
  public static NetlinkNetworkDriver open(NetConfig config) {
    NetNs namespace = NetNs.current();
    try {
      return new NetlinkNetworkDriver(Netlink.open(), namespace, config);
    } catch (OsException e) {
      namespace.close();
      throw e;
    }
  }

  @Override
  public Descriptor<NetworkSpec, NetworkStatus> describe() {
    return new Descriptor<>(KIND, "netlink-bridge", NetworkSpec.class, NetworkStatus.class);
  }

  @Override
  public Fingerprint probe() {
    return Host.probeLinks(netlink);
  }

  @Override
  public Set<ResourceId> list() {
    Set<ResourceId> all = new HashSet<>(links.list());
    all.addAll(filter.networks());
    all.addAll(dhcp.files().networks());
    return Set.copyOf(all);
  }

  @Override
  public Observed<NetworkStatus> observe(ResourceId id) {
    try {
      Optional<Stamped> bridge = links.locate(id);
      if (bridge.isPresent()) {
        return present(bridge.get());
      }
      return remains(id)
          ? Observed.incomplete(new NetworkStatus("", 0, 0, List.of()))
          : Observed.absent();
    } catch (N0Exception e) {
      return Observed.unknown(String.valueOf(e.getMessage()));
    }
  }

  /** Whether there is something of a network whose bridge is gone. */
  private boolean remains(ResourceId id) {
    return !links.all(id).isEmpty() || filter.isMasqueraded(id) || dhcp.files().exists(id);
  }

  private Observed<NetworkStatus> present(Stamped bridge) {
    Link link = bridge.link();
    State state = state(bridge);
    return new Observed.Present<>(
        new NetworkStatus(
            link.name(),
            link.index(),
            state.mtu(),
            state.addresses(),
            state.uplink(),
            dhcp.expected(bridge.stamp().id())),
        link.up() && sealed(bridge, state));
  }

  private static boolean sealed(Stamped bridge, State state) {
    return bridge.stamp().equals(bridge.stamp().sealedOver(state.text()));
  }

  /**
   * What a network is made of, as it is or as it is to be.
   *
   * @param uplink name of the link that connects the bridge to other hosts; of what is to be, only a link
   *     of the host
   * @param connection what that link is
   * @param services what the host does for guests
   */
  private record State(
      int mtu,
      List<CidrAddress> addresses,
      Optional<String> uplink,
      String connection,
      String services) {
    String text() {
      String text = mtu + " "
          + addresses.stream().map(CidrAddress::toString).sorted().toList() + " " + connection;
      return services.isEmpty() ? text : text + " " + services;
    }
  }

  private State state(Stamped bridge) {
    ResourceId id = bridge.stamp().id();
    String uplink = bridge.stamp().detail();
    Optional<Stamped> segment = segments.find(id);
    Optional<String> attached = uplink.isEmpty()
        ? Optional.empty()
        : netlink
            .links()
            .find(uplink)
            .filter(link -> link.master().orElse(0) == bridge.index())
            .map(Link::name);
    List<CidrAddress> addresses = ownAddresses(bridge);
    return new State(
        bridge.link().mtu(),
        addresses,
        attached.or(() -> segment.map(one -> one.link().name())),
        segment.map(one -> segments.describe(one, bridge.link())).orElse(attached.orElse("")),
        services(
            nat(id, bridge.link(), addresses),
            dhcp.text(id),
            hasLinkLocal(bridge) == needsLinkLocal(addresses) ? "" : "link-local address",
            links.isKeptFromAutoconfiguration(bridge.link()) ? "" : "autoconfiguration"));
  }

  private String nat(ResourceId id, Link bridge, List<CidrAddress> addresses) {
    if (!filter.isMasqueraded(id)) {
      return "";
    }
    boolean complete =
        filter.isMasqueraded(id, addresses, bridge.name()) && forwarding.isOn(addresses);
    return complete ? NAT : "nat incomplete";
  }

  private static String services(String... parts) {
    return Stream.of(parts).filter(part -> !part.isEmpty()).collect(Collectors.joining(" "));
  }

  private List<CidrAddress> ownAddresses(Stamped bridge) {
    return netlink.addresses().of(bridge.index()).stream()
        .filter(address -> address.origin() == LinkAddress.Origin.PERMANENT)
        .map(LinkAddress::cidr)
        .filter(cidr -> !cidr.equals(linkLocal(bridge)))
        .toList();
  }

  private boolean hasLinkLocal(Stamped bridge) {
    return netlink.addresses().of(bridge.index()).stream()
        .anyMatch(address -> address.cidr().equals(linkLocal(bridge)));
  }

  /**
   * The kernel asks for a guest's Ethernet address from an address of the bridge: for what it forwards,
   * none but a link-local one will do ({@code ndisc_solicit}).
   */
  private static boolean needsLinkLocal(List<CidrAddress> addresses) {
    return addresses.stream().anyMatch(cidr -> cidr.address() instanceof Inet6Address)
        && addresses.stream().noneMatch(cidr -> cidr.address().isLinkLocalAddress());
  }

  private static CidrAddress linkLocal(Stamped bridge) {
    return bridge
        .link()
        .mac()
        .map(mac -> new CidrAddress(InternetAddresses.linkLocal(mac), 64))
        .orElseThrow(() -> Refusals.precondition(
            bridge.stamp().id(), "bridge " + bridge.link().name() + " has no Ethernet address"));
  }

  /**
   * All that was found out about what is to be done, before anything is done.
   *
   * @param uplink the link of the host that becomes a port of the bridge
   * @param segment the VLAN or VXLAN link
   * @param addresses those of the bridge
   */
  private record Plan(
      ResourceId id,
      Optional<Link> uplink,
      Optional<SegmentLinks.Wanted> segment,
      int mtu,
      List<CidrAddress> addresses,
      Optional<NetworkSpec.Gateway> gateway) {
    boolean nat() {
      return gateway.filter(one -> one.nat() == NetworkSpec.Nat.MASQUERADE).isPresent();
    }

    Optional<NetworkSpec.Gateway> dhcp() {
      return gateway.filter(one -> one.dhcp().isPresent());
    }

    String detail() {
      return uplink.map(Link::name).orElse("");
    }

    String connection() {
      return segment.map(SegmentLinks.Wanted::text).orElseGet(this::detail);
    }
  }

  @Override
  public void apply(Context cx, ResourceId id, NetworkSpec desired) {
    links.requireKind(id);
    Optional<Stamped> found = links.locate(id);
    String name = found.map(bridge -> bridge.link().name()).orElseGet(() -> links.freeName(id));
    Plan plan = plan(id, desired, found);
    requireServices(plan, name);
    bridged.warn(id, name);
    Stamped bridge = found.orElseGet(() -> cx.step("create bridge", () -> create(plan)));
    State now = state(bridge);
    State wanted = wanted(plan, bridge.link());
    if (bridge.link().up() && now.text().equals(wanted.text()) && sealed(bridge, now)) {
      return;
    }
    converge(cx, plan, bridge);
    Link done = links.again(bridge).link();
    plan.segment().ifPresent(segment -> segments.converge(cx, id, segment, done));
    plan.uplink().ifPresent(link -> attach(cx, bridge, link));
    serve(cx, plan, done);
    cx.step("seal network", () -> {
      Stamp stamp =
          Stamp.halfMade(id, plan.detail()).sealedOver(wanted(plan, done).text());
      netlink.links().change(bridge.index(), LinkChange.none().withAlias(stamp.alias()));
    });
    LOG.info("network {} is bridge {}", id.name(), bridge.link().name());
  }

  private Plan plan(ResourceId id, NetworkSpec desired, Optional<Stamped> bridge) {
    int index = bridge.map(Stamped::index).orElse(0);
    Optional<Link> uplink = desired instanceof NetworkSpec.Flat flat
        ? flat.uplink().map(name -> requireUplink(id, name, index))
        : Optional.empty();
    Optional<SegmentLinks.Wanted> segment = segments.wanted(id, desired);
    List<CidrAddress> addresses =
        desired.gateway().map(NetworkSpec.Gateway::addresses).orElse(List.of());
    int widest = segment
        .map(SegmentLinks.Wanted::mtu)
        .orElseGet(() -> uplink.map(Link::mtu).orElse(USUAL_MTU));
    int mtu = desired.mtu().orElse(widest);
    requireMtu(mtu, addresses);
    uplink.ifPresent(link -> requireMtu(id, link, link.mtu(), mtu));
    segment
        .flatMap(SegmentLinks.Wanted::below)
        .ifPresent(link -> requireMtu(id, link, widest, mtu));
    return new Plan(id, uplink, segment, mtu, addresses, desired.gateway());
  }

  private void requireServices(Plan plan, String bridge) {
    if (plan.nat()) {
      filter.requireUsable("gateway.nat", NetworkSpec.Nat.MASQUERADE);
      forwarding.requireHarmless(plan.id(), plan.addresses());
    }
    if (plan.dhcp().isPresent()) {
      dhcp.requireUsable(plan.id(), bridge);
    }
  }

  /** What it is to be depends on the bridge as it is: a DHCP server is bound to its index. */
  private State wanted(Plan plan, Link bridge) {
    Optional<String> uplink = plan.uplink().map(Link::name);
    String served = plan.dhcp()
        .map(gateway -> DhcpServer.text(dhcp.configuration(plan.id(), bridge, plan.mtu(), gateway)))
        .orElse("");
    return new State(
        plan.mtu(),
        plan.addresses(),
        uplink,
        plan.connection(),
        services(plan.nat() ? NAT : "", served));
  }

  private void serve(Context cx, Plan plan, Link bridge) {
    ResourceId id = plan.id();
    if (plan.nat()) {
      cx.step("translate addresses", () -> {
        forwarding.switchOn(plan.addresses());
        filter.masquerade(id, plan.addresses(), bridge.name());
      });
    } else if (filter.isMasqueraded(id)) {
      cx.step("end translation of addresses", () -> filter.unmasquerade(id));
    }
    Optional<NetworkSpec.Gateway> served = plan.dhcp();
    if (served.isPresent()) {
      dhcp.serve(cx, id, dhcp.configuration(id, bridge, plan.mtu(), served.get()));
    } else {
      dhcp.stop(cx, id);
    }
  }

  private Link requireUplink(ResourceId id, String name, int bridge) {
    Link link = netlink
        .links()
        .find(name)
        .orElseThrow(
            () -> Refusals.precondition(id, "uplink " + Rules.quote(name) + " does not exist"));
    int master = link.master().orElse(0);
    if (master != 0 && master == bridge) {
      return link;
    }
    String uplink = "uplink " + Rules.quote(name);
    if (master != 0) {
      String other = netlink.links().find(master).map(Link::name).orElse(String.valueOf(master));
      throw Refusals.precondition(id, uplink + " is a port of " + Rules.quote(other) + " already");
    }
    if (link.loopback() || link.kind() instanceof LinkKind.Bridge) {
      throw Refusals.precondition(id, uplink + " cannot be a port of a bridge");
    }
    List<String> global = netlink.addresses().of(link.index()).stream()
        .filter(address -> address.scope() == LinkAddress.Scope.GLOBAL)
        .map(address -> address.cidr().toString())
        .toList();
    if (!global.isEmpty()) {
      throw Refusals.precondition(
          id,
          uplink + " has addresses of its own, " + global
              + ", which stop working on a port of a bridge; remove them first");
    }
    return link;
  }

  private static void requireMtu(int mtu, List<CidrAddress> addresses) {
    boolean ipv6 = addresses.stream().anyMatch(cidr -> cidr.address() instanceof Inet6Address);
    if (ipv6 && mtu < LEAST_MTU_IPV6) {
      throw N0Exception.invalid(
          "mtu",
          mtu,
          "must be at least " + LEAST_MTU_IPV6 + " for an IPv6 address in gateway.addresses");
    }
  }

  private static void requireMtu(ResourceId id, Link uplink, int fits, int mtu) {
    if (mtu > fits || mtu < LEAST_MTU) {
      throw Refusals.precondition(
          id,
          "uplink " + Rules.quote(uplink.name()) + " has MTU " + uplink.mtu()
              + ", so that packets of " + fits + " bytes fit, less than the network's " + mtu);
    }
  }

  /**
   * Creates the bridge with an MTU that is one off: only a change of it later makes the kernel keep
   * it, where it otherwise follows the smallest of the ports'.
   */
  private Stamped create(Plan plan) {
    Stamp stamp = Stamp.halfMade(plan.id(), plan.detail());
    return links.create(
        plan.id(),
        name -> new Stamped(
            netlink
                .links()
                .create(LinkSpec.bridge(name)
                    .withMac(MacAddress.derivedFrom(plan.id().uid()))
                    .withMtu(plan.mtu() == LEAST_MTU ? LEAST_MTU + 1 : plan.mtu() - 1)
                    .withAlias(stamp.alias())),
            stamp));
  }

  private void converge(Context cx, Plan plan, Stamped bridge) {
    String uplink = bridge.stamp().detail();
    if (!uplink.isEmpty() && !uplink.equals(plan.detail())) {
      cx.step("detach uplink", () -> detach(bridge, uplink));
    }
    Stamp begun = Stamp.halfMade(plan.id(), plan.detail());
    if (!bridge.stamp().equals(begun)) {
      cx.step(
          "begin change",
          () -> netlink.links().change(bridge.index(), LinkChange.none().withAlias(begun.alias())));
    }
    if (plan.segment().isEmpty()) {
      segments.find(plan.id()).ifPresent(segment -> segments.delete(cx, segment));
    }
    cx.step("set bridge up", () -> {
      links.ensureFullName(bridge);
      netlink.links().change(bridge.index(), LinkChange.none().withMtu(plan.mtu()));
      links.keepFromAutoconfiguration(bridge.link());
      netlink.links().change(bridge.index(), LinkChange.none().up());
    });
    cx.step("set addresses", () -> assign(bridge, plan.addresses()));
  }

  private void detach(Stamped bridge, String uplink) {
    Optional<Link> link = netlink.links().find(uplink);
    if (link.isPresent() && link.get().master().orElse(0) == bridge.index()) {
      netlink.links().change(link.get().index(), LinkChange.none().withoutMaster());
    }
  }

  private void attach(Context cx, Stamped bridge, Link uplink) {
    if (uplink.master().orElse(0) != bridge.index() || !uplink.up()) {
      cx.step(
          "attach uplink",
          () -> netlink
              .links()
              .change(
                  uplink.index(), LinkChange.none().withMaster(bridge.index()).up()));
    }
  }

  /** Removes first and looks again: with a primary IPv4 address its secondary ones go, too. */
  private void assign(Stamped bridge, List<CidrAddress> wanted) {
    for (CidrAddress address : ownAddresses(bridge)) {
      if (!wanted.contains(address)) {
        StampedLinks.unlessGone(() -> netlink.addresses().remove(bridge.index(), address));
      }
    }
    List<CidrAddress> kept = ownAddresses(bridge);
    for (CidrAddress address : wanted) {
      if (!kept.contains(address)) {
        netlink.addresses().add(bridge.index(), address);
      }
    }
    boolean has = hasLinkLocal(bridge);
    boolean needs = needsLinkLocal(wanted);
    CidrAddress linkLocal = linkLocal(bridge);
    if (needs && !has) {
      netlink
          .addresses()
          .add(bridge.index(), LinkAddressSpec.of(linkLocal).withoutDuplicateDetection());
    } else if (has && !needs) {
      StampedLinks.unlessGone(() -> netlink.addresses().remove(bridge.index(), linkLocal));
    }
  }

  @Override
  public Change change(String component, NetworkSpec from, NetworkSpec to) {
    // What tells the segment from others; guests would find themselves in another one.
    return switch (component) {
      case "type", "vlanId", "vni" -> Change.REJECTED;
      default -> Change.LIVE;
    };
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    links.requireKind(id);
    List<Stamped> all = links.all(id);
    Optional<Stamped> bridge = all.stream().filter(links::isMain).findFirst();
    bridge.ifPresent(this::requireNoPorts);
    dhcp.delete(cx, id);
    if (filter.isMasqueraded(id)) {
      cx.step("end translation of addresses", () -> filter.unmasquerade(id));
    }
    all.stream().filter(one -> !links.isMain(one)).forEach(segment -> segments.delete(cx, segment));
    bridge.ifPresent(one -> {
      cx.step(
          "delete bridge",
          () -> StampedLinks.unlessGone(() -> netlink.links().delete(one.index())));
      LOG.info("deleted network {}, bridge {}", id.name(), one.link().name());
    });
  }

  private void requireNoPorts(Stamped bridge) {
    ResourceId id = bridge.stamp().id();
    List<String> ports = netlink.links().portsOf(bridge.index()).stream()
        .filter(link -> !link.name().equals(bridge.stamp().detail()))
        .filter(link ->
            StampedLinks.stamp(link).filter(stamp -> stamp.id().equals(id)).isEmpty())
        .map(Link::name)
        .toList();
    if (!ports.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          id.toString(),
          "delete " + id + ": bridge " + Rules.quote(bridge.link().name()) + " still has the ports "
              + ports);
    }
  }

  /** Closes the connection to the kernel. Leaves all links and DHCP servers as they are. */
  @Override
  public void close() {
    filter.close();
    netlink.close();
    namespace.close();
  }
}
