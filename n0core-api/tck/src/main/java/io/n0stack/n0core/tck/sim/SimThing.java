package io.n0stack.n0core.tck.sim;

import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;

/**
 * Something on a simulated host.
 *
 * @param id its stamp
 * @param incarnation a number that no other thing on the host has or had
 * @param starts how often it was started
 * @param spec what it is
 * @param complete whether it is finished
 * @since 0.1
 */
public record SimThing(ResourceId id, int incarnation, int starts, Spec spec, boolean complete) {
  SimThing being(Spec desired) {
    return new SimThing(id, incarnation, starts, desired, complete);
  }

  SimThing complete(boolean now) {
    return new SimThing(id, incarnation, starts, spec, now);
  }

  SimThing restarted() {
    return new SimThing(id, incarnation, starts + 1, spec, complete);
  }
}
