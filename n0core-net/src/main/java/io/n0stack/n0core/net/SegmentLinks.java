package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.net.StampedLinks.Stamped;
import io.n0stack.n0core.net.netlink.FdbEntry;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkKind;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.netlink.NetlinkException;
import io.n0stack.n0core.net.netlink.RouteQuery;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * The VLAN or VXLAN links of networks: parts that are ports of the bridge and connect it to other
 * hosts.
 */
final class SegmentLinks {
  private static final String ROLE = "segment";
  private static final String PROBE = "n0core-probe";
  private static final int ETHERNET_MTU = 1500;
  private static final int OVERHEAD_IPV4 = 50; // Ethernet 14, IPv4 20, UDP 8, VXLAN 8
  private static final int OVERHEAD_IPV6 = 70;
  private static final InetAddress ANY_IPV6 = CidrAddress.literal("::");

  private final Netlink netlink;
  private final StampedLinks links;

  SegmentLinks(Netlink netlink, StampedLinks links) {
    this.netlink = netlink;
    this.links = links;
  }

  /**
   * What such a link is to be.
   *
   * @param kind what is created
   * @param peers where frames for unknown addresses go, if the kind does not say it
   * @param below the link that carries it, as far as it is known
   * @param mtu the largest packet that fits, or would fit if below were Ethernet
   */
  record Wanted(LinkKind kind, List<InetAddress> peers, Optional<Link> below, int mtu) {
    String text() {
      boolean named = kind instanceof LinkKind.Vlan
          || (kind instanceof LinkKind.Vxlan vxlan && vxlan.underlay().isPresent());
      return SegmentLinks.text(kind, peers, named ? below.map(Link::name).orElse("") : "");
    }
  }

  /** Looks at what a spec asks for, and refuses what cannot be. Changes nothing. */
  Optional<Wanted> wanted(ResourceId id, NetworkSpec spec) {
    if (spec instanceof NetworkSpec.Vlan vlan) {
      return Optional.of(vlan(id, vlan));
    }
    if (spec instanceof NetworkSpec.Vxlan vxlan) {
      return Optional.of(vxlan(id, vxlan));
    }
    return Optional.empty();
  }

  private Wanted vlan(ResourceId id, NetworkSpec.Vlan spec) {
    requireKnown("vlan", "8021q");
    Link below = requireBelow(id, spec.uplink());
    LinkKind.Vlan kind = LinkKind.Vlan.of(below.index(), spec.vlanId());
    requireUnused(
        id,
        "VLAN " + spec.vlanId() + " of " + Rules.quote(below.name()),
        "vlan",
        other -> other instanceof LinkKind.Vlan found
            && found.parent() == kind.parent()
            && found.vlanId() == kind.vlanId()
            && found.protocol() == kind.protocol());
    return new Wanted(kind, List.of(), Optional.of(below), below.mtu());
  }

  private Wanted vxlan(ResourceId id, NetworkSpec.Vxlan spec) {
    requireKnown("vxlan", "vxlan");
    requireUnused(
        id,
        "VNI " + spec.vni() + " on port " + spec.port(),
        "vxlan",
        other -> other instanceof LinkKind.Vxlan found
            && found.vni() == spec.vni()
            && found.port() == spec.port());
    LinkKind.Vxlan kind = LinkKind.Vxlan.of(spec.vni()).withPort(spec.port());
    List<InetAddress> ends = spec.flooding().destinations();
    boolean ipv6 = spec.local()
        .or(() -> ends.stream().findFirst())
        .filter(Inet6Address.class::isInstance)
        .isPresent();
    if (spec.local().isPresent()) {
      kind = kind.withLocal(spec.local().get());
    } else if (ipv6) {
      // Only its family counts, by which the kernel chooses the socket's.
      kind = kind.withLocal(ANY_IPV6);
    }
    int overhead = ipv6 ? OVERHEAD_IPV6 : OVERHEAD_IPV4;
    if (spec.flooding() instanceof NetworkSpec.Vxlan.Flooding.Group group) {
      Link below = requireBelow(id, group.uplink());
      return new Wanted(
          kind.withRemote(group.address(), below.index()),
          List.of(),
          Optional.of(below),
          below.mtu() - overhead);
    }
    Optional<Link> below = underlay(id, spec);
    return new Wanted(kind, ends, below, below.map(Link::mtu).orElse(ETHERNET_MTU) - overhead);
  }

