package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.NetworkDriver;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.api.network.PortDriver;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.net.StampedLinks.Stamped;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkKind;
import io.n0stack.n0core.net.netlink.LinkKind.Tun;
import io.n0stack.n0core.net.netlink.LinkKind.TunLifetime;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.tap.Tap;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes ports as persistent taps that are ports of the network's bridge, in the network namespace of
 * the thread that opened the driver and of those that call it, which must be the same.
 *
 * <p>The tap bears its stamp and the guest's MAC in its alias before it becomes persistent: until then
 * it goes with the process that creates it.
 *
 * @since 0.1
 */
public final class TapPortDriver implements PortDriver {
  private static final Logger LOG = LoggerFactory.getLogger(TapPortDriver.class);
  private static final HexFormat HEX = HexFormat.of();
  private static final int LARGEST_MTU = 65521; // 65535 less an Ethernet header, drivers/net/tun.c
  private static final long HOST_SIDE = 0xfe00_0000_0000L;
  private static final long LOW_OCTETS = 0x00ff_ffff_ffffL;

  private final Netlink netlink;
  private final StampedLinks links;

  private TapPortDriver(Netlink netlink) {
    this.netlink = netlink;
    links = new StampedLinks(netlink, KIND);
  }

  /**
   * Opens the driver in the network namespace of the calling thread.
   *
   * @return the driver, which the caller closes
   * @throws OsException if the kernel refuses a socket
   */
  public static TapPortDriver open() {
    return new TapPortDriver(Netlink.open());
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
    return links.list();
  }

  @Override
  public Observed<PortStatus> observe(ResourceId id) {
    try {
      return links.locate(id).map(this::present).orElseGet(Observed::absent);
    } catch (N0Exception e) {
      return Observed.unknown(String.valueOf(e.getMessage()));
    }
  }

  private Observed<PortStatus> present(Stamped tap) {
    Link link = tap.link();
    State state = state(tap);
    PortStatus status = new PortStatus(
        link.name(),
        link.index(),
        state.bridge(),
        guestMac(tap.stamp()),
        state.mtu(),
        Math.max(0, state.owner()));
    return new Observed.Present<>(status, link.up() && sealed(tap, state));
  }

  private static boolean sealed(Stamped tap, State state) {
    return tap.stamp().equals(tap.stamp().sealedOver(state.text()));
  }

  /** What a port is made of, as it is or as it is to be. */
  private record State(String bridge, int mtu, long owner, TunLifetime lifetime, String mac) {
    String text() {
      return String.join(
          " ", bridge, String.valueOf(mtu), String.valueOf(owner), lifetime.name(), mac);
    }
  }

  private State state(Stamped tap) {
    Link link = tap.link();
    return new State(
        link.master().isPresent()
            ? netlink.links().find(link.master().getAsInt()).map(Link::name).orElse("")
            : "",
        link.mtu(),
        link.kind() instanceof Tun tun && link.tap() ? tun.owner().orElse(-1) : -1,
        link.kind() instanceof Tun tun && link.tap() ? tun.lifetime() : TunLifetime.TRANSIENT,
        tap.stamp().detail());
  }

