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
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.api.network.PortDriver;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.network.TapQueues;
import io.n0stack.n0core.net.StampedLinks.Stamped;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkKind;
import io.n0stack.n0core.net.netlink.LinkKind.Tun;
import io.n0stack.n0core.net.netlink.LinkKind.TunLifetime;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.nft.PortGuard;
import io.n0stack.n0core.net.tap.Tap;
import io.n0stack.n0core.net.tap.TapSpec;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes ports as persistent taps that are ports of the network's bridge, in the network namespace of
 * the thread that opened the driver and of those that call it, which must be the same. What a guest
 * sends is limited in an ifb link, what it is sent at the tap; nftables hold it to its addresses and
 * keep it from others.
 *
 * <p>The tap bears its stamp, the guest's MAC and the limits in its alias before it becomes persistent:
 * until then it goes with the process that creates it. What belongs to it bears the same stamp.
 *
 * @since 0.1
 */
public final class TapPortDriver implements PortDriver {
  private static final Logger LOG = LoggerFactory.getLogger(TapPortDriver.class);
  private static final int LARGEST_MTU = 65521; // 65535 less an Ethernet header, drivers/net/tun.c
  private static final int LEAST_MTU = 68;
  private static final int MOST_QUEUES = 256; // MAX_TAP_QUEUES, drivers/net/tun.c
  private static final long HOST_SIDE = 0xfe00_0000_0000L;
  private static final long LOW_OCTETS = 0x00ff_ffff_ffffL;

  private final Netlink netlink;
  private final NetNs namespace;
  private final StampedLinks links;
  private final PortLimits limits;
  private final PacketFilter filter;
  private final PortAddresses addresses;

  private TapPortDriver(Netlink netlink, NetNs namespace, NetConfig config) {
    this.netlink = netlink;
    this.namespace = namespace;
    links = new StampedLinks(netlink, namespace, KIND, Link::tap);
    limits = new PortLimits(netlink, links);
    filter = new PacketFilter(config, namespace);
    addresses = new PortAddresses(new DhcpServer(config, namespace));
  }

  /**
   * Opens the driver in the network namespace of the calling thread, configured by the defaults.
   *
   * @return the driver, which the caller closes
   * @throws OsException if the kernel refuses a socket
   */
  public static TapPortDriver open() {
    return open(NetConfig.of(NetConfig.DIRECTORY));
  }

  /**
   * Opens the driver in the network namespace of the calling thread.
   *
   * @param config how ports are made; the same as for the driver of the networks
   * @return the driver, which the caller closes
   * @throws OsException if the kernel refuses a socket
   */
  public static TapPortDriver open(NetConfig config) {
    NetNs namespace = NetNs.current();
    try {
      return new TapPortDriver(Netlink.open(), namespace, config);
    } catch (OsException e) {
      namespace.close();
      throw e;
    }
  }

  @Override
  public Descriptor<PortSpec, PortStatus> describe() {
    return new Descriptor<>(KIND, "tap", PortSpec.class, PortStatus.class);
  }

  @Override
  public Fingerprint probe() {
    return Host.probeTaps(netlink);
  }

  @Override
  public Set<ResourceId> list() {
    Set<ResourceId> all = new HashSet<>(links.list());
    all.addAll(filter.ports());
    all.addAll(addresses.ports());
    return Set.copyOf(all);
  }

  @Override
  public Observed<PortStatus> observe(ResourceId id) {
    try {
      Optional<Stamped> tap = links.locate(id);
      if (tap.isPresent()) {
        return present(tap.get());
      }
      return remains(id) ? Observed.incomplete(tapless(id)) : Observed.absent();
    } catch (N0Exception e) {
      return Observed.unknown(String.valueOf(e.getMessage()));
    }
  }

  /** Whether there is something of a port whose tap is gone. */
  private boolean remains(ResourceId id) {
    return !links.all(id).isEmpty()
        || filter.isGuarded(id)
        || !addresses.networksOf(id).isEmpty();
  }

  private static PortStatus tapless(ResourceId id) {
    return new PortStatus("", 0, "", MacAddress.derivedFrom(id.uid()), 0, 0);
  }

