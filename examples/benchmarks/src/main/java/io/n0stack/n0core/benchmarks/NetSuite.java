package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.Rounds.Paces;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.tap.Tap;
import java.nio.file.Path;
import java.util.List;

/**
 * The netlink client against an agent that forks {@code ip}.
 *
 * <p>The links it makes are not deleted: they go with the network namespace that {@code run} made.
 */
final class NetSuite implements Suite {
  private static final int PAIRS = 100;
  private static final String OURS = "br-ours";
  private static final String THEIRS = "br-theirs";
  private int lookups;
  private int nics;

  @Override
  public List<Figure> measure(Path scratch) throws Exception {
    try (Netlink netlink = Netlink.open()) {
      requireIsolated(netlink);
      return List.of(lookup(netlink), nic(netlink));
    }
  }

  private static void requireIsolated(Netlink netlink) {
    for (Link link : netlink.links().list()) {
      if (link.up() && !link.name().equals("lo")) {
        throw new IllegalStateException("link \"" + link.name()
            + "\" is up: this is not a network namespace of its own; start it by"
            + " examples/benchmarks/run");
      }
    }
  }

  /** Not ifb: loading that module makes links in the host's own namespace. */
  private Figure lookup(Netlink netlink) throws Exception {
    for (int i = 0; i < PAIRS; i++) {
      Link unused = netlink.links().create(LinkSpec.veth("veth" + 2 * i, "veth" + (2 * i + 1)));
    }
    Paces paces = Rounds.inTurn(
        300,
        () -> find(netlink, nextName()),
        2,
        () -> Peer.run("ip", "-o", "link", "show", "dev", nextName()));
    return new Figure(
        "net: find one of 200 links",
        paces.ratio(),
        "x",
        100,
        Figure.Direction.AT_LEAST,
        paces.detail("ip link show"));
  }

  private static void find(Netlink netlink, String name) {
    if (netlink.links().find(name).isEmpty()) {
      throw new IllegalStateException("link \"" + name + "\" is not found");
    }
  }

  private String nextName() {
    return "veth" + lookups++ % (2 * PAIRS);
  }

  private Figure nic(Netlink netlink) throws Exception {
    for (String bridge : List.of(OURS, THEIRS)) {
      Link unused = netlink.links().create(LinkSpec.bridge(bridge).up());
    }
    Paces paces = Rounds.inTurn(2, () -> addNic(netlink), 1, () -> forkNic("nic" + nics++));
    requireAlike(netlink);
    return new Figure(
        "net: tap on a bridge, up",
        paces.ratio(),
        "x",
        8,
        Figure.Direction.AT_LEAST,
        paces.detail("2 forks of ip"));
  }

  private void addNic(Netlink netlink) {
    String name = "nic" + nics++;
    try (Tap tap = Tap.create(name)) {
      tap.persist();
    }
    netlink.bridges().ensure(OURS, name);
  }

  private static void forkNic(String name) throws Exception {
    Peer.run("ip", "tuntap", "add", name, "mode", "tap");
    Peer.run("ip", "link", "set", name, "master", THEIRS, "up");
  }

  /** Both sides must have made the same, or their times cannot be compared. */
  private void requireAlike(Netlink netlink) {
    for (int i = 0; i < nics; i++) {
      Link link = netlink.links().find("nic" + i).orElseThrow();
      if (!(link.tap()) || link.master().isEmpty() || !link.up()) {
        throw new IllegalStateException(link + " is not a tap on a bridge that is up");
      }
    }
  }
}
