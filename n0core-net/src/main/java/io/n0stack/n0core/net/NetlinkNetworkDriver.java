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
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkAddress;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkKind;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import java.net.Inet6Address;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes networks as bridges of the kernel, in the network namespace of the thread that opened the
 * driver. Realises {@link NetworkSpec.Flat} without address translation.
 *
 * <p>The bridge bears its stamp in its alias; the alias is sealed with a digest of MTU, addresses and
 * uplink when all is done, so that half-made and drifted networks are seen as such.
 *
 * @since 0.1
 */
public final class NetlinkNetworkDriver implements NetworkDriver {
  private static final Logger LOG = LoggerFactory.getLogger(NetlinkNetworkDriver.class);
  private static final int USUAL_MTU = 1500;
  private static final int LEAST_MTU = 68;
  private static final int LEAST_MTU_IPV6 = 1280; // IPV6_MIN_MTU, linux/ipv6.h

  private final Netlink netlink;
  private final StampedLinks links;

  private NetlinkNetworkDriver(Netlink netlink) {
    this.netlink = netlink;
    links = new StampedLinks(netlink, KIND);
  }

  /**
   * Opens the driver in the network namespace of the calling thread.
   *
   * @return the driver, which the caller closes
   * @throws OsException if the kernel refuses a socket
   */
  public static NetlinkNetworkDriver open() {
    return new NetlinkNetworkDriver(Netlink.open());
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
    return links.list();
  }

  @Override
  public Observed<NetworkStatus> observe(ResourceId id) {
    try {
      return links.locate(id).map(this::present).orElseGet(Observed::absent);
    } catch (N0Exception e) {
      return Observed.unknown(String.valueOf(e.getMessage()));
    }
  }

  private Observed<NetworkStatus> present(Stamped bridge) {
    Link link = bridge.link();
    State state = state(bridge);
    return new Observed.Present<>(
        new NetworkStatus(link.name(), link.index(), state.mtu(), state.addresses()),
        link.up() && sealed(bridge, state));
  }

  private static boolean sealed(Stamped bridge, State state) {
    return bridge.stamp().equals(bridge.stamp().sealedOver(state.text()));
  }

  /** What a network is made of, as it is or as it is to be. */
  private record State(int mtu, List<CidrAddress> addresses, String uplink) {
    String text() {
      return mtu + " " + addresses.stream().map(CidrAddress::toString).sorted().toList() + " "
          + uplink;
    }
  }

  private State state(Stamped bridge) {
    String uplink = bridge.stamp().detail();
    boolean attached = !uplink.isEmpty()
        && netlink
            .links()
            .find(uplink)
            .filter(link -> link.master().orElse(0) == bridge.index())
            .isPresent();
    return new State(bridge.link().mtu(), ownAddresses(bridge), attached ? uplink : "");
  }

  private List<CidrAddress> ownAddresses(Stamped bridge) {
    return netlink.addresses().of(bridge.index()).stream()
        .filter(address -> address.origin() == LinkAddress.Origin.PERMANENT)
        .map(LinkAddress::cidr)
        .toList();
  }

  @Override
  public void apply(Context cx, ResourceId id, NetworkSpec desired) {
    links.requireKind(id);
    NetworkSpec.Flat spec = requireSupported(desired);
    Optional<Stamped> found = links.locate(id);
    if (found.isEmpty()) {
      links.requireFree(id);
    }
    Optional<Link> uplink = spec.uplink()
        .map(name -> requireUplink(id, name, found.map(Stamped::index).orElse(0)));
    State wanted = wanted(spec, uplink);
    requireMtu(wanted);
    uplink.ifPresent(link -> requireMtu(id, link, wanted.mtu()));
    Stamped bridge = found.orElseGet(() -> cx.step("create bridge", () -> create(id, wanted)));
    State now = state(bridge);
    if (bridge.link().up() && now.text().equals(wanted.text()) && sealed(bridge, now)) {
      return;
    }
    converge(cx, id, bridge, wanted);
    uplink.ifPresent(link -> attach(cx, bridge, link));
    cx.step("seal network", () -> {
      Stamp stamp = Stamp.halfMade(id, wanted.uplink()).sealedOver(wanted.text());
      netlink.links().change(bridge.index(), LinkChange.none().withAlias(stamp.alias()));
    });
    LOG.info("network {} is bridge {}", id.name(), bridge.link().name());
  }

  private static NetworkSpec.Flat requireSupported(NetworkSpec desired) {
    if (!(desired instanceof NetworkSpec.Flat flat)) {
      throw Unsupported.field("spec", desired.getClass().getSimpleName(), "must be Flat");
    }
    flat.gateway().ifPresent(gateway -> {
      if (gateway.nat() != NetworkSpec.Nat.NONE) {
        throw Unsupported.field("gateway.nat", gateway.nat(), "must be NONE");
      }
    });
    return flat;
  }