  private Observed<PortStatus> present(Stamped tap) {
    Link link = tap.link();
    PortDetail detail = PortDetail.read(tap.stamp());
    PortLimits.InForce rates = limits.read(link.index(), detail);
    State state = state(tap, rates);
    boolean guarded = !filter.guardOf(link.name()).isEmpty();
    PortStatus status = new PortStatus(
        link.name(),
        link.index(),
        state.bridge(),
        detail.mac(),
        state.mtu(),
        Math.max(0, state.owner()),
        rates.transmit(),
        rates.receive(),
        guarded ? detail.antiSpoof() : PortSpec.AntiSpoof.OFF,
        guarded ? detail.isolation() : PortSpec.Isolation.SHARED);
    return new Observed.Present<>(status, link.up() && sealed(tap, state));
  }

  private static boolean sealed(Stamped tap, State state) {
    return tap.stamp().equals(tap.stamp().sealedOver(state.text()));
  }

  /**
   * What a port is made of, as it is or as it is to be.
   *
   * @param detail what its stamp says
   * @param rest limits, guard and addresses
   */
  private record State(
      String bridge, int mtu, long owner, TunLifetime lifetime, String detail, String rest) {
    String text() {
      String text = String.join(
          " ", bridge, String.valueOf(mtu), String.valueOf(owner), lifetime.name(), detail);
      return rest.isEmpty() ? text : text + " " + rest;
    }
  }

  private State state(Stamped tap, PortLimits.InForce rates) {
    Link link = tap.link();
    Optional<Link> bridge = link.master().isPresent()
        ? netlink.links().find(link.master().getAsInt())
        : Optional.empty();
    return new State(
        bridge.map(Link::name).orElse(""),
        link.mtu(),
        link.kind() instanceof Tun tun ? tun.owner().orElse(-1) : -1,
        link.kind() instanceof Tun tun ? tun.lifetime() : TunLifetime.TRANSIENT,
        tap.stamp().detail(),
        rest(
            rates.asAsked() ? "" : "other limits",
            filter.guardOf(link.name()),
            addresses.text(bridge.flatMap(PortAddresses::network), tap.stamp().id())));
  }

  private static String rest(String... parts) {
    return Stream.of(parts).filter(part -> !part.isEmpty()).collect(Collectors.joining(" "));
  }

  /**
   * All that was found out about what is to be done, before anything is done.
   *
   * @param guard what nftables hold the guest to; empty in a kernel without them
   * @param file what the network's DHCP server is told
   */
  private record Plan(
      ResourceId id,
      Link bridge,
      PortDetail detail,
      int mtu,
      long owner,
      Optional<PortGuard> guard,
      String file) {
    Stamp begun() {
      return Stamp.halfMade(id, detail.text());
    }

    Optional<ResourceId> network() {
      return PortAddresses.network(bridge);
    }

    State wanted(String tap) {
      return new State(
          bridge.name(),
          mtu,
          owner,
          TunLifetime.PERSISTENT,
          detail.text(),
          rest(
              "",
              guard.map(one -> PacketFilter.text(tap, one)).orElse(""),
              network().isPresent() ? PortAddresses.text(file) : ""));
    }
  }

  @Override
  public void apply(Context cx, ResourceId id, PortSpec desired) {
    links.requireKind(id);
    NetworkStatus network = cx.require(NetworkDriver.KIND, desired.network(), NetworkStatus.class);
    Plan plan = plan(id, desired, requireBridge(id, network));
    Optional<Stamped> found = links.locate(id);
    if (found.isEmpty()) {
      links.freeName(id);
    } else if (isAsWanted(found.get(), plan)) {
      return;
    }
    // First, because only here it turns out whether the kernel has such links.
    limits.prepare(cx, plan.begun(), plan.detail());
    if (found.isEmpty()) {
      cx.step("create tap", () -> links.create(id, name -> create(name, plan)));
    }
    Stamped tap = links.locate(id).orElseThrow(() -> vanished(id));
    if (!tap.stamp().equals(plan.begun())) {
      String begun = plan.begun().alias();
      cx.step(
          "begin change",
          () -> netlink.links().change(tap.index(), LinkChange.none().withAlias(begun)));
    }
    converge(cx, new Stamped(tap.link(), plan.begun()), plan);
    cx.step("seal port", () -> {
      Stamp sealed = plan.begun().sealedOver(plan.wanted(tap.link().name()).text());
      netlink.links().change(tap.index(), LinkChange.none().withAlias(sealed.alias()));
    });
    LOG.info(
        "port {} is tap {} of bridge {}",
        id.name(),
        tap.link().name(),
        plan.bridge().name());
  }

