package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry;
import io.n0stack.n0core.api.node.NodeRegistry.Entry;
import io.n0stack.n0core.api.node.NodeState;
import io.n0stack.n0core.api.node.Reservation;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.api.node.Scheduling;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/**
 * Chooses the READY node that has the fewest of the group in its place, and of those the one on which
 * most of the scarcest resource stays free. Of equals the first by name. Thread-safe.
 *
 * @since 0.1
 */
public final class CapacityScheduler implements Scheduling {
  private final NodeRegistry registry;
  private final StoreReservations reservations;

  private CapacityScheduler(NodeRegistry registry, StoreReservations reservations) {
    this.registry = registry;
    this.reservations = reservations;
  }

  /**
   * Chooses among the nodes of a registry.
   *
   * @param registry knows the nodes and their states
   * @param reservations knows what of them is taken
   * @return the scheduler
   */
  public static CapacityScheduler of(NodeRegistry registry, StoreReservations reservations) {
    return new CapacityScheduler(registry, reservations);
  }

  /**
   * A node that will do.
   *
   * @param neighbours how many of the group are in its place
   * @param free how much of the scarcest resource stays free, 0 to 1
   */
  private record Candidate(Node node, int neighbours, double free) {}

  private static final Comparator<Candidate> BEST_FIRST = Comparator.comparingInt(
          Candidate::neighbours)
      .thenComparing(Comparator.comparingDouble(Candidate::free).reversed())
      .thenComparing(candidate -> candidate.node().name());

  @Override
  public Decision schedule(Resources request, Constraints constraints) {
    List<Entry> nodes = registry.nodes();
    Map<String, Resources> reserved = reservations.reservedByNode();
    Map<String, Integer> group = places(nodes, constraints);
    List<Candidate> candidates = new ArrayList<>();
    List<Verdict> refused = new ArrayList<>();
    for (Entry entry : nodes) {
      Node node = entry.node();
      Resources free = node.resources().minus(reserved.getOrDefault(node.name(), Resources.NONE));
      Optional<String> refusal = refusal(entry, free, request, constraints);
      if (refusal.isPresent()) {
        refused.add(new Verdict(node.name(), 0, refusal.get()));
      } else {
        int neighbours = group.getOrDefault(place(node, constraints.spread()), 0);
        candidates.add(new Candidate(node, neighbours, left(node.resources(), free, request)));
      }
    }
    candidates.sort(BEST_FIRST);
    List<Verdict> verdicts = new ArrayList<>();
    for (Candidate candidate : candidates) {
      String reason = reason(candidate, constraints.spread());
      verdicts.add(new Verdict(candidate.node().name(), verdicts.size() + 1, reason));
    }
    verdicts.addAll(refused);
    Optional<String> chosen =
        candidates.stream().findFirst().map(best -> best.node().name());
    return new Decision(chosen, verdicts);
  }

  private static Optional<String> refusal(
      Entry entry, Resources free, Resources request, Constraints constraints) {
    if (entry.state() != NodeState.READY) {
      return Optional.of("it is " + entry.state());
    }
    for (Map.Entry<String, String> label : constraints.labels().entrySet()) {
      Optional<String> value = Optional.ofNullable(entry.node().labels().get(label.getKey()));
      if (!value.equals(Optional.of(label.getValue()))) {
        String found = value.map(text -> "is \"" + text + "\"").orElse("is missing");
        return Optional.of(
            "label " + label.getKey() + " " + found + ", wanted \"" + label.getValue() + "\"");
      }
    }
    List<String> missing = free.shortOf(request);
    return missing.isEmpty() ? Optional.empty() : Optional.of(String.join("; ", missing));
  }

  /** Counts the group's members in each place. */
  private Map<String, Integer> places(List<Entry> nodes, Constraints constraints) {
    Map<String, Integer> counts = new HashMap<>();
    if (constraints.spread() == Spread.NONE) {
      return counts;
    }
    Map<String, Node> byName = new HashMap<>();
    nodes.forEach(entry -> byName.put(entry.node().name(), entry.node()));
    for (UUID owner : constraints.group()) {
      reservations
          .find(owner)
          .map(Reservation::node)
          .flatMap(name -> Optional.ofNullable(byName.get(name)))
          .ifPresent(node -> counts.merge(place(node, constraints.spread()), 1, Integer::sum));
    }
    return counts;
  }

  /** Names a place with all that it lies in, because racks of one name stand in many zones. */
  private static String place(Node node, Spread spread) {
    if (spread == Spread.NODE || spread == Spread.NONE) {
      return "node " + node.name();
    }
    if (node.placement().isEmpty()) {
      return "an unknown place"; // the same for all: nothing says that they are apart
    }
    Node.Placement at = node.placement().get();
    return switch (spread) {
      case DATACENTER -> "datacenter " + at.datacenter();
      case ZONE -> "zone " + at.datacenter() + "/" + at.zone();
      case CELL -> "cell " + at.datacenter() + "/" + at.zone() + "/" + at.cell();
      default -> "rack " + at.datacenter() + "/" + at.zone() + "/" + at.cell() + "/" + at.rack();
    };
  }

  private static double left(Resources capacity, Resources free, Resources request) {
    Resources left = free.minus(request);
    double least = 1;
    for (Map.Entry<String, Long> total : capacity.byName().entrySet()) {
      if (total.getValue() > 0) {
        double part = (double) left.byName().getOrDefault(total.getKey(), 0L) / total.getValue();
        least = Math.min(least, part);
      }
    }
    return least;
  }

  private static String reason(Candidate candidate, Spread spread) {
    long percent = Math.round(candidate.free() * 100);
    String free = percent + " % of its scarcest resource stays free";
    return spread == Spread.NONE
        ? free
        : candidate.neighbours() + " of the group in " + place(candidate.node(), spread) + "; "
            + free;
  }
}
