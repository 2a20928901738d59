package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.membership.Timings;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/** How soon an API knows what became of an agent, on both sides at the same time. */
final class MembershipFailures {
  private static final int SETTLE_SECONDS = 3;
  private static final int TRIALS = 12;
  private static final int STOPS = 5;
  private static final int SECONDS = 20;
  private static final int OUTAGE_SECONDS = 45;
  private static final int BOOT_SECONDS = 10;
  private static final int WITHOUT_HELP_SECONDS = 10;
  private static final int IDLE_SECONDS = 30;
  private static final int TICK_MILLIS = 10; // of /proc/PID/stat, wherever Linux runs

  private final MembershipSide ours;
  private final MembershipSide theirs;
  private final MembershipRows rows;
  private int restarted;
  private int unseen;
  private int theirUnseen;

  MembershipFailures(MembershipSide ours, MembershipSide theirs, MembershipRows rows) {
    this.ours = ours;
    this.theirs = theirs;
    this.rows = rows;
  }

  void measure() throws InterruptedException {
    take("idle member", this::idle);
    take("kill -9 of an agent is seen", this::kill);
    take("graceful stop", this::leave);
    take("SIGSTOP of an agent is seen", this::stop);
    take("API back after " + OUTAGE_SECONDS + " s", this::outage);
    rows.take(
        "restarted agents that not all see",
        () -> rows.atMost(
            "restarted agents that some did not see in 60 s",
            unseen,
            "",
            0,
            "of " + restarted + "; memberlist " + theirUnseen));
  }

  private void take(String what, MembershipRows.Taking taking) throws InterruptedException {
    rows.take(what, () -> {
      ours.restore();
      theirs.restore();
      taking.take();
    });
  }

  private void restart(String name) throws IOException, InterruptedException {
    for (MembershipSide side : List.of(ours, theirs)) {
      side.member(name).kill();
      var unused = side.boot(name);
    }
    for (MembershipSide side : List.of(ours, theirs)) {
      side.join(name);
    }
    restarted++;
    unseen += peace(ours);
    theirUnseen += peace(theirs);
    TimeUnit.SECONDS.sleep(1);
  }

  /** How many times peace had to be made. */
  private static int peace(MembershipSide side) throws IOException, InterruptedException {
    try {
      side.awaitPeace();
      return 0;
    } catch (IOException e) {
      System.err.println(e.getMessage());
      side.restore();
      return 1;
    }
  }

  private void kill() throws IOException, InterruptedException {
    MembershipTrials our = new MembershipTrials();
    MembershipTrials their = new MembershipTrials();
    for (int i = 0; i < TRIALS; i++) {
      String name = ours.agentNames().get(i % ours.agentNames().size());
      Map<String, Integer> marks = ours.marks();
      int from = ours.api().count();
      int theirFrom = theirs.api().count();
      long start = System.nanoTime();
      ours.member(name).kill();
      long theirStart = System.nanoTime();
      theirs.member(name).kill();
      our.add(MembershipSide.seconds(start, ours.gone(name, from, SECONDS)));
      their.add(MembershipSide.seconds(theirStart, theirs.gone(name, theirFrom, SECONDS)));
      OptionalLong all = ours.unseen(name, SECONDS);
      if (i == 0 && all.isPresent()) {
        MembershipPlots.death(MembershipTimeline.of(ours, name, marks, start));
      }
      restart(name);
    }
    String detail = "ours " + our.text("s", 1) + ", memberlist " + their.text("s", 1)
        + String.format(
            Locale.ROOT,
            "; a suspect has %.1f s to speak up",
            Timings.DEFAULT.failureTimeout().toMillis() / 1e3);
    rows.atMost("kill -9 of an agent is seen, median", our.median(), "s", 3.5, detail);
    rows.atMost("kill -9 of an agent is seen, longest", our.longest(), "s", 5, detail);
    rows.atLeast("kill -9 is seen, than memberlist", their.median() / our.median(), "x", 1, detail);
  }

  private void leave() throws IOException, InterruptedException {
    MembershipTrials our = new MembershipTrials();
    MembershipTrials their = new MembershipTrials();
    for (int i = 0; i < TRIALS; i++) {
      String name = ours.agentNames().get(i % ours.agentNames().size());
      Map<String, Integer> marks = ours.marks();
      long start = System.nanoTime();
      ours.member(name).write("leave");
      our.add(MembershipSide.seconds(start, ours.unseen(name, SECONDS)));
      if (i == 0) {
        MembershipPlots.departure(MembershipTimeline.of(ours, name, marks, start));
      }
      long theirStart = System.nanoTime();
      theirs.member(name).write("leave");
      their.add(MembershipSide.seconds(theirStart, theirs.unseen(name, SECONDS)));
      restart(name);
      TimeUnit.SECONDS.sleep(SETTLE_SECONDS); // the new JVMs are still busy loading classes
    }
    rows.atMost(
        "graceful stop is seen by all, median",
        1e3 * our.median(),
        "ms",
        60,
        "ours, its record removed first, " + our.text("ms", 1e3) + ", memberlist "
            + their.text("ms", 1e3));
  }

