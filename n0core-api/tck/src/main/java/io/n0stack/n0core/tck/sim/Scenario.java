package io.n0stack.n0core.tck.sim;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.Recovery;
import io.n0stack.n0core.api.driver.Reference;
import java.util.List;
import java.util.Set;

/**
 * What a client asks of an agent that may die at any point, and what must come of it. It is prepared once
 * for all schedules, and may keep in its fields what it learns then.
 *
 * @since 0.1
 */
public interface Scenario {
  /**
   * What was found at the end of the last life, after all that had to happen had time to.
   *
   * @param host the host
   * @param agent the last agent, still open
   * @param recovery what that agent found when it was opened
   * @param acknowledged whether the request returned without a failure in some life
   * @param deaths the points at which agents died
   */
  record Outcome(
      SimHost host, Agent agent, Recovery recovery, boolean acknowledged, List<String> deaths) {
    /** Copies the list. */
    public Outcome {
      deaths = List.copyOf(deaths);
    }
  }

  /**
   * Brings about the state in which the request finds the host.
   *
   * @param agent an agent that does not die
   */
  default void prepare(Agent agent) {}

  /**
   * Does to the host what agents do not do, between the preparation and the request.
   *
   * @param host the host, on which nothing runs
   */
  default void disturb(SimHost host) {}

  /**
   * Asks. Called again in a later life by a client that retries.
   *
   * @param agent an agent that may die
   * @throws InterruptedException if the client is interrupted while it waits
   */
  void request(Agent agent) throws InterruptedException;

  /**
   * Lists what is wrong in the end.
   *
   * @param outcome the end, with the store kept
   * @return what is wrong, for people; empty if nothing is
   */
  List<String> wrong(Outcome outcome);

  /**
   * Names what may be FAILED in the end.
   *
   * @return resources
   */
  default Set<Reference> mayFail() {
    return Set.of();
  }

  /**
   * Says whether a client may ask again after a death.
   *
   * @return false for what is done at most once
   */
  default boolean repeatable() {
    return true;
  }
}
