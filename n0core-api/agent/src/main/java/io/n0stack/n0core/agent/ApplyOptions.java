package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.driver.Disruption;

/**
 * How a spec is applied.
 *
 * @param onFailure what happens when that fails
 * @param disruption the most that a change of what already runs may disrupt
 * @since 0.1
 */
public record ApplyOptions(OnFailure onFailure, Disruption disruption) {
  /**
   * Returns what fits most requests: what fails is tried again, and nothing is disrupted.
   *
   * @return the defaults
   */
  public static ApplyOptions defaults() {
    return new ApplyOptions(OnFailure.RETRY, Disruption.NONE);
  }

  /**
   * Changes what happens on failure.
   *
   * @param policy the policy
   * @return a changed copy
   */
  public ApplyOptions withOnFailure(OnFailure policy) {
    return new ApplyOptions(policy, disruption);
  }

  /**
   * Changes what may be disrupted.
   *
   * @param most the most
   * @return a changed copy
   */
  public ApplyOptions withDisruption(Disruption most) {
    return new ApplyOptions(onFailure, most);
  }
}
