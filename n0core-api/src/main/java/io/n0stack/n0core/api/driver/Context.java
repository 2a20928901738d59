package io.n0stack.n0core.api.driver;

import io.n0stack.n0core.api.N0Exception;
import java.time.Duration;
import java.util.Optional;

/**
 * What the caller lends a driver for one call: progress, cancellation, deadline, dependencies.
 *
 * <p>Used only on the thread of the call and only until the call returns.
 *
 * @since 0.1
 */
public interface Context {
  /**
   * A piece of work with a result.
   *
   * @param <R> the type of the result
   */
  @FunctionalInterface
  interface Step<R> {
    /**
     * Does the work.
     *
     * @return the result
     * @throws Exception whatever went wrong; anything but an {@link N0Exception} is wrapped in one
     */
    R run() throws Exception;
  }

  /** A piece of work without a result. */
  @FunctionalInterface
  interface Action {
    /**
     * Does the work.
     *
     * @throws Exception whatever went wrong; anything but an {@link N0Exception} is wrapped in one
     */
    void run() throws Exception;
  }

  /**
   * Does one side effect under a name. Between two steps the operation may be cancelled and the
   * process may die; whatever the steps so far have made must bear the resource's stamp.
   *
   * @param name what is being done, in the imperative, such as {@code create tap}
   * @param body the work; done once, on this thread
   * @param <R> the type of the result
   * @return what the body returned
   * @throws N0Exception CANCELLED, before the body, if the operation was cancelled; UNAVAILABLE if its
   *     deadline has passed; otherwise what the body threw
   */
  <R> R step(String name, Step<R> body);

  /**
   * Does one side effect without a result; otherwise as {@link #step(String, Step)}.
   *
   * @param name what is being done, in the imperative, such as {@code create tap}
   * @param body the work
   * @throws N0Exception as for {@link #step(String, Step)}
   */
  void step(String name, Action body);

  /**
   * Tells how far a long step has come; called from its loop.
   *
   * @param fraction how much is done, 0 to 1
   * @param message what is going on, for people
   * @throws N0Exception CANCELLED if the operation was cancelled; UNAVAILABLE if its deadline passed
   */
  void progress(double fraction, String message);

  /**
   * Returns the time left. A driver gives each outside call at most this much.
   *
   * @return zero or more
   */
  Duration remaining();

  /**
   * Returns the most that a change of what already runs may disrupt. A driver that cannot make a change
   * within that refuses it before any side effect.
   *
   * @return {@link Disruption#NONE} unless whoever asked allowed more
   */
  default Disruption disruption() {
    return Disruption.NONE;
  }

  /**
   * Returns the status of a resource that this one depends on.
   *
   * @param kind its kind
   * @param name its name
   * @param status the type its driver reports
   * @param <T> the type of the status
   * @return the status, observed during this operation
   * @throws N0Exception PRECONDITION if there is no such resource or it is not READY
   */
  <T> T require(String kind, String name, Class<T> status);

  /**
   * Returns who a resource that this one depends on is, for a capability of its driver.
   *
   * @param kind its kind
   * @param name its name
   * @return its identity, empty if there is none or it cannot be told here
   */
  default Optional<ResourceId> identify(String kind, String name) {
    return Optional.empty();
  }

  /**
   * Returns a capability of another driver in the same agent.
   *
   * @param kind the kind that driver is for
   * @param type the capability
   * @param <C> the type of the capability
   * @return the capability, empty if there is no such driver or it lacks it
   */
  <C> Optional<C> capability(String kind, Class<C> type);
}
