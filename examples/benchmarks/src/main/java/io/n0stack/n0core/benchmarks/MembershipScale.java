package io.n0stack.n0core.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;

/**
 * What many members cost and how soon they agree. They are few processes in one network namespace,
 * each member with an address of its own; a group that was measured is grown to be the next. Where so
 * many do not fit on the processors, all times of the protocol can be so many times as long.
 */
final class MembershipScale {
  private static final int[] SIZES = {10, 50, 100};
  private static final int PER_PROCESS = 40; // what they open is to stay below 20000 descriptors
  private static final int KILLS = 3;
  private static final int FACTOR = Integer.getInteger("n0core.benchmarks.slowed", 4);
  private static final int GROW_SECONDS = 240;
  private static final int KILL_SECONDS = 60;
  private static final int WINDOW_SECONDS = 20;
  private static final int START_SECONDS = 60;

  private final MembershipLab lab;
  private final List<MembershipProcess> processes = new ArrayList<>();
  private final Map<Integer, MembershipProcess> mortals = new HashMap<>();
  private final MembershipViews views = new MembershipViews();
  private final List<MembershipSize> sizes = new ArrayList<>();
  private int living;
  private int next;

  private MembershipScale(MembershipLab lab) {
    this.lab = lab;
  }

  static void measure(Path scratch, MembershipRows rows) throws Exception {
    try (MembershipLab lab = new MembershipLab(1, scratch.resolve("scale"))) {
      new MembershipScale(lab).measure(rows);
    }
  }

  private void measure(MembershipRows rows) throws IOException, InterruptedException {
    for (int members : SIZES) {
      MembershipSize size = measured(members);
      sizes.add(size);
      System.err.println("  TCP, " + size.text());
      if (size.grown().isEmpty()) {
        break; // more would not agree either
      }
    }
    MembershipPlots.scale(sizes);
    String slowed = MembershipSize.slowed(FACTOR);
    rows.atLeast(
        "sizes, up to 100, at which all see all",
        MembershipSize.grown(sizes),
        "",
        SIZES.length,
        MembershipSize.texts(sizes, size -> MembershipSize.seconds(size.grown())) + slowed);
    rows.atLeast(
        "sizes, up to 100, at which all know of a kill",
        MembershipSize.known(sizes),
        "",
        SIZES.length,
        MembershipSize.texts(sizes, size -> size.kills().text("s", 1)) + slowed);
  }

  private MembershipSize measured(int members) throws IOException, InterruptedException {
    OptionalDouble grown = grow(members);
    long[] before = sent();
    long start = System.nanoTime();
    TimeUnit.SECONDS.sleep((long) WINDOW_SECONDS);
    long[] after = sent();
    double memberSeconds = (System.nanoTime() - start) / 1e9 * members;
    MembershipTrials kills = new MembershipTrials();
    for (MembershipProcess mortal : List.copyOf(mortals.values())) {
      long killed = System.nanoTime();
      mortal.kill();
      mortals.values().remove(mortal);
      living--;
      kills.add(grown.isPresent() ? agreed(killed, KILL_SECONDS) : OptionalDouble.empty());
    }
    return new MembershipSize(
        members,
        grown,
        OptionalDouble.empty(),
        kills,
        (after[0] - before[0]) / memberSeconds,
        (after[1] - before[1]) / memberSeconds);
  }

  /** Adds members until there are so many, some of them in processes of their own. */
  private OptionalDouble grow(int members) throws IOException, InterruptedException {
    while (PER_PROCESS * processes.size() < next + members - living) {
      processes.add(process());
    }
    List<MembershipProcess> fresh = new ArrayList<>();
    for (int i = 0; i < KILLS; i++) {
      fresh.add(process());
    }
    for (MembershipProcess one : fresh) {
      one.need(0, "up", START_SECONDS);
    }
    long start = System.nanoTime();
    for (; living < members - KILLS; living++, next++) {
      processes.get(next / PER_PROCESS).write(next + " " + (next + 1));
    }
    for (int i = 0; i < KILLS; i++, living++) {
      int number = 10 * members + i + 1000; // no one of the lasting has it
      mortals.put(number, fresh.get(i));
      fresh.get(i).write(number + " " + (number + 1));
    }
    return agreed(start, GROW_SECONDS);
  }

  private MembershipProcess process() throws IOException, InterruptedException {
    List<String> command = MembershipLab.java(
        "640m", MembershipSwarmMain.class, lab.secret().toString(), String.valueOf(FACTOR));
    MembershipLab.asSwarm(command);
    MembershipProcess process = lab.start(1, command);
    process.need(0, "up", START_SECONDS);
    return process;
  }

  private OptionalDouble agreed(long start, int seconds) throws InterruptedException {
    List<MembershipProcess> all = new ArrayList<>(processes);
    all.addAll(mortals.values());
    return views.agreed(all, living, start, seconds);
  }

  /** Bytes and packets that went over the namespace's loopback so far. */
  private long[] sent() throws IOException {
    for (String line : processes.get(0).proc("net/dev").split("\n", -1)) {
      String stripped = line.strip();
      if (stripped.startsWith("lo:")) {
        String[] fields = stripped.substring(3).strip().split("\\s+", -1);
        return new long[] {Long.parseLong(fields[8]), Long.parseLong(fields[9])};
      }
    }
    throw new IOException("no loopback");
  }
}
