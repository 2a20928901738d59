package io.n0stack.n0core.benchmarks;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;

/**
 * An API on the first host of a lab and agents on the others, all of n0core or all of another. What
 * is asked for and does not come in time is empty, and so no figure can be made of it.
 */
final class MembershipSide implements AutoCloseable {
  static final String API = "api-1";
  private static final int START_SECONDS = 120;
  private static final int PEACE_SECONDS = 60;

  /** Whose members these are. */
  private enum Kind {
    OURS,
    MEMBERLIST
  }

  private final Kind kind;
  private final MembershipLab lab;
  private final int agents;
  private final String program;
  private final Map<String, MembershipProcess> members = new HashMap<>();

  private MembershipSide(Kind kind, MembershipLab lab, int agents, String program) {
    this.kind = kind;
    this.lab = lab;
    this.agents = agents;
    this.program = program;
  }

  /** Members of n0core. */
  static MembershipSide ours(MembershipLab lab, int agents) throws Exception {
    return new MembershipSide(Kind.OURS, lab, agents, "").started();
  }

  /** Members of memberlist, by a program that was compiled. */
  static MembershipSide memberlist(MembershipLab lab, int agents, Path program) throws Exception {
    return new MembershipSide(Kind.MEMBERLIST, lab, agents, program.toString()).started();
  }

  private MembershipSide started() throws IOException, InterruptedException {
    boot(API);
    for (String name : agentNames()) {
      boot(name);
    }
    for (String name : names()) {
      join(name);
    }
    return this;
  }

  MembershipLab lab() {
    return lab;
  }

  MembershipProcess member(String name) {
    MembershipProcess member = members.get(name);
    if (member == null) {
      throw new IllegalStateException("no member " + name);
    }
    return member;
  }

  MembershipProcess api() {
    return member(API);
  }

  static String agent(int number) {
    return "node-" + number;
  }

  List<String> agentNames() {
    List<String> names = new ArrayList<>();
    for (int i = 1; i <= agents; i++) {
      names.add(agent(i));
    }
    return names;
  }

  List<String> names() {
    List<String> names = new ArrayList<>(agentNames());
    names.add(0, API);
    return names;
  }

  /** The host of a member, counted from 1. */
  static int host(String name) {
    return name.equals(API) ? 1 : 1 + Integer.parseInt(name.substring(5));
  }

  /** Starts a process that does not join yet. */
  MembershipProcess boot(String name) throws IOException {
    return boot(name, name.equals(API) ? "" : MembershipLab.address(1));
  }

  /** Starts a process with other seeds. */
  MembershipProcess boot(String name, String seeds) throws IOException {
    String role = name.equals(API) ? "api" : "agent";
    String own = MembershipLab.address(host(name));
    List<String> command = kind == Kind.MEMBERLIST
        ? List.of(program, role, name, own, seeds)
        : MembershipLab.java(
            name.equals(API) ? "128m" : "64m",
            MemberMain.class,
            role,
            name,
            own,
            seeds,
            lab.secret().toString(),
            lab.directory().resolve("store").toString());
    MembershipProcess started = lab.start(host(name), command);
    members.put(name, started);
    return started;
  }

  void join(String name) throws IOException, InterruptedException {
    MembershipProcess member = member(name);
    member.need(0, "up", START_SECONDS);
    member.write("join");
    member.need(0, "joined", START_SECONDS);
  }

  /** When the API holds an agent to be gone, after its line of a number. */
  OptionalLong gone(String name, int from, int seconds) throws InterruptedException {
    return first(
        from,
        seconds,
        line -> kind == Kind.MEMBERLIST
            ? line.isView() && !line.view().contains(name)
            : line.text().equals("change " + name + " NOT_READY"));
  }

  /** When the API holds an agent to be back. */
  OptionalLong back(String name, int from, int seconds) throws InterruptedException {
    return first(
        from,
        seconds,
        line -> kind == Kind.MEMBERLIST
            ? line.isView() && line.view().contains(name)
            : line.text().equals("change " + name + " READY"));
  }

  private OptionalLong first(int from, int seconds, Predicate<MembershipProcess.Line> wanted)
      throws InterruptedException {
    return api().await(from, wanted, seconds).stream()
        .mapToLong(MembershipProcess.Line::nanos)
        .findFirst();
  }