  private static MacAddress guestMac(Stamp stamp) {
    try {
      return new MacAddress(HexFormat.fromHexDigitsToLong(stamp.detail()));
    } catch (IllegalArgumentException | N0Exception e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          stamp.id().toString(),
          "look at " + stamp.id() + ": its alias says " + Rules.quote(stamp.detail())
              + " where the MAC must be",
          e);
    }
  }

  @Override
  public void apply(Context cx, ResourceId id, PortSpec desired) {
    links.requireKind(id);
    requireSupported(desired);
    NetworkStatus network = cx.require(NetworkDriver.KIND, desired.network(), NetworkStatus.class);
    Link bridge = requireBridge(id, network);
    Optional<Stamped> found = links.locate(id);
    if (found.isEmpty()) {
      links.requireFree(id);
    }
    State wanted = wanted(id, desired, bridge);
    Stamp begun = Stamp.halfMade(id, wanted.mac());
    if (found.isEmpty()) {
      cx.step("create tap", () -> create(begun, wanted));
    } else if (isAsWanted(found.get(), wanted)) {
      return;
    }
    Stamped tap = links.locate(id).orElseThrow(() -> vanished(id));
    if (!tap.stamp().equals(begun)) {
      cx.step(
          "begin change",
          () -> netlink.links().change(tap.index(), LinkChange.none().withAlias(begun.alias())));
    }
    converge(cx, tap, wanted, bridge);
    cx.step("seal port", () -> {
      String alias = begun.sealedOver(wanted.text()).alias();
      netlink.links().change(tap.index(), LinkChange.none().withAlias(alias));
    });
    LOG.info("port {} is tap {} of bridge {}", id.name(), tap.link().name(), bridge.name());
  }

  private boolean isAsWanted(Stamped tap, State wanted) {
    State now = state(tap);
    return tap.link().up() && now.text().equals(wanted.text()) && sealed(tap, now);
  }

  private static void requireSupported(PortSpec spec) {
    spec.transmitLimit().ifPresent(limit -> {
      throw Unsupported.field("transmitLimit", limit, "must be empty");
    });
    spec.receiveLimit().ifPresent(limit -> {
      throw Unsupported.field("receiveLimit", limit, "must be empty");
    });
    if (spec.antiSpoof() != PortSpec.AntiSpoof.OFF) {
      throw Unsupported.field("antiSpoof", spec.antiSpoof(), "must be OFF");
    }
    spec.mtu().ifPresent(mtu -> Rules.range("mtu", mtu, 68, LARGEST_MTU));
    if (spec.isolation() != PortSpec.Isolation.SHARED) {
      throw Unsupported.field("isolation", spec.isolation(), "must be SHARED");
    }
  }

  private Link requireBridge(ResourceId id, NetworkStatus network) {
    return netlink
        .links()
        .find(network.bridgeIndex())
        .filter(found -> found.kind() instanceof LinkKind.Bridge)
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.PRECONDITION,
            id.toString(),
            "apply " + id + ": bridge " + Rules.quote(network.bridge()) + " is not there"));
  }

  private static State wanted(ResourceId id, PortSpec spec, Link bridge) {
    MacAddress mac = spec.mac().orElseGet(() -> MacAddress.derivedFrom(id.uid()));
    return new State(
        bridge.name(),
        spec.mtu().orElse(Math.min(bridge.mtu(), LARGEST_MTU)),
        spec.ownerUid(),
        TunLifetime.PERSISTENT,
        HEX.formatHex(mac.octets()));
  }

  /** Making it persistent is the last call: a death before it leaves nothing. */
  private void create(Stamp stamp, State wanted) {
    String name = StampedLinks.linkName(stamp.id());
    try (Tap tap = Tap.create(name)) {
      tap.ownedBy(wanted.owner());
      // Closing removes the tap if this thread works in another namespace than the connection.
      Link link = netlink.links().find(name).orElseThrow(() -> vanished(stamp.id()));
      netlink
          .links()
          .change(
              link.index(),
              LinkChange.none()
                  .withAlias(stamp.alias())
                  .withMac(hostMac(stamp))
                  .withMtu(wanted.mtu()));
      tap.persist();
    }
  }

  /** The host's side needs an address of its own: a bridge takes frames to it for the host's. */
  private static MacAddress hostMac(Stamp stamp) {
    long derived = MacAddress.derivedFrom(stamp.id().uid()).bits();
    long bits = (derived & LOW_OCTETS) | HOST_SIDE;
    MacAddress mac = new MacAddress(bits);
    return HEX.formatHex(mac.octets()).equals(stamp.detail()) ? new MacAddress(bits ^ 1) : mac;
  }

  private void converge(Context cx, Stamped tap, State wanted, Link bridge) {
    State now = state(tap);
    if (now.owner() != wanted.owner() || now.lifetime() != wanted.lifetime()) {
      cx.step("set owner", () -> {
        try (Tap held = hold(tap)) {
          held.ownedBy(wanted.owner());
          held.persist();
        }
      });
    }
    cx.step("attach tap", () -> {
      links.keepFromGeneratedAddresses(tap.index());
      netlink
          .links()
          .change(
              tap.index(),
              LinkChange.none().withMtu(wanted.mtu()).withMaster(bridge.index()).up());
    });
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
    Optional<Stamped> tap = links.locate(id);
    if (tap.isEmpty()) {
      return;
    }
    cx.step("delete tap", () -> delete(tap.get()));
    LOG.info("deleted port {}, tap {}", id.name(), tap.get().link().name());
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
    Tap held = Tap.open(tap.link().name());
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

  /** Closes the connection to the kernel. Leaves all links as they are. */
  @Override
  public void close() {
    netlink.close();
  }
}
