package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.Spec;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the kit needs to know of a driver to try it on its real data plane.
 *
 * @param <S> the type of the spec
 * @param <T> the type of the status
 */
public interface DriverFixture<S extends Spec, T> {
  /**
   * Creates a new driver on the same data plane, as a restarted process would.
   *
   * @return the driver, which the kit closes
   */
  Driver<S, T> open();

  /**
   * Returns a spec that the driver can realise.
   *
   * @return the same spec at each call
   */
  S spec();

  /**
   * Returns a spec into which a resource of {@link #spec()} can be changed.
   *
   * @return the changed spec, empty if nothing of it can be changed
   */
  default Optional<S> changed() {
    return Optional.empty();
  }

  /**
   * Returns what the specs depend on.
   *
   * @return statuses by reference
   */
  default Map<Reference, Object> dependencies() {
    return Map.of();
  }

  /**
   * Lists all there is on the data plane, whoever made it: links, files, processes. The kit compares
   * the list before and after.
   *
   * @return one line per thing, sorted
   */
  List<String> residue();

  /**
   * Returns what must not change when the same spec is applied again, such as a process id.
   *
   * @param status a status
   * @return the part of it that shows a disruption
   */
  default Object identity(T status) {
    return status;
  }
}
