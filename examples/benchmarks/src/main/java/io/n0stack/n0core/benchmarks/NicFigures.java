package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.Figure.Direction;
import io.n0stack.n0core.benchmarks.Rounds.Turn;
import io.n0stack.n0core.net.netlink.BridgeAttachment;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.tap.Tap;
import io.n0stack.n0core.net.tap.TapSpec;
import java.util.List;
import java.util.Locale;

/** What a host does for each machine: bridges, and taps on them. */
final class NicFigures {
  private static final int ROUNDS = 40;
  private static final int PER_ROUND = 10;
  private static final int DELETED = 500;
  private static final int DELETIONS = 10;
  private static final int GROUP = 500;
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

  /** The ports are the ends of cables that are there. */
  Figure ensure() throws Exception {
    List<Spent> paces = Rounds.inTurn(
        ROUNDS,
        Turn.of(PER_ROUND, () -> {
          BridgeAttachment unused =
              netlink.bridges().ensure("o-bridge" + bridges, "ours" + bridges++);
        }),
        new Turn(PER_ROUND, times -> c.times("ensure", times, "c-bridge", "theirs")));
    return Versus.cpu("bridge ensured with a port", 1.3, paces.get(0), paces.get(1));
  }

  /** Also warms up what creates NICs. */
  Figure delete() {
    double[] millis = new double[DELETIONS];
    for (int i = 0; i < DELETIONS; i++) {
      int bridge =
          netlink.links().create(LinkSpec.bridge(OURS).withGroup(GROUP).up()).index();
      for (int k = 0; k < DELETED; k++) {
        nic("gone" + k, LinkChange.none().withMaster(bridge).withGroup(GROUP).up());
      }
      long start = System.nanoTime();
      netlink.links().deleteGroup(GROUP);
      millis[i] = (System.nanoTime() - start) / 1e6 / DELETED;
      if (netlink.links().find("gone0").isPresent()) {
        throw new IllegalStateException("a NIC is still there");
      }
    }
    return new Figure(
        "net: one of " + DELETED + " NICs deleted",
        Rounds.fastestTenth(millis),
        "ms",
        0.3,
        Direction.AT_MOST,
        String.format(
            Locale.ROOT, "fastest of %d; median %.2f ms", DELETIONS, Rounds.median(millis)));
  }

  List<Figure> create() throws Exception {
    // A bridge for each: the more ports it has, the longer another takes, and none has over 1024.
    for (String bridge : List.of(OURS, OF_C, OF_GO, OF_IP)) {
      Link unused = netlink.links().create(LinkSpec.bridge(bridge).up());
    }
    int master = netlink.links().find(OURS).orElseThrow().index();
    LinkChange attach = LinkChange.none().withMaster(master).up();
    List<Spent> paces = Rounds.inTurn(
        ROUNDS,
        Turn.of(PER_ROUND, () -> nic("nic" + nics++, attach)),
        new Turn(PER_ROUND, times -> c.times("nic", times, OF_C, "c")),
        new Turn(PER_ROUND, times -> go.times("nic", times, OF_GO, "go")),
        Turn.of(1, this::fork));
    requireAlike("nic", PER_ROUND * ROUNDS);
    requireAlike("c", PER_ROUND * ROUNDS);
    requireAlike("go", PER_ROUND * ROUNDS);
    requireAlike("ip", ROUNDS);
    String what = "tap on a bridge, up";
    return List.of(
        Versus.cpu(what, 1.3, paces.get(0), paces.get(1)),
        Versus.go(what, 1.3, paces.get(0), paces.get(2)),
        Versus.ip(what, 10, paces.get(0), paces.get(3)));
  }

  private void nic(String name, LinkChange attach) {
    Tap.create(TapSpec.named(name).withPersistence()).close();
    netlink.links().change(name, attach);
  }

  private void fork() throws Exception {
    String name = "ip" + forked++;
    Peer.run("ip", "tuntap", "add", name, "mode", "tap");
    Peer.run("ip", "link", "set", name, "master", OF_IP, "up");
  }

  /** All must have made the same, or their times cannot be compared. */
  private void requireAlike(String prefix, int count) {
    for (int i = 0; i < count; i++) {
      Link link = netlink.links().find(prefix + i).orElseThrow();
      if (!link.tap() || link.master().isEmpty() || !link.up()) {
        throw new IllegalStateException(link + " is not a tap on a bridge that is up");
      }
    }
  }
}
