package io.n0stack.n0core.net;

import io.n0stack.n0core.net.netlink.Netlink;
import java.util.List;

/** All links of the namespace with their addresses and aliases, read on a connection of its own. */
final class Residue {
  private Residue() {}

  static List<String> lines() {
    try (Netlink netlink = Netlink.open()) {
      return netlink.links().stream()
          .map(link ->
              link.name() + " " + link.alias().orElse("") + " " + netlink.addresses(link.index()))
          .sorted()
          .toList();
    }
  }
}