  /**
   * Asks for a link that lacks what it needs: a kernel that knows the kind says what is missing, one
   * that does not says so.
   */
  private void requireKnown(String kind, String module) {
    try {
      Link made = netlink.links().create(LinkSpec.of(PROBE, new LinkKind.Other(kind, "")));
      netlink.links().delete(made.index());
    } catch (NetlinkException e) {
      if (e.code() == N0Exception.Code.UNSUPPORTED) {
        throw new N0Exception(
            N0Exception.Code.UNSUPPORTED,
            "spec",
            "unsupported spec \"" + kind + "\": the kernel has no links of that kind; it needs the"
                + " module " + module,
            e);
      }
      if (e.code() != N0Exception.Code.INVALID) {
        throw e;
      }
    }
  }

  private Link requireBelow(ResourceId id, String name) {
    Link link = netlink
        .links()
        .find(name)
        .orElseThrow(
            () -> Refusals.precondition(id, "uplink " + Rules.quote(name) + " does not exist"));
    if (link.loopback()) {
      throw Refusals.precondition(id, "uplink " + Rules.quote(name) + " is the loopback link");
    }
    return link;
  }

  private void requireUnused(ResourceId id, String what, String kind, Predicate<LinkKind> same) {
    netlink.links().ofKind(kind).stream()
        .filter(link -> same.test(link.kind()))
        .filter(link ->
            StampedLinks.stamp(link).filter(stamp -> stamp.id().equals(id)).isEmpty())
        .findFirst()
        .ifPresent(link -> {
          throw new N0Exception(
              N0Exception.Code.ALREADY_EXISTS,
              id.toString(),
              "apply " + id + ": link " + Rules.quote(link.name()) + " is " + what + " already");
        });
  }

  private static String text(LinkKind kind, List<InetAddress> peers, String below) {
    if (kind instanceof LinkKind.Vlan vlan) {
      return vlan.protocol() + " " + vlan.vlanId() + " on " + below;
    }
    if (kind instanceof LinkKind.Vxlan vxlan) {
      return "VXLAN " + vxlan.vni() + " port " + vxlan.port() + " from "
          + vxlan
              .local()
              .filter(local -> !local.isAnyLocalAddress())
              .map(InetAddress::getHostAddress)
              .orElse("any")
          + " to "
          + vxlan.remote().map(InetAddress::getHostAddress).orElse("none") + " on " + below
          + " and " + peers.stream().map(InetAddress::getHostAddress).sorted().toList()
          + " learning " + vxlan.learning();
    }
    return kind.kernelName();
  }

  /** Finds the link by its names, without looking at all others. */
  Optional<Stamped> find(ResourceId id) {
    return links.partByName(id, ROLE);
  }

  /** Describes a link as it is, or as nothing if it does not work for its bridge. */
  String describe(Stamped segment, Link bridge) {
    Link link = segment.link();
    if (!link.up() || link.master().orElse(0) != bridge.index() || link.mtu() != bridge.mtu()) {
      return "";
    }
    return text(link.kind(), peers(link), below(link));
  }

  private String below(Link link) {
    int index = link.kind() instanceof LinkKind.Vlan vlan
        ? vlan.parent()
        : link.kind() instanceof LinkKind.Vxlan vxlan ? vxlan.underlay().orElse(0) : 0;
    return index == 0 ? "" : netlink.links().find(index).map(Link::name).orElse("");
  }

