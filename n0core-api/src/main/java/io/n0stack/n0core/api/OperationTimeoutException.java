package io.n0stack.n0core.api;

import java.time.Duration;

/**
 * Nothing came back within the time allowed; what was asked for may or may not have happened.
 *
 * @since 0.1
 */
public class OperationTimeoutException extends N0Exception {
  private static final long serialVersionUID = 1L;

  private final Duration timeout;

  /**
   * Creates an exception for an expired wait.
   *
   * @param operation what was waited for, such as {@code query-status of machine "web1"}
   * @param timeout how long the wait was
   */
  public OperationTimeoutException(String operation, Duration timeout) {
    super(
        Code.UNAVAILABLE,
        operation,
        operation + ": no answer within " + timeout.toMillis() + " ms");
    this.timeout = timeout;
  }

  /**
   * Returns how long the wait was.
   *
   * @return the limit that expired
   */
  public Duration timeout() {
    return timeout;
  }
}
