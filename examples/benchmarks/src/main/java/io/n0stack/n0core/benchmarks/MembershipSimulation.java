package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.simulated.SimulatedMembersMain;
import io.n0stack.n0core.membership.Timings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;

/**
 * What more members cost, and how soon they agree, than could be connected on one host: they are in one
 * process, and connected in its memory. All above the connections is as always. What they send is
 * counted when they have agreed and each has met each, so that nothing is left to be found out.
 */
final class MembershipSimulation {
  private static final int[] SIZES = {10, 50, 100, 200};
  private static final int KILLS = 3;
  private static final int FACTOR = Integer.getInteger("n0core.benchmarks.simulated.slowed", 4);
  private static final int GROW_SECONDS = 240;
  private static final int KILL_SECONDS = 60;
  private static final int WINDOW_SECONDS = 40;
  private static final int START_SECONDS = 60;
  private static final int JOIN_SECONDS = 300;
  private static final String API = "m0";

  private final MembershipLab lab;

  private MembershipSimulation(MembershipLab lab) {
    this.lab = lab;
  }

  static void measure(Path scratch, MembershipRows rows) throws Exception {
    try (MembershipLab lab = new MembershipLab(1, scratch.resolve("simulation"))) {
      new MembershipSimulation(lab).measure(rows);
    }
  }

  private void measure(MembershipRows rows) throws IOException, InterruptedException {
    List<MembershipSize> sizes = new ArrayList<>();
    for (int members : SIZES) {
      MembershipSize size = measured(members);
      sizes.add(size);
      System.err.println("  in memory, " + size.text());
      if (size.grown().isEmpty()) {
        break; // more would not agree either
      }
    }
    MembershipPlots.simulated(sizes, FACTOR);
    String slowed = MembershipSize.slowed(FACTOR);
    rows.atLeast(
        "in memory: sizes, up to 200, at which all see all",
        MembershipSize.grown(sizes),
        "",
        SIZES.length,
        MembershipSize.texts(
                sizes,
                size -> MembershipSize.seconds(size.grown()) + " (API "
                    + MembershipSize.seconds(size.api()) + ")")
            + slowed);
    rows.atLeast(
        "in memory: sizes at which all know of an end",
        MembershipSize.known(sizes),
        "",
        SIZES.length,
        MembershipSize.texts(sizes, size -> size.kills().text("s", 1)) + slowed);
    String counted = "frames that a member sends within " + WINDOW_SECONDS
        + " s, of all after one round of probes; " + slowed;
    rows.atMost(
        "in memory: bytes per member, 50 to 200, most over least",
        MembershipSize.ratio(sizes, SIZES.length, MembershipSize::bytes),
        "x",
        1.2,
        MembershipSize.texts(sizes, size -> String.format(Locale.ROOT, "%.1f B/s", size.bytes()))
            + counted);
    rows.atMost(
        "in memory: frames per member, 50 to 200, most over least",
        MembershipSize.ratio(sizes, SIZES.length, MembershipSize::packets),
        "x",
        1.2,
        MembershipSize.texts(sizes, size -> String.format(Locale.ROOT, "%.3f/s", size.packets()))
            + counted);
  }

  private MembershipSize measured(int members) throws IOException, InterruptedException {
    List<String> command = MembershipLab.java(
        "1536m", SimulatedMembersMain.class, lab.secret().toString(), String.valueOf(FACTOR));
    MembershipLab.asSwarm(command);
    MembershipProcess process = lab.start(1, command);
    try {
      process.need(0, "up", START_SECONDS);
      MembershipViews views = new MembershipViews();
      process.write("join 0 " + members);
      long start = process
          .need(0, line -> line.text().equals("joined"), "joined", JOIN_SECONDS)
          .nanos();
      OptionalDouble grown = views.agreed(List.of(process), members, start, GROW_SECONDS);
      double[] rate = grown.isPresent() ? atRest(process, members) : new double[2];
      return new MembershipSize(
          members,
          grown,
          MembershipViews.saw(process, API, members, start),
          grown.isPresent() ? kills(process, views, members) : unseen(),
          rate[0],
          rate[1]);
    } finally {
      process.kill();
    }
  }

  /** Bytes and frames that a member sends a second once each has probed each. */
  private static double[] atRest(MembershipProcess process, int members)
      throws IOException, InterruptedException {
    TimeUnit.MILLISECONDS.sleep(Timings.DEFAULT.probe().toMillis() * FACTOR * (members + 1));
    double[] before = sent(process);
    TimeUnit.SECONDS.sleep((long) WINDOW_SECONDS);
    double[] after = sent(process);
    double seconds = (after[0] - before[0]) / 1e9;
    return new double[] {
      (after[1] - before[1]) / seconds / members, (after[2] - before[2]) / seconds / members
    };
  }

  /** When it was, by the process's clock, and the bytes and frames that were sent so far. */
  private static double[] sent(MembershipProcess process) throws IOException, InterruptedException {
    int from = process.count();
    process.write("sent");
    String[] words = process.need(from, "sent ", START_SECONDS).text().split(" ", -1);
    return new double[] {
      Double.parseDouble(words[1]), Double.parseDouble(words[2]), Double.parseDouble(words[3])
    };
  }

  private static MembershipTrials unseen() {
    MembershipTrials none = new MembershipTrials();
    none.add(OptionalDouble.empty());
    return none;
  }

  private static MembershipTrials kills(
      MembershipProcess process, MembershipViews views, int members)
      throws IOException, InterruptedException {
    MembershipTrials kills = new MembershipTrials();
    for (int number = members - 1; number >= members - KILLS; number--) {
      views.without("m" + number);
      long killed = System.nanoTime();
      process.write("cut " + number);
      kills.add(views.agreed(List.of(process), number, killed, KILL_SECONDS));
    }
    return kills;
  }
}