  private List<InetAddress> peers(Link link) {
    if (!(link.kind() instanceof LinkKind.Vxlan vxlan) || vxlan.remote().isPresent()) {
      return List.of();
    }
    return netlink.forwarding().of(link.index()).stream()
        .filter(entry -> entry.table() == FdbEntry.Table.SELF && entry.mac().isEmpty())
        .flatMap(entry -> entry.destination().stream())
        .toList();
  }

  /** Makes the link what is wanted, and a port of the bridge. */
  void converge(Context cx, ResourceId id, Wanted wanted, Link bridge) {
    Optional<Stamped> found = links.part(id, ROLE);
    if (found.isPresent() && !isOfKind(found.get().link(), wanted)) {
      delete(cx, found.get());
      found = Optional.empty();
    }
    Stamped segment =
        found.orElseGet(() -> cx.step("create segment link", () -> create(id, wanted)));
    if (describe(segment, bridge).equals(wanted.text())) {
      return;
    }
    cx.step("attach segment link", () -> {
      if (wanted.kind() instanceof LinkKind.Vlan && wanted.below().isPresent()) {
        // A VLAN of a link that is down cannot be up.
        netlink.links().change(wanted.below().get().index(), LinkChange.none().up());
      }
      netlink.links().change(segment.index(), LinkChange.none().withMtu(bridge.mtu()));
      links.keepFromAutoconfiguration(segment.link());
      setPeers(segment.link(), wanted.peers());
      netlink
          .links()
          .change(segment.index(), LinkChange.none().withMaster(bridge.index()).up());
    });
  }

  /** Whether a link of that kind can become what is wanted without being made anew. */
  private boolean isOfKind(Link link, Wanted wanted) {
    return text(link.kind(), wanted.peers(), below(link)).equals(wanted.text());
  }

  private Stamped create(ResourceId id, Wanted wanted) {
    Stamp stamp = Stamp.halfMade(id, "");
    return links.createPart(
        id,
        ROLE,
        name -> new Stamped(
            netlink.links().create(LinkSpec.of(name, wanted.kind()).withAlias(stamp.alias())),
            stamp));
  }

  private void setPeers(Link link, List<InetAddress> wanted) {
    List<InetAddress> now = peers(link);
    now.stream()
        .filter(peer -> !wanted.contains(peer))
        .forEach(peer -> StampedLinks.unlessGone(
            () -> netlink.forwarding().remove(FdbEntry.flood(link.index(), peer))));
    wanted.stream()
        .filter(peer -> !now.contains(peer))
        .forEach(peer -> netlink.forwarding().append(FdbEntry.flood(link.index(), peer)));
  }

  void delete(Context cx, Stamped segment) {
    cx.step(
        "delete segment link",
        () -> StampedLinks.unlessGone(() -> netlink.links().delete(segment.index())));
  }

  /** The link that packets to the other hosts leave by: what has the local address, or routes say. */
  private Optional<Link> underlay(ResourceId id, NetworkSpec.Vxlan spec) {
    if (spec.local().isPresent()) {
      InetAddress local = spec.local().get();
      int index = netlink.addresses().list().stream()
          .filter(address -> address.cidr().address().equals(local))
          .findFirst()
          .orElseThrow(() -> Refusals.precondition(
              id, "no link has the local address " + Rules.quote(local.getHostAddress())))
          .index();
      return netlink.links().find(index);
    }
    return spec.flooding().destinations().stream().findFirst().flatMap(this::routed);
  }

  /** Without a route the host may yet get one; the tunnel waits for it. */
  private Optional<Link> routed(InetAddress peer) {
    return netlink
        .routes()
        .find(RouteQuery.to(peer))
        .flatMap(route -> route.nextHops().stream().findFirst())
        .filter(hop -> hop.link().isPresent())
        .flatMap(hop -> netlink.links().find(hop.link().getAsInt()))
        .filter(link -> !link.loopback());
  }
}
