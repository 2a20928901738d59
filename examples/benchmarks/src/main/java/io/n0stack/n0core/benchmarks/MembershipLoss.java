package io.n0stack.n0core.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Whether an API holds living agents to be gone where a fifth of all packets is lost. */
final class MembershipLoss {
  private static final int AGENTS = 9;
  private static final int LABS = 3;
  private static final int SECONDS = 180;
  private static final Pattern DROPPED = Pattern.compile("counter packets (\\d+)");
  private static final String DROP =
      "nft 'add table ip lab; add chain ip lab in { type filter hook input priority 0; };"
          + " add rule ip lab in iif != lo numgen random mod 100 < 20 counter drop'";

  private MembershipLoss() {}

  /** Runs three times ten members and ten of memberlist at the same time. */
  static void measure(Path scratch, Path memberlist, MembershipRows rows) throws Exception {
    List<MembershipSide> sides = new ArrayList<>();
    try {
      for (int i = 0; i < LABS; i++) {
        sides.add(MembershipSide.ours(
            new MembershipLab(AGENTS + 1, scratch.resolve("loss-" + i)), AGENTS));
      }
      sides.add(MembershipSide.memberlist(
          new MembershipLab(AGENTS + 1, scratch.resolve("loss-theirs")), AGENTS, memberlist));
      for (MembershipSide side : sides) {
        side.awaitPeace();
      }
      TimeUnit.SECONDS.sleep(5);
      lose(sides, rows);
    } finally {
      for (MembershipSide side : sides) {
        side.close();
      }
    }
  }

  private static void lose(List<MembershipSide> sides, MembershipRows rows)
      throws IOException, InterruptedException {
    List<Map<String, Integer>> marks = new ArrayList<>();
    for (MembershipSide side : sides) {
      marks.add(side.marks());
      for (String name : side.names()) {
        String unused = side.lab().on(MembershipSide.host(name), DROP);
      }
    }
    TimeUnit.SECONDS.sleep(SECONDS);
    int lost = 0;
    long dropped = 0;
    StringBuilder detail = new StringBuilder();
    for (int i = 0; i < sides.size(); i++) {
      int[] counts = sides.get(i).lost(marks.get(i));
      boolean ours = i < LABS;
      lost += ours ? counts[0] : 0;
      dropped += ours ? dropped(sides.get(i)) : 0;
      detail.append(String.format(
          Locale.ROOT,
          "%s %d (anybody: %d), ",
          ours ? "ours" : "memberlist",
          counts[0],
          counts[1]));
    }
    rows.atMost(
        "20 % loss, 3 minutes: living agents lost",
        lost, "", 0, detail + "in three runs; " + dropped + " packets dropped");
    rows.atLeast("20 % loss: packets dropped", (double) dropped, "", 1000, "in three runs");
  }

  private static long dropped(MembershipSide side) throws IOException, InterruptedException {
    long dropped = 0;
    for (String name : side.names()) {
      Matcher counter =
          DROPPED.matcher(side.lab().on(MembershipSide.host(name), "nft list chain ip lab in"));
      dropped += counter.find() ? Long.parseLong(counter.group(1)) : 0;
    }
    return dropped;
  }
}
