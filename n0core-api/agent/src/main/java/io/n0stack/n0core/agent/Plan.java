package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Reference;
import java.util.List;
import java.util.regex.Pattern;

/**
 * What applying a bundle would do, found without doing anything.
 *
 * @param entries one per resource, in the order in which they would be applied
 * @since 0.1
 */
public record Plan(List<Entry> entries) {
  /** What would be done with one resource. */
  public enum Action {
    /** It is as it should be. */
    NONE,
    /** It would be made. */
    CREATE,
    /** It would be changed while it is in use. */
    CHANGE_LIVE,
    /** It would be changed by stopping and starting it, which has to be allowed. */
    CHANGE_BY_RESTART,
    /** It is half made or has drifted, and would be made what its spec says already. */
    REPAIR,
    /** The request would be refused. */
    REFUSE
  }

  /**
   * A component of a spec that would change.
   *
   * @param component its name, {@code type} if the case of a sealed family changes
   * @param from its value as JSON; empty if it has none
   * @param to its future value as JSON; empty if it will have none
   * @param how how it can be changed
   */
  public record Change(String component, String from, String to, Driver.Change how) {
    private static final Pattern SECRET =
        Pattern.compile("(\"https?://[^\"?#]*)[?#][^\"]*\"", Pattern.CASE_INSENSITIVE);

    /** Returns a text for people, without the queries of addresses: of one that was signed in advance it is a secret. */
    @Override
    public String toString() {
      return component + " " + shown(from) + " -> " + shown(to) + " (" + how + ")";
    }

    private static String shown(String json) {
      return json.isEmpty() ? "none" : SECRET.matcher(json).replaceAll("$1?...\"");
    }
  }

  /**
   * What would be done with one resource.
   *
   * @param reference the resource
   * @param action what
   * @param changes the components of the spec that would change
   * @param why the reason, for people; empty where the action says all
   */
  public record Entry(Reference reference, Action action, List<Change> changes, String why) {
    /** Copies the list. */
    public Entry {
      changes = List.copyOf(changes);
    }
  }

  /** Copies the list. */
  public Plan {
    entries = List.copyOf(entries);
  }
}