  private static State wanted(NetworkSpec.Flat spec, Optional<Link> uplink) {
    return new State(
        spec.mtu().orElseGet(() -> uplink.map(Link::mtu).orElse(USUAL_MTU)),
        spec.gateway().map(NetworkSpec.Gateway::addresses).orElse(List.of()),
        spec.uplink().orElse(""));
  }

  private Link requireUplink(ResourceId id, String name, int bridge) {
    Link link = netlink
        .links()
        .find(name)
        .orElseThrow(() -> precondition(id, "uplink " + Rules.quote(name) + " does not exist"));
    int master = link.master().orElse(0);
    if (master != 0 && master == bridge) {
      return link;
    }
    String uplink = "uplink " + Rules.quote(name);
    if (master != 0) {
      String other = netlink.links().find(master).map(Link::name).orElse(String.valueOf(master));
      throw precondition(id, uplink + " is a port of " + Rules.quote(other) + " already");
    }
    if (link.loopback() || link.kind() instanceof LinkKind.Bridge) {
      throw precondition(id, uplink + " cannot be a port of a bridge");
    }
    List<String> global = netlink.addresses().of(link.index()).stream()
        .filter(address -> address.scope() == LinkAddress.Scope.GLOBAL)
        .map(address -> address.cidr().toString())
        .toList();
    if (!global.isEmpty()) {
      throw precondition(
          id,
          uplink + " has addresses of its own, " + global
              + ", which stop working on a port of a bridge; remove them first");
    }
    return link;
  }

  private static void requireMtu(State wanted) {
    boolean ipv6 =
        wanted.addresses().stream().anyMatch(cidr -> cidr.address() instanceof Inet6Address);
    if (ipv6 && wanted.mtu() < LEAST_MTU_IPV6) {
      throw N0Exception.invalid(
          "mtu",
          wanted.mtu(),
          "must be at least " + LEAST_MTU_IPV6 + " for an IPv6 address in gateway.addresses");
    }
  }

  private static void requireMtu(ResourceId id, Link uplink, int mtu) {
    if (uplink.mtu() < mtu) {
      throw precondition(
          id,
          "uplink " + Rules.quote(uplink.name()) + " has MTU " + uplink.mtu()
              + ", less than the network's " + mtu);
    }
  }

  private static N0Exception precondition(ResourceId id, String reason) {
    return new N0Exception(
        N0Exception.Code.PRECONDITION, id.toString(), "apply " + id + ": " + reason);
  }

  /**
   * Creates the bridge with an MTU that is one off: only a change of it later makes the kernel keep
   * it, where it otherwise follows the smallest of the ports'.
   */
  private Stamped create(ResourceId id, State wanted) {
    Stamp stamp = Stamp.halfMade(id, wanted.uplink());
    Link link = netlink
        .links()
        .create(LinkSpec.bridge(StampedLinks.linkName(id))
            .withMac(MacAddress.derivedFrom(id.uid()))
            .withMtu(wanted.mtu() == LEAST_MTU ? LEAST_MTU + 1 : wanted.mtu() - 1)
            .withAlias(stamp.alias()));
    return new Stamped(link, stamp);
  }

  private void converge(Context cx, ResourceId id, Stamped bridge, State wanted) {
    String uplink = bridge.stamp().detail();
    if (!uplink.isEmpty() && !uplink.equals(wanted.uplink())) {
      cx.step("detach uplink", () -> detach(bridge, uplink));
    }
    Stamp begun = Stamp.halfMade(id, wanted.uplink());
    if (!bridge.stamp().equals(begun)) {
      cx.step(
          "begin change",
          () -> netlink.links().change(bridge.index(), LinkChange.none().withAlias(begun.alias())));
    }
    cx.step("set bridge up", () -> {
      links.keepFromGeneratedAddresses(bridge.index());
      netlink
          .links()
          .change(bridge.index(), LinkChange.none().withMtu(wanted.mtu()).up());
    });
    cx.step("set addresses", () -> assign(bridge, wanted.addresses()));
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
  }

  @Override
  public Change change(String component, NetworkSpec from, NetworkSpec to) {
    return component.equals("type") ? Change.REJECTED : Change.LIVE;
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    links.requireKind(id);
    Optional<Stamped> found = links.locate(id);
    if (found.isEmpty()) {
      return;
    }
    Stamped bridge = found.get();
    List<String> ports = netlink.links().list().stream()
        .filter(link -> link.master().orElse(0) == bridge.index())
        .map(Link::name)
        .filter(name -> !name.equals(bridge.stamp().detail()))
        .toList();
    if (!ports.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          id.toString(),
          "delete " + id + ": bridge " + Rules.quote(bridge.link().name()) + " still has the ports "
              + ports);
    }
    cx.step(
        "delete bridge",
        () -> StampedLinks.unlessGone(() -> netlink.links().delete(bridge.index())));
    LOG.info("deleted network {}, bridge {}", id.name(), bridge.link().name());
  }

  /** Closes the connection to the kernel. Leaves all links as they are. */
  @Override
  public void close() {
    netlink.close();
  }
}