  private void stop() throws IOException, InterruptedException {
    MembershipTrials gone = new MembershipTrials();
    MembershipTrials back = new MembershipTrials();
    MembershipTrials theirGone = new MembershipTrials();
    MembershipTrials theirBack = new MembershipTrials();
    for (int i = 0; i < STOPS; i++) {
      String name = ours.agentNames().get(i % ours.agentNames().size());
      int from = ours.api().count();
      int theirFrom = theirs.api().count();
      long start = System.nanoTime();
      ours.member(name).signal("STOP");
      theirs.member(name).signal("STOP");
      gone.add(MembershipSide.seconds(start, ours.gone(name, from, SECONDS)));
      theirGone.add(MembershipSide.seconds(start, theirs.gone(name, theirFrom, SECONDS)));
      back.add(continued(ours, name));
      theirBack.add(continued(theirs, name));
      ours.awaitPeace();
      theirs.awaitPeace();
      TimeUnit.SECONDS.sleep(1);
    }
    rows.atMost(
        "SIGSTOP of an agent is seen, longest",
        gone.longest(),
        "s",
        5,
        "ours " + gone.text("s", 1) + ", memberlist " + theirGone.text("s", 1));
    rows.atMost(
        "back after SIGCONT, longest",
        1e3 * back.longest(),
        "ms",
        200,
        "ours " + back.text("ms", 1e3) + ", memberlist " + theirBack.text("ms", 1e3));
  }

  private static OptionalDouble continued(MembershipSide side, String name)
      throws IOException, InterruptedException {
    int from = side.api().count();
    long start = System.nanoTime();
    side.member(name).signal("CONT");
    return MembershipSide.seconds(start, side.back(name, from, SECONDS));
  }

  private void outage() throws IOException, InterruptedException {
    long start = System.nanoTime();
    for (MembershipSide side : List.of(ours, theirs)) {
      side.api().kill();
    }
    TimeUnit.SECONDS.sleep(OUTAGE_SECONDS - BOOT_SECONDS);
    for (MembershipSide side : List.of(ours, theirs)) {
      var unused = side.boot(MembershipSide.API);
    }
    for (MembershipSide side : List.of(ours, theirs)) {
      var unused = side.api().need(0, "up", 5 * BOOT_SECONDS);
    }
    TimeUnit.NANOSECONDS.sleep(
        start + TimeUnit.SECONDS.toNanos(OUTAGE_SECONDS) - System.nanoTime());
    OptionalDouble our = returned(ours, SECONDS);
    OptionalDouble their = returned(theirs, WITHOUT_HELP_SECONDS);
    MembershipTrials trial = new MembershipTrials();
    trial.add(our);
    rows.atMost(
        "API back after " + OUTAGE_SECONDS + " s, full view",
        trial.longest(),
        "s",
        1,
        "from join, with its records; memberlist without help "
            + (their.isPresent()
                ? String.format(Locale.ROOT, "%.2f s", their.getAsDouble())
                : "never, in " + WITHOUT_HELP_SECONDS + " s"));
  }

  private static OptionalDouble returned(MembershipSide side, int seconds)
      throws IOException, InterruptedException {
    side.join(MembershipSide.API);
    long start = side.api().need(0, "joining", SECONDS).nanos();
    return MembershipSide.seconds(start, side.full(seconds));
  }

  private void idle() throws IOException, InterruptedException {
    TimeUnit.SECONDS.sleep(60); // what runs ten times a second is compiled by then
    List<String> agents = ours.agentNames();
    double[] before = cpu(ours);
    double[] theirsBefore = cpu(theirs);
    long start = System.nanoTime();
    TimeUnit.SECONDS.sleep(IDLE_SECONDS);
    double seconds = (System.nanoTime() - start) / 1e9;
    double[] after = cpu(ours);
    double[] theirsAfter = cpu(theirs);
    MembershipTrials spent = new MembershipTrials();
    MembershipTrials theirSpent = new MembershipTrials();
    MembershipTrials heap = new MembershipTrials();
    for (int i = 0; i < agents.size(); i++) {
      spent.add(OptionalDouble.of((after[i] - before[i]) / seconds));
      theirSpent.add(OptionalDouble.of((theirsAfter[i] - theirsBefore[i]) / seconds));
      MembershipProcess agent = ours.member(agents.get(i));
      int from = agent.count();
      agent.write("used");
      String used = agent.need(from, "used ", SECONDS).text();
      heap.add(OptionalDouble.of(Long.parseLong(used.substring(5)) / 1024.0));
    }
    rows.atMost(
        "idle member, CPU per second, median",
        spent.median(),
        "ms",
        15,
        "ours " + spent.text("ms", 1) + ", memberlist " + theirSpent.text("ms", 1) + ", over "
            + IDLE_SECONDS + " s");
    rows.atMost(
        "idle member, heap in use, largest",
        heap.longest(),
        "MB",
        64,
        heap.text("MB", 1) + " after a collection, -Xmx64m");
  }

  /** The CPU time of the agents so far, in milliseconds. */
  private static double[] cpu(MembershipSide side) throws IOException {
    List<String> agents = side.agentNames();
    double[] spent = new double[agents.size()];
    for (int i = 0; i < spent.length; i++) {
      String stat = side.member(agents.get(i)).proc("stat");
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      spent[i] = TICK_MILLIS * (Double.parseDouble(fields[11]) + Double.parseDouble(fields[12]));
    }
    return spent;
  }
}
