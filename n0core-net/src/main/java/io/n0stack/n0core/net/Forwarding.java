package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.internal.FileFailures;
import io.n0stack.n0core.net.netlink.AddressFamily;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.netlink.Route;
import io.n0stack.n0core.net.netlink.RouteFilter;
import java.io.IOException;
import java.net.Inet6Address;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Whether the network namespace forwards packets, which is one switch for IPv4 and one for IPv6 for all
 * of its links. It is only switched on, never off: others may need it. See Documentation/networking/ip-sysctl.rst
 * of the kernel.
 */
final class Forwarding {
  private static final Path NET = Path.of("/proc/sys/net");
  private static final Path IPV4 = NET.resolve("ipv4/ip_forward");
  private static final Path IPV6 = NET.resolve("ipv6/conf/all/forwarding");
  private static final String EVEN_IF_FORWARDING = "2";

  private final Netlink netlink;
  private final NetNs namespace;

  Forwarding(Netlink netlink, NetNs namespace) {
    this.netlink = netlink;
    this.namespace = namespace;
  }

  private static Set<Path> switches(List<CidrAddress> addresses) {
    Set<Path> switches = new TreeSet<>();
    addresses.forEach(cidr -> switches.add(cidr.address() instanceof Inet6Address ? IPV6 : IPV4));
    return switches;
  }

  boolean isOn(List<CidrAddress> addresses) {
    return switches(addresses).stream().allMatch(file -> read(file).equals("1"));
  }

  void switchOn(List<CidrAddress> addresses) {
    switches(addresses).stream()
        .filter(file -> !read(file).equals("1"))
        .forEach(file -> namespace.call(() -> {
          try {
            return Files.writeString(file, "1");
          } catch (IOException e) {
            // Of a write that is refused Java does not say to which file.
            throw FileFailures.of("set " + file + " to 1", file.toString(), e);
          }
        }));
  }

  private String read(Path file) {
    return namespace.call(() -> Files.readString(file)).strip();
  }

  /**
   * Refuses to forward IPv6 where the host would lose its own routes: a host that forwards does not
   * listen to router advertisements unless told to. What it learnt on a link of ours is a guest's, and is
   * no loss. Changes nothing.
   */
  void requireHarmless(ResourceId network, List<CidrAddress> addresses) {
    if (!switches(addresses).contains(IPV6) || read(IPV6).equals("1")) {
      return;
    }
    for (Route route : netlink.routes().list(RouteFilter.all().of(AddressFamily.IPV6))) {
      if (route.protocol() == Autoconfiguration.ROUTER_ADVERTISEMENT) {
        route.nextHops().stream()
            .flatMapToInt(hop -> hop.link().stream())
            .mapToObj(index -> netlink.links().find(index))
            .flatMap(Optional::stream)
            .filter(link -> StampedLinks.stamp(link).isEmpty())
            .forEach(link -> requireListening(network, link));
      }
    }
  }

  private void requireListening(ResourceId network, Link link) {
    Path accept = NET.resolve("ipv6/conf").resolve(link.name()).resolve("accept_ra");
    if (!read(accept).equals(EVEN_IF_FORWARDING)) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          network.toString(),
          "apply " + network + ": IPv6 forwarding would cost the host the routes that it learnt by"
              + " router advertisements on " + link.name() + "; set " + accept + " to 2 first");
    }
  }
}
