package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.Rounds.Turn;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.tap.Tap;
import java.util.List;

/** What a host does for each machine: bridges, and taps on them. */
final class NicFigures {
  private static final int ROUNDS = 100;
  private static final String OURS = "br-ours";
  private static final String OF_C = "br-c";
  private static final String OF_GO = "br-go";
  private static final String OF_IP = "br-ip";

  private final Netlink netlink;
  private final PeerServer c;
  private final PeerServer go;
  private int bridges;
  private int nics;
  private int forked;

  NicFigures(Netlink netlink, PeerServer c, PeerServer go) {
    this.netlink = netlink;
    this.c = c;
    this.go = go;
  }

  List<Figure> measure() throws Exception {
    Figure ensured = ensure();
    // A bridge of its own for each: one that has more ports takes longer to get another, and none
    // has over 1024.
    int master = 0;
    for (String bridge : List.of(OURS, OF_C, OF_GO, OF_IP)) {
      int index = netlink.create(LinkSpec.bridge(bridge).up()).index();
      master = bridge.equals(OURS) ? index : master;
    }
    int ours = master;
    List<Spent> paces = Rounds.inTurn(
        ROUNDS,
        Turn.of(3, () -> nic(ours)),
        new Turn(3, times -> c.times("nic", times, OF_C, "c")),
        new Turn(3, times -> go.times("nic", times, OF_GO, "go")),
        Turn.of(1, this::fork));
    requireAlike("nic", 3 * ROUNDS);
    requireAlike("c", 3 * ROUNDS);
    requireAlike("go", 3 * ROUNDS);
    requireAlike("ip", ROUNDS);
    String what = "tap on a bridge, up";
    return List.of(
        ensured,
        Versus.cpu(what, 1.3, paces.get(0), paces.get(1)),
        Versus.go(what, 1.3, paces.get(0), paces.get(2)),
        Versus.ip(what, 10, paces.get(0), paces.get(3)));
  }

  /** The ports are the ends of cables that are there. */
  private Figure ensure() throws Exception {
    List<Spent> paces = Rounds.inTurn(
        ROUNDS,
        Turn.of(3, () -> {
          var unused = netlink.bridges().ensure("o-bridge" + bridges, "ours" + bridges++);
        }),
        new Turn(3, times -> c.times("ensure", times, "c-bridge", "theirs")));
    return Versus.cpu("bridge ensured with a port", 1.3, paces.get(0), paces.get(1));
  }

  private void nic(int bridge) {
    String name = "nic" + nics++;
    try (Tap tap = Tap.create(name)) {
      tap.persist();
    }
    int index = netlink.find(name).orElseThrow().index();
    netlink.set(index, LinkChange.none().withMaster(bridge).up());
  }

  private void fork() throws Exception {
    String name = "ip" + forked++;
    Peer.run("ip", "tuntap", "add", name, "mode", "tap");
    Peer.run("ip", "link", "set", name, "master", OF_IP, "up");
  }

  /** All must have made the same, or their times cannot be compared. */
  private void requireAlike(String prefix, int count) {
    for (int i = 0; i < count; i++) {
      Link link = netlink.find(prefix + i).orElseThrow();
      if (!(link instanceof Link.Tap) || link.master().isEmpty() || !link.up()) {
        throw new IllegalStateException(link + " is not a tap on a bridge that is up");
      }
    }
  }
}
