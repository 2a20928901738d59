package io.n0stack.n0core.api;

/**
 * A request was sent and then the line went dead: it may have happened. Look before asking again.
 *
 * @since 0.1
 */
public class UnknownOutcomeException extends N0Exception {
  private static final long serialVersionUID = 1L;

  /**
   * Creates an exception for a request whose answer was lost.
   *
   * @param operation what was asked, such as {@code device_add of machine "web1"}
   * @param cause why the answer is missing
   */
  public UnknownOutcomeException(String operation, Throwable cause) {
    super(
        Code.UNAVAILABLE,
        operation,
        operation + ": sent, but the answer was lost; it may have happened: " + cause.getMessage(),
        cause);
  }
}
