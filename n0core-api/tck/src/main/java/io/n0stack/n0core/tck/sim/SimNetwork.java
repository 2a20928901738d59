package io.n0stack.n0core.tck.sim;

import io.n0stack.n0core.api.node.Member;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The network between simulated hosts, as far as members see it: cut in one direction or both, and
 * healed. A member that cannot be heard is missed after {@link #DETECTION}.
 *
 * @since 0.1
 */
public final class SimNetwork {
  /** How long a member may be silent before others miss it, in virtual time. */
  public static final Duration DETECTION = Duration.ofSeconds(4);

  private static final Duration SOON = Duration.ofMillis(100);

  private record Way(String from, String to) {}

  private final Simulation simulation;
  private final Map<String, SimMembership> joined = new TreeMap<>();
  private final Map<String, Duration> silentSince = new HashMap<>();
  private final Map<Way, Duration> cutSince = new HashMap<>();

  SimNetwork(Simulation simulation) {
    this.simulation = simulation;
  }

  /**
   * Makes the membership of a process. It dies with the process.
   *
   * @param process the process; its host's name is the member's
   * @return the membership, not joined yet
   */
  public SimMembership membership(SimProcess process) {
    return new SimMembership(this, process, simulation.random().nextInt());
  }

  /**
   * Cuts the way from one host to another.
   *
   * @param from who is not heard any more
   * @param to by whom
   */
  public void cut(String from, String to) {
    cutSince.putIfAbsent(new Way(from, to), simulation.now());
    simulation.note("cut from " + from + " to " + to);
    lookLater();
  }

  /**
   * Separates hosts from all others, in both directions.
   *
   * @param some the names of the hosts on one side
   */
  public void partition(Set<String> some) {
    Set<String> all = new TreeSet<>(joined.keySet());
    for (String one : new TreeSet<>(some)) {
      for (String other : all) {
        if (!some.contains(other)) {
          cutSince.putIfAbsent(new Way(one, other), simulation.now());
          cutSince.putIfAbsent(new Way(other, one), simulation.now());
        }
      }
    }
    simulation.note("partition of " + some.size());
    lookLater();
  }

  /** Mends all cuts. */
  public void heal() {
    cutSince.clear();
    simulation.note("healed");
    lookLater();
  }

  void join(SimMembership membership) {
    joined.put(membership.self().name(), membership);
    silentSince.remove(membership.self().name());
    lookLater();
  }

  void leave(SimMembership membership) {
    if (joined.remove(membership.self().name(), membership)) {
      lookLater();
    }
  }

  /** Silences what a process had joined with. */
  void died(SimProcess process) {
    joined.values().stream()
        .filter(membership -> membership.process() == process)
        .toList()
        .forEach(this::silence);
  }

  /** Forgets nothing: others find out by the silence. */
  void silence(SimMembership membership) {
    if (joined.get(membership.self().name()) == membership) {
      silentSince.putIfAbsent(membership.self().name(), simulation.now());
      lookLater();
    }
  }

  Set<Member> seenBy(SimMembership membership) {
    String self = membership.self().name();
    if (joined.get(self) != membership) {
      return Set.of();
    }
    return joined.values().stream()
        .filter(other -> heard(other, self))
        .map(SimMembership::self)
        .collect(Collectors.toUnmodifiableSet());
  }

  private boolean heard(SimMembership other, String self) {
    String name = other.self().name();
    return recent(silentSince.get(name))
        && recent(cutSince.get(new Way(name, self)))
        && recent(cutSince.get(new Way(self, name)));
  }

  private boolean recent(@Nullable Duration since) {
    return since == null || simulation.now().minus(since).compareTo(DETECTION) < 0;
  }

  private void lookLater() {
    simulation.at(SOON, this::look);
    simulation.at(DETECTION.plus(SOON), this::look);
  }

  private void look() {
    joined.values().stream().toList().forEach(SimMembership::look);
  }
}