  /** When the last of the others came to see a member no more. */
  OptionalLong unseen(String name, int seconds) throws InterruptedException {
    long last = Long.MIN_VALUE;
    for (String other : names()) {
      if (!other.equals(name)) {
        OptionalLong seen = member(other).awaitView(view -> !view.contains(name), seconds);
        if (seen.isEmpty()) {
          return seen;
        }
        last = Math.max(last, seen.getAsLong());
      }
    }
    return OptionalLong.of(last);
  }

  /** When the API came to see all. */
  OptionalLong full(int seconds) throws InterruptedException {
    Set<String> all = new HashSet<>(names());
    return api().awaitView(view -> all.equals(new HashSet<>(view)), seconds);
  }

  /** Waits until everybody sees all, and the API holds all agents to be there. */
  void awaitPeace() throws IOException, InterruptedException {
    Set<String> all = new HashSet<>(names());
    for (String name : names()) {
      MembershipProcess member = member(name);
      if (member
          .awaitView(view -> all.equals(new HashSet<>(view)), PEACE_SECONDS)
          .isEmpty()) {
        throw new IOException(String.format(
            Locale.ROOT,
            "%s: %s does not see all within %d s, but %s",
            kind,
            name,
            PEACE_SECONDS,
            member.lastView().map(MembershipProcess.Line::text).orElse("nobody")));
      }
    }
    if (kind == Kind.OURS) {
      for (String name : agentNames()) {
        var unused = api().need(lastChange(name), "change " + name + " READY", PEACE_SECONDS);
      }
    }
  }

  /** Puts everything in order again, however it was left; starts all anew if nothing else helps. */
  void restore() throws IOException, InterruptedException {
    for (String name : names()) {
      MembershipProcess member = member(name);
      boolean joined = member.from(0).stream().anyMatch(line -> line.text().equals("joined"));
      boolean left = member.from(0).stream().anyMatch(line -> line.text().equals("leaving"));
      if (!member.alive() || !joined || left) {
        member.kill();
        var unused = boot(name);
        join(name);
      } else {
        member.signal("CONT");
      }
    }
    try {
      awaitPeace();
    } catch (IOException e) {
      System.err.println("all are started again: " + e.getMessage());
      for (String name : names()) {
        member(name).kill();
      }
      var unused = started();
      awaitPeace();
    }
  }

  /** The number of the line that tells of an agent's last state; 0 if none does. */
  private int lastChange(String name) {
    List<MembershipProcess.Line> lines = api().from(0);
    for (int i = lines.size() - 1; i >= 0; i--) {
      if (lines.get(i).text().startsWith("change " + name + " ")) {
        return i;
      }
    }
    return 0;
  }

  /** How often the API has held an agent to be gone, and how often anybody has, since lines. */
  int[] lost(Map<String, Integer> since) {
    int[] lost = {0, 0};
    for (String name : names()) {
      int from = since.getOrDefault(name, 0);
      int removed = removed(member(name), from);
      lost[1] += removed;
      if (name.equals(API)) {
        lost[0] = kind == Kind.MEMBERLIST
            ? removed
            : (int) api().from(from).stream()
                .filter(line -> line.text().startsWith("change "))
                .filter(line -> !line.text().endsWith(" READY"))
                .count();
      }
    }
    return lost;
  }

  private static int removed(MembershipProcess member, int from) {
    int removed = 0;
    List<String> before = List.of();
    List<MembershipProcess.Line> lines = member.from(0);
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).isView()) {
        List<String> view = lines.get(i).view();
        removed += i < from
            ? 0
            : (int) before.stream().filter(one -> !view.contains(one)).count();
        before = view;
      }
    }
    return removed;
  }

  /** The numbers of everybody's next lines. */
  Map<String, Integer> marks() {
    Map<String, Integer> marks = new HashMap<>();
    members.forEach((name, member) -> marks.put(name, member.count()));
    return marks;
  }

  static OptionalDouble seconds(long from, OptionalLong to) {
    return to.isPresent()
        ? OptionalDouble.of((to.getAsLong() - from) / 1e9)
        : OptionalDouble.empty();
  }

  @Override
  public void close() {
    lab.close();
  }
}
