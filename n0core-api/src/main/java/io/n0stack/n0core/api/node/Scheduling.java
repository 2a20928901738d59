package io.n0stack.n0core.api.node;

import io.n0stack.n0core.api.Rules;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * Chooses a node for a request, and says why.
 *
 * @since 0.1
 */
public interface Scheduling {
  /** What should not fail together. */
  enum Spread {
    /** Does not matter. */
    NONE,
    /** Different hosts. */
    NODE,
    /** Different racks. */
    RACK,
    /** Different cells. */
    CELL,
    /** Different zones. */
    ZONE,
    /** Different datacenters. */
    DATACENTER
  }

  /**
   * What the choice must and should heed.
   *
   * @param labels the labels that the node must have, with their values
   * @param spread which places should be different from those of the group's members
   * @param group the owners that belong together
   */
  record Constraints(Map<String, String> labels, Spread spread, Set<UUID> group) {
    /** No constraint. */
    public static final Constraints NONE = new Constraints(Map.of(), Spread.NONE, Set.of());

    /** Copies. */
    public Constraints {
      labels = Map.copyOf(labels);
      group = Set.copyOf(group);
    }

    /**
     * Demands a label.
     *
     * @param key its key
     * @param value its value
     * @return a changed copy
     */
    public Constraints withLabel(String key, String value) {
      Map<String, String> more = new HashMap<>(labels);
      more.put(key, value);
      return new Constraints(more, spread, group);
    }

    /**
     * Spreads over places.
     *
     * @param places which places should be different
     * @param owners the owners that belong together
     * @return a changed copy
     */
    public Constraints withSpread(Spread places, Set<UUID> owners) {
      return new Constraints(labels, places, owners);
    }
  }

  /**
   * What came of one node.
   *
   * @param node its name
   * @param rank 1 for the chosen one, 2 for the next best; 0 if it was refused
   * @param reason why it was refused, or what its rank follows from
   */
  record Verdict(String node, int rank, String reason) {
    /** Checks the name. */
    public Verdict {
      Rules.label("node", node);
    }
  }

  /**
   * A choice.
   *
   * @param node the chosen node, empty if none will do
   * @param verdicts every node that has a record: the best first, then those that were refused
   */
  record Decision(Optional<String> node, List<Verdict> verdicts) {
    /** Copies. */
    public Decision {
      verdicts = List.copyOf(verdicts);
    }

    /**
     * Writes the choice and its reasons.
     *
     * @return one line for each node
     */
    public String explanation() {
      StringBuilder text =
          new StringBuilder(node.map(name -> "chose " + name).orElse("no node will do"));
      for (Verdict verdict : verdicts) {
        text.append("\n  ").append(verdict.node());
        text.append(verdict.rank() == 0 ? ": refused, " : ": rank " + verdict.rank() + ", ");
        text.append(verdict.reason());
      }
      return text.toString();
    }
  }

  /**
   * Chooses among the nodes that are READY. Nothing is reserved by it: another process may be quicker,
   * and then {@link Reservations#reserve} is refused and the choice is to be made anew.
   *
   * @param request how much is wanted
   * @param constraints what to heed
   * @return the choice, with its reasons
   */
  Decision schedule(Resources request, Constraints constraints);
}