  private boolean isAsWanted(Stamped tap, Plan plan) {
    if (!tap.link().up() || !tap.stamp().detail().equals(plan.detail().text())) {
      return false;
    }
    State now = state(tap, limits.read(tap.index(), plan.detail()));
    return now.text().equals(plan.wanted(tap.link().name()).text()) && sealed(tap, now);
  }

  private Plan plan(ResourceId id, PortSpec spec, Link bridge) {
    spec.mtu().ifPresent(mtu -> Rules.range("mtu", mtu, LEAST_MTU, LARGEST_MTU));
    int mtu = spec.mtu().orElse(Math.min(bridge.mtu(), LARGEST_MTU));
    PortLimits.requireFitting("transmitLimit", spec.transmitLimit(), mtu);
    PortLimits.requireFitting("receiveLimit", spec.receiveLimit(), mtu);
    if (spec.antiSpoof() != PortSpec.AntiSpoof.OFF) {
      filter.requireUsable("antiSpoof", spec.antiSpoof());
    }
    if (spec.isolation() != PortSpec.Isolation.SHARED) {
      filter.requireUsable("isolation", spec.isolation());
    }
    MacAddress mac = spec.mac().orElseGet(() -> MacAddress.derivedFrom(id.uid()));
    return new Plan(
        id,
        bridge,
        PortDetail.of(spec, mac),
        mtu,
        spec.ownerUid(),
        filter.isUsable() ? Optional.of(guard(id, spec, mac)) : Optional.empty(),
        PortAddresses.file(id, mac, spec.addresses()));
  }

  /** A port that may send anything has a guard, too: isolated ports are kept from those that have. */
  private static PortGuard guard(ResourceId id, PortSpec spec, MacAddress mac) {
    String comment = PacketFilter.comment(id);
    PortGuard guard = spec.antiSpoof() == PortSpec.AntiSpoof.OFF
        ? PortGuard.open(comment)
        : PortGuard.strict(
            comment,
            mac,
            spec.addresses().stream()
                .map(address -> new CidrAddress(address, address.getAddress().length * Byte.SIZE))
                .toList());
    return guard.withIsolation(spec.isolation());
  }

  private Link requireBridge(ResourceId id, NetworkStatus network) {
    return netlink
        .links()
        .find(network.bridgeIndex())
        .filter(found -> found.kind() instanceof LinkKind.Bridge)
        .orElseThrow(() ->
            Refusals.precondition(id, "bridge " + Rules.quote(network.bridge()) + " is not there"));
  }

  /** Making it persistent is the last call: a death before it leaves nothing. */
  private Stamped create(String name, Plan plan) {
    Stamp stamp = plan.begun();
    try (Tap tap = Tap.create(name)) {
      tap.ownedBy(plan.owner());
      // Closing removes the tap if this thread works in another namespace than the connection.
      Link link = netlink.links().find(name).orElseThrow(() -> vanished(stamp.id()));
      netlink
          .links()
          .change(
              link.index(),
              LinkChange.none()
                  .withAlias(stamp.alias())
                  .withMac(hostMac(plan))
                  .withMtu(plan.mtu()));
      tap.persist();
      return new Stamped(link, stamp);
    }
  }

  /** The host's side needs an address of its own: a bridge takes frames to it for the host's. */
  private static MacAddress hostMac(Plan plan) {
    long derived = MacAddress.derivedFrom(plan.id().uid()).bits();
    long bits = (derived & LOW_OCTETS) | HOST_SIDE;
    return new MacAddress(plan.detail().mac().bits() == bits ? bits ^ 1 : bits);
  }

