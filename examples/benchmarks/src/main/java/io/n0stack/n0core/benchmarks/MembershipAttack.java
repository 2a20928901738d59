package io.n0stack.n0core.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/** Whether a stranger's packets do anything. */
final class MembershipAttack {
  private static final int SECONDS = 120;
  private static final int LOOK_SECONDS = 8;
  private static final int RECORDED_SECONDS = 6;

  private MembershipAttack() {}

  /** Attacks the API and an agent from a host that nobody else uses. */
  static void measure(MembershipSide side, int host, MembershipRows rows)
      throws IOException, InterruptedException {
    side.restore();
    String victim = MembershipSide.agent(2);
    MembershipProcess stranger = side.lab()
        .start(
            host,
            MembershipLab.java(
                "64m",
                MembershipAttackMain.class,
                MembershipLab.address(host),
                victim,
                MembershipLab.address(1),
                MembershipLab.address(MembershipSide.host(victim))));
    stranger.need(0, "up", SECONDS);
    recorded(side, host);
    stranger.write("");
    String recorded = stranger.need(0, "recorded ", SECONDS).text();
    if (recorded.startsWith("recorded 0 ")) {
      throw new IOException("nothing was recorded that could be replayed");
    }
    String relayed = MembershipSide.agent(1);
    side.member(relayed).kill();
    var unused = side.boot(relayed);
    side.join(relayed);
    side.awaitPeace();
    TimeUnit.SECONDS.sleep(1);

    Map<String, Integer> quiet = side.marks();
    TimeUnit.SECONDS.sleep(LOOK_SECONDS);
    Map<String, Integer> marks = side.marks();
    int before = events(side, quiet);
    long complaints = Files.size(side.lab().complaints());
    long start = System.nanoTime();
    stranger.write("");
    String sent = stranger.need(0, "sent ", SECONDS).text();
    double seconds = (System.nanoTime() - start) / 1e9;
    TimeUnit.SECONDS.sleep(LOOK_SECONDS); // what they began to doubt they would give up by then
    int events = events(side, marks);
    int dead = 0;
    for (String name : side.names()) {
      dead += side.member(name).alive() ? 0 : 1;
    }
    String detail = String.format(
        Locale.ROOT,
        "%s packets and connections at the API and an agent in %.0f s, %s; in %d s before, %d events",
        sent,
        seconds,
        recorded,
        LOOK_SECONDS,
        before);
    rows.atMost("bad packets: events that they caused", events, "", 0, detail);
    String told = Files.readString(side.lab().complaints()).substring((int) complaints);
    int memory = told.split("OutOfMemoryError", -1).length - 1;
    rows.atMost(
        "bad packets: dead, or out of memory",
        dead + memory,
        "",
        0,
        "API -Xmx128m, agents -Xmx64m");
    stranger.kill();
    rows.atLeast(
        "bad packets: still serving", serving(side, relayed), "", 1, "an agent restarted is READY");
  }

  /** How many changes of views and states the members have told since lines. */
  private static int events(MembershipSide side, Map<String, Integer> since) {
    int events = 0;
    for (String name : side.names()) {
      events += (int) side.member(name).from(since.getOrDefault(name, 0)).stream()
          .filter(line -> line.isView() || line.text().startsWith("change "))
          .count();
    }
    return events;
  }

  /**
   * Lets an agent try to join by way of the stranger, who sees all that it says. It does not get in: a name comes from
   * its own host.
   */
  private static void recorded(MembershipSide side, int host)
      throws IOException, InterruptedException {
    String name = MembershipSide.agent(1);
    side.member(name).kill();
    MembershipProcess relayed = side.boot(name, MembershipLab.address(host));
    relayed.need(0, "up", SECONDS);
    relayed.write("join");
    TimeUnit.SECONDS.sleep(RECORDED_SECONDS);
  }

  private static int serving(MembershipSide side, String name)
      throws IOException, InterruptedException {
    side.member(name).kill();
    int from = side.api().count();
    var unused = side.boot(name);
    side.join(name);
    OptionalLong back = side.back(name, from, SECONDS);
    return back.isPresent() ? 1 : 0;
  }
}
