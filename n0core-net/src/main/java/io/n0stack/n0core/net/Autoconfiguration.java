package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.netlink.AddressFamily;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkAddress;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.netlink.Route;
import io.n0stack.n0core.net.netlink.RouteFilter;
import io.n0stack.n0core.net.netlink.Switch;
import io.n0stack.n0core.net.netlink.Sysctl;
import io.n0stack.n0core.net.netlink.Sysctl.Setting;
import java.math.BigInteger;
import java.net.Inet6Address;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * What others may tell the host over a link: its IPv6 routes and addresses by router advertisements, and
 * other ways by redirects. Over links of ours, where guests are, nobody may: one packet of a guest would
 * otherwise make it the host's router. See Documentation/networking/ip-sysctl.rst of the kernel.
 */
final class Autoconfiguration {
  static final int ROUTER_ADVERTISEMENT = 9; // RTPROT_RA, linux/rtnetlink.h

  private final Netlink netlink;
  private final NetNs namespace;

  Autoconfiguration(Netlink netlink, NetNs namespace) {
    this.netlink = netlink;
    this.namespace = namespace;
  }

  private static List<Setting> settings(String link) {
    return List.of(
        Setting.routerAdvertisements(link),
        Setting.addressAutoconfiguration(link),
        Setting.ipv6Redirects(link),
        Setting.ipv4Redirects(link));
  }

  /** Whether the host heeds nothing of the kind on a link. */
  boolean isOff(Link link) {
    List<Setting> settings = settings(link.name());
    return namespace.call(() -> settings.stream()
        .allMatch(setting -> unlessMissing(() -> Sysctl.current().read(setting)) == Switch.OFF));
  }

  /**
   * Makes the host heed nothing of the kind on a link, and forget what it was told there. The link must
   * have its MTU: one that has been too small for IPv6 gets the defaults anew.
   */
  void switchOff(Link link) {
    List<Setting> settings = settings(link.name());
    boolean heeded = namespace.call(() -> {
      boolean any = false;
      for (Setting setting : settings) {
        any |= unlessMissing(() -> Sysctl.current().set(setting, Switch.OFF)) == Switch.ON;
      }
      return any;
    });
    if (heeded && link.up()) {
      forget(link);
    }
  }

  /** A kernel without IPv6, and a link too small for it, have no such switches. */
  private static Switch unlessMissing(Supplier<Switch> use) {
    try {
      return use.get();
    } catch (OsException e) {
      if (e.code() == N0Exception.Code.NOT_FOUND) {
        return Switch.OFF;
      }
      throw e;
    }
  }

  /** Takes back routes, then addresses, then the routes that came with those. */
  private void forget(Link link) {
    List<LinkAddress> addresses = netlink.addresses().of(link.index()).stream()
        .filter(address -> address.cidr().address() instanceof Inet6Address)
        .toList();
    List<CidrAddress> kept = addresses.stream()
        .filter(address -> address.origin() == LinkAddress.Origin.PERMANENT)
        .map(LinkAddress::cidr)
        .toList();
    remove(link, route -> route.protocol() == ROUTER_ADVERTISEMENT);
    addresses.stream()
        .filter(address -> address.origin() == LinkAddress.Origin.LEASED)
        .forEach(address -> StampedLinks.unlessGone(
            () -> netlink.addresses().remove(link.index(), address.cidr())));
    remove(
        link,
        route -> route.protocol() == Route.KERNEL
            && route.table() == Route.MAIN
            && !route.destination().address().isLinkLocalAddress()
            && kept.stream().noneMatch(address -> isNetworkOf(route.destination(), address)));
  }

  private static boolean isNetworkOf(CidrAddress network, CidrAddress address) {
    return network.prefixLength() == address.prefixLength()
        && prefix(network).equals(prefix(address));
  }

  private static BigInteger prefix(CidrAddress cidr) {
    byte[] octets = cidr.address().getAddress();
    return new BigInteger(1, octets).shiftRight(octets.length * Byte.SIZE - cidr.prefixLength());
  }

  private void remove(Link link, Predicate<Route> which) {
    RouteFilter there = RouteFilter.all().of(AddressFamily.IPV6).through(link.index());
    netlink.routes().list(there).stream()
        .filter(which)
        .forEach(route -> StampedLinks.unlessGone(() -> netlink.routes().remove(route)));
  }
}