  /** A guest is limited and guarded before it reaches anything. */
  private void converge(Context cx, Stamped tap, Plan plan) {
    ResourceId id = plan.id();
    String name = tap.link().name();
    if (!(tap.link().kind() instanceof Tun tun)
        || tun.owner().orElse(-1) != plan.owner()
        || tun.lifetime() != TunLifetime.PERSISTENT) {
      cx.step("set owner", () -> {
        try (Tap held = hold(tap)) {
          held.ownedBy(plan.owner());
          held.persist();
        }
      });
    }
    if (tap.link().mtu() != plan.mtu()) {
      cx.step(
          "set MTU",
          () -> netlink.links().change(tap.index(), LinkChange.none().withMtu(plan.mtu())));
    }
    plan.guard().ifPresent(guard -> {
      if (!filter.guardOf(name).equals(PacketFilter.text(name, guard))) {
        cx.step("guard tap", () -> {
          filter.unguard(id, name);
          filter.guard(name, guard);
        });
      }
    });
    limits.converge(cx, tap, plan.detail());
    cx.step("attach tap", () -> {
      links.ensureFullName(tap);
      links.keepFromAutoconfiguration(tap.link());
      netlink
          .links()
          .change(
              tap.index(), LinkChange.none().withMaster(plan.bridge().index()).up());
    });
    addresses.converge(cx, plan.network(), id, plan.file());
  }

  private static N0Exception vanished(ResourceId id) {
    return new N0Exception(
        N0Exception.Code.UNAVAILABLE,
        id.toString(),
        "look at " + id + ": its tap is not in this driver's network namespace");
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    links.requireKind(id);
    List<Stamped> all = links.all(id);
    Optional<Stamped> tap = all.stream().filter(links::isMain).findFirst();
    // First, because whoever holds the tap open keeps all of it from being deleted.
    tap.ifPresent(one -> cx.step("delete tap", () -> delete(one)));
    if (filter.isGuarded(id)) {
      cx.step("delete guard", () -> filter.unguard(id));
    }
    all.stream().filter(one -> !links.isMain(one)).forEach(ifb -> limits.delete(cx, ifb));
    addresses.forget(cx, id);
    tap.ifPresent(
        one -> LOG.info("deleted port {}, tap {}", id.name(), one.link().name()));
  }

  /** Holding it open proves that no machine does, which RTM_DELLINK would not ask. */
  private void delete(Stamped tap) {
    try (Tap held = hold(tap)) {
      held.unpersist();
    } catch (N0Exception e) {
      if (e.code() != N0Exception.Code.NOT_FOUND) {
        throw e;
      }
      if (links.locate(tap.stamp().id()).isPresent()) {
        throw vanished(tap.stamp().id());
      }
    }
  }

  /** A tap is opened by its name, which another may have taken over since we looked. */
  private Tap hold(Stamped tap) {
    return hold(tap, TapSpec.named(tap.link().name()));
  }

  private Tap hold(Stamped tap, TapSpec spec) {
    Tap held = Tap.open(spec);
    boolean same = false;
    try {
      same = links.again(tap).link().name().equals(held.name());
    } finally {
      if (!same) {
        held.close();
      }
    }
    if (!same) {
      throw vanished(tap.stamp().id());
    }
    return held;
  }

  /**
   * Returns something this driver can do beyond making ports: {@link TapQueues}.
   *
   * @param type the capability
   * @param <C> the type of the capability
   * @return the capability; empty for any other
   */
  @Override
  public <C> Optional<C> capability(Class<C> type) {
    TapQueues queues = this::openQueues;
    return type.equals(TapQueues.class) ? Optional.of(type.cast(queues)) : Optional.empty();
  }

  private TapQueues.Descriptors openQueues(ResourceId port, int queues) {
    links.requireKind(port);
    Rules.range("queues", queues, 1, MOST_QUEUES);
    Stamped tap = links
        .locate(port)
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.NOT_FOUND,
            port.toString(),
            "open tap of " + port + ": there is none"));
    if (queues > 1) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          port.toString(),
          "open tap of " + port + ": it has one queue, not " + queues);
    }
    try (Tap held = hold(tap, TapSpec.named(tap.link().name()).withVnetHeader())) {
      return held.transferDescriptors();
    }
  }

  /** Closes the connections to the kernel. Leaves all ports as they are. */
  @Override
  public void close() {
    filter.close();
    netlink.close();
    namespace.close();
  }
}
