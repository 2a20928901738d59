package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;

/**
 * Work that the agent does on one resource. Thread-safe.
 *
 * @param <R> the type of the result
 * @since 0.1
 */
public interface Operation<R> {
  /** How far an operation has come. */
  enum State {
    /** It waits for a worker or for its resource. */
    QUEUED,
    /** It is being done. */
    RUNNING,
    /** It was done. */
    SUCCEEDED,
    /** It failed. */
    FAILED,
    /** It was cancelled before it was done. */
    CANCELLED
  }

  /**
   * Returns the operation's own identity.
   *
   * @return a random uid
   */
  UUID id();

  /**
   * Returns what is worked on.
   *
   * @return the resource
   */
  ResourceId target();

  /**
   * Returns what is done.
   *
   * @return {@code apply}, {@code delete} or the verb given to {@link Agent#act}
   */
  String verb();

  /**
   * Returns how far it has come.
   *
   * @return the state now
   */
  State state();

  /**
   * Returns the step it is at.
   *
   * @return the name of the last step begun, empty before the first
   */
  String step();

  /**
   * Returns how much of the step is done, as the driver reports it.
   *
   * @return 0 to 1
   */
  double progress();

  /**
   * Returns the future of the result. It is completed without any lock held, on the worker's thread, or,
   * if a driver does not return, on the thread that closes the agent;
   * completing or cancelling it from outside changes nothing of the operation.
   *
   * @return a future of its own
   */
  CompletableFuture<R> done();

  /**
   * Waits for the result.
   *
   * @param limit how long
   * @return the result
   * @throws N0Exception what the operation failed with; {@code OperationTimeoutException} if it is not
   *     done within the limit, and then it goes on
   */
  R await(Duration limit);

  /**
   * Asks the operation to stop at its next step and wakes it from waiting.
   *
   * @param why the reason, for people
   * @return whether it was not done yet
   */
  boolean cancel(String why);
}
