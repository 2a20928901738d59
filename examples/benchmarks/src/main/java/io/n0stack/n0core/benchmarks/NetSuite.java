package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.Rounds.Turn;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The netlink client and taps against the same in C, in Go, and by an agent that forks {@code ip}.
 *
 * <p>What is left of the links goes with the network namespace that {@code run} made. None is an ifb
 * or dummy: loading these modules makes links in the host's own namespace.
 */
final class NetSuite implements Suite {
  private static final int SOME = 1000;
  private static final int MANY = 10_000;
  private int pairs;

  @Override
  public List<Figure> measure(Path scratch) throws Exception {
    List<Figure> figures = new ArrayList<>();
    try (Netlink netlink = Netlink.open();
        PeerServer c = PeerServer.start(Peer.compiled("netlink", scratch));
        PeerServer go = PeerServer.start(Peer.compiledGo("netlink", scratch))) {
      requireIsolated(netlink);
      populate(netlink, SOME);
      figures.addAll(find(netlink, c, go));
      figures.add(Footprint.bytesPer(
          "link found", 400, Footprint.bytes(50_000, () -> find(netlink, "ours0"))));
      figures.addAll(list(netlink, c, go, SOME));
      figures.add(create(netlink, c));
      figures.add(change(netlink, c));
      NicFigures nics = new NicFigures(netlink, c, go);
      figures.add(nics.ensure());
      figures.add(nics.delete());
      figures.addAll(nics.create());
      figures.addAll(TapFrames.measure(netlink, c));
      figures.add(Footprint.left(netlink, 10_000));
      populate(netlink, MANY);
      figures.addAll(list(netlink, c, go, MANY));
    }
    return figures;
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

  /** Makes virtual cables, of which one end is ours and the other the peers', until there are so many links. */
  private void populate(Netlink netlink, int links) {
    int there = netlink.links().list().size();
    for (; there + 2 <= links; there += 2) {
      Link unused = netlink.links().create(LinkSpec.veth("ours" + pairs, "theirs" + pairs++));
    }
  }

  private List<Figure> find(Netlink netlink, PeerServer c, PeerServer go) throws Exception {
    int[] round = new int[1];
    List<Spent> paces = Rounds.inTurn(
        100,
        new Turn(1000, times -> {
          String name = "ours" + round[0]++ % pairs;
          return Spent.by(times, () -> find(netlink, name));
        }),
        new Turn(1000, times -> c.times("find", times, "theirs" + round[0] % pairs)),
        new Turn(20, times -> go.times("find", times, "theirs" + round[0] % pairs)),
        Turn.of(1, () -> Peer.run("ip", "-o", "link", "show", "dev", "theirs" + round[0] % pairs)));
    String what = "find a link by its name";
    return List.of(
        Versus.c(what, 1.2, paces.get(0), paces.get(1)),
        Versus.go(what, 3, paces.get(0), paces.get(2)),
        Versus.ip(what, 100, paces.get(0), paces.get(3)));
  }

  private static void find(Netlink netlink, String name) {
    if (netlink.links().find(name).isEmpty()) {
      throw new IllegalStateException("link \"" + name + "\" is not found");
    }
  }

  private static List<Figure> list(Netlink netlink, PeerServer c, PeerServer go, int about)
      throws Exception {
    int links = netlink.links().list().size();
    boolean few = about == SOME;
    List<Spent> paces = Rounds.inTurn(
        few ? 100 : 40,
        Turn.of(few ? 2 : 1, () -> list(netlink, links)),
        new Turn(few ? 2 : 1, times -> c.times("list", times, links)),
        new Turn(1, times -> go.times("list", times, links)));
    String what = "list " + about + " links";
    return List.of(
        Versus.c(what, 1.25, paces.get(0), paces.get(1)),
        Versus.go(what, 3, paces.get(0), paces.get(2)));
  }

  private static void list(Netlink netlink, int links) {
    int listed = netlink.links().list().size();
    if (listed != links) {
      throw new IllegalStateException(listed + " links are listed, not " + links);
    }
  }

  private static Figure create(Netlink netlink, PeerServer c) throws Exception {
    int[] made = new int[1];
    List<Spent> paces = Rounds.inTurn(
        100,
        Turn.of(3, () -> {
          Link unused = netlink.links().create(LinkSpec.bridge("o-made" + made[0]++));
        }),
        new Turn(3, times -> c.times("create", times, "c-made")));
    return Versus.c("create a bridge", 1.15, paces.get(0), paces.get(1));
  }

  private static Figure change(Netlink netlink, PeerServer c) throws Exception {
    int index = netlink.links().find("o-made0").orElseThrow().index();
    int[] sets = new int[1];
    List<Spent> paces = Rounds.inTurn(
        100,
        Turn.of(
            300,
            () -> netlink.links().change(index, LinkChange.none().withMtu(1400 + sets[0]++ % 2))),
        new Turn(300, times -> c.times("set", times, "c-made0")));
    return Versus.c("set an MTU", 1.15, paces.get(0), paces.get(1));
  }
}
