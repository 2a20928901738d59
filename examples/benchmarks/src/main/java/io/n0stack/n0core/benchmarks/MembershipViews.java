package io.n0stack.n0core.benchmarks;

import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** How many members each member sees, from what processes with many of them tell. */
final class MembershipViews {
  private final Map<MembershipProcess, Map<String, MembershipProcess.Line>> seen = new HashMap<>();
  private final Map<MembershipProcess, Integer> read = new HashMap<>();
  private final Set<String> dead = new HashSet<>();

  /** Heeds no more what one sees. */
  void without(String member) {
    dead.add(member);
  }

  /** How many seconds after a moment all came to see as many as there are. */
  OptionalDouble agreed(
      Collection<MembershipProcess> processes, int living, long start, int seconds)
      throws InterruptedException {
    long end = start + TimeUnit.SECONDS.toNanos(seconds);
    while (System.nanoTime() < end) {
      OptionalLong last = lastAgreed(processes, living);
      if (last.isPresent()) {
        return OptionalDouble.of(Math.max(0, (last.getAsLong() - start) / 1e9));
      }
      TimeUnit.MILLISECONDS.sleep(50);
    }
    return OptionalDouble.empty();
  }

  /** When the last came to see all; empty if some do not. */
  private OptionalLong lastAgreed(Collection<MembershipProcess> processes, int living) {
    long last = Long.MIN_VALUE;
    int agreeing = 0;
    for (MembershipProcess process : processes) {
      for (MembershipProcess.Line view : views(process).values()) {
        if (view.text().endsWith(" " + living)) {
          agreeing++;
          last = Math.max(last, view.nanos());
        }
      }
    }
    return agreeing == living ? OptionalLong.of(last) : OptionalLong.empty();
  }

  /** How many seconds after a moment one member came to see so many, as far as is known. */
  static OptionalDouble saw(MembershipProcess process, String member, int members, long start) {
    String view = "sees " + member + " " + members;
    return process.from(0).stream()
        .filter(line -> line.text().equals(view))
        .mapToDouble(line -> Math.max(0, (line.nanos() - start) / 1e9))
        .findFirst();
  }

  /** The last view of each member in a process. */
  private Map<String, MembershipProcess.Line> views(MembershipProcess process) {
    Map<String, MembershipProcess.Line> views =
        seen.computeIfAbsent(process, unknown -> new HashMap<>());
    int from = read.getOrDefault(process, 0);
    List<MembershipProcess.Line> lines = process.from(from);
    for (MembershipProcess.Line line : lines) {
      if (line.text().startsWith("sees ")) {
        views.put(line.text().split(" ", -1)[1], line);
      }
    }
    read.put(process, from + lines.size());
    views.keySet().removeAll(dead);
    return views;
  }
}
