package io.n0stack.n0core.net;

import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.NetworkDriver;
import io.n0stack.n0core.net.netlink.Link;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.zip.CRC32;

/**
 * The addresses of ports as the DHCP servers of their networks read them: one file per port, also while
 * a network has no server, so that it serves them when it gets one.
 */
final class PortAddresses {
  // What dnsmasq takes for something else than a name: "do not serve", and lease times. Of the
  // rest, a
  // label has no ':' and no '.' as tags, identifiers and addresses have.
  private static final Pattern KEYWORD = Pattern.compile("ignore|infinite|[0-9]+[smhdw]?");

  private final DhcpServer servers;

  PortAddresses(DhcpServer servers) {
    this.servers = servers;
  }

  /** Finds the network whose bridge a link is; empty for a bridge that we did not make. */
  static Optional<ResourceId> network(Link bridge) {
    return StampedLinks.stamp(bridge)
        .map(Stamp::id)
        .filter(id -> id.kind().equals(NetworkDriver.KIND));
  }

  Set<ResourceId> ports() {
    return servers.files().ports();
  }

  Set<ResourceId> networksOf(ResourceId port) {
    return servers.files().networksOf(port);
  }

  /** Writes a port's file; empty if there is nothing to serve. See dhcp-hostsfile in dnsmasq(8). */
  static String file(ResourceId port, MacAddress mac, List<InetAddress> addresses) {
    StringBuilder lines = new StringBuilder();
    for (InetAddress address : addresses) {
      if (address instanceof Inet4Address) {
        String name =
            lines.isEmpty() && !KEYWORD.matcher(port.name()).matches() ? "," + port.name() : "";
        lines
            .append(mac)
            .append(',')
            .append(address.getHostAddress())
            .append(name)
            .append('\n');
      }
    }
    return lines.toString();
  }

  /** Describes a file; of no file there is nothing to say. */
  static String text(String file) {
    if (file.isEmpty()) {
      return "";
    }
    CRC32 crc = new CRC32();
    crc.update(file.getBytes(StandardCharsets.UTF_8));
    return "addresses " + Long.toHexString(crc.getValue());
  }

  /** Describes what a network's server is told of a port. */
  String text(Optional<ResourceId> network, ResourceId port) {
    return text(network.flatMap(id -> servers.files().host(id, port)).orElse(""));
  }

  /** Makes a port's file be this one, with this network and no other. */
  void converge(Context cx, Optional<ResourceId> network, ResourceId port, String file) {
    Set<ResourceId> others = new TreeSet<>((a, b) -> a.uid().compareTo(b.uid()));
    others.addAll(networksOf(port));
    if (network.isPresent() && !file.isEmpty()) {
      others.remove(network.get());
    }
    forget(cx, port, others);
    if (network.isPresent() && !file.isEmpty()) {
      // Also if the file is there: a death may have come before the server read it.
      cx.step("announce addresses", () -> {
        servers.files().writeHost(network.get(), port, file);
        servers.reread(network.get());
      });
    }
  }

  /** Deletes all files of a port. */
  void forget(Context cx, ResourceId port) {
    forget(cx, port, networksOf(port));
  }

  private void forget(Context cx, ResourceId port, Set<ResourceId> networks) {
    if (!networks.isEmpty()) {
      cx.step(
          "withdraw addresses",
          () -> networks.forEach(network -> {
            servers.files().deleteHost(network, port);
            servers.reread(network);
          }));
    }
  }
}
