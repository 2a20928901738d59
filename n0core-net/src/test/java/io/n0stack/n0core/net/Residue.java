package io.n0stack.n0core.net;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.tck.DriverFixture;
import java.util.List;

/** All links of the namespace with their addresses and aliases, read on a connection of its own. */
final class Residue {
  private Residue() {}

  static List<String> lines() {
    try (Netlink netlink = Netlink.open()) {
      return netlink.links().list().stream()
          .map(link -> link.name() + " " + link.alias().orElse("") + " "
              + netlink.addresses().of(link.index()))
          .sorted()
          .toList();
    }
  }

  /** A bridge that has the name, and one that has half of a stamp. */
  static DriverFixture.Undo plantForeign(ResourceId near) {
    try (Netlink netlink = Netlink.open()) {
      List<Link> planted = List.of(
          netlink.links().create(LinkSpec.bridge(near.name()).withAlias("somebody's")),
          netlink
              .links()
              .create(LinkSpec.bridge("foreign")
                  .withAlias("n0core:" + near.kind() + ":" + near.name() + ":1234::")));
      return () -> {
        try (Netlink other = Netlink.open()) {
          planted.forEach(link -> other.links().delete(link.index()));
        }
      };
    }
  }
}
