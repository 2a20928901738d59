package io.n0stack.n0core.api;

import static java.util.Objects.requireNonNull;

/**
 * Root of every exception that n0core throws for a reason outside the calling code.
 *
 * <p>The message names the operation, the quoted object and the reason, such as {@code add link
 * "br0": File exists (EEXIST)}. Callers branch on {@link #code()} or on the subclass, never on the
 * text. Mistakes of the calling program stay {@link IllegalArgumentException} and {@link
 * IllegalStateException}.
 *
 * @since 0.1
 */
public class N0Exception extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What kind of failure it is; decides whether asking again can help. */
  public enum Code {
    /** A value breaks a rule; the same request will never succeed. */
    INVALID,
    /** The object does not exist. */
    NOT_FOUND,
    /** An object of that name exists already and is not what was asked for. */
    ALREADY_EXISTS,
    /** The object, or one it depends on, is not in a state that allows the request. */
    PRECONDITION,
    /** Space, memory, descriptors or a quota ran out. */
    EXHAUSTED,
    /** Something else is using the object now; asking again later can help. */
    BUSY,
    /** The driver, kernel or tool cannot do this at all. */
    UNSUPPORTED,
    /** The process lacks a right that the request needs. */
    PERMISSION,
    /** The backend did not answer; the outcome or the state is not known. */
    UNAVAILABLE,
    /** The request was cancelled. */
    CANCELLED,
    /** A defect in n0core or in a driver. */
    INTERNAL
  }

  private final Code code;
  private final String subject;

  /**
   * Creates an exception without a cause.
   *
   * @param code what kind of failure it is
   * @param subject the object concerned, such as {@code machine "web1"}
   * @param message what was attempted, on what, and why it failed
   */
  public N0Exception(Code code, String subject, String message) {
    super(message);
    this.code = requireNonNull(code, "code");
    this.subject = requireNonNull(subject, "subject");
  }

  /**
   * Creates an exception caused by another.
   *
   * @param code what kind of failure it is
   * @param subject the object concerned, such as {@code machine "web1"}
   * @param message what was attempted, on what, and why it failed
   * @param cause the failure underneath
   */
  public N0Exception(Code code, String subject, String message, Throwable cause) {
    super(message, cause);
    this.code = requireNonNull(code, "code");
    this.subject = requireNonNull(subject, "subject");
  }

  /**
   * Says that a field of a request breaks a rule.
   *
   * @param field the field's name
   * @param value the value found; control characters are escaped and the text is cut at 80 characters
   * @param rule what the value must be, such as {@code must be 1 to 63 characters}
   * @return an exception with code {@link Code#INVALID}, not yet thrown
   */
  public static N0Exception invalid(String field, Object value, String rule) {
    return new N0Exception(
        Code.INVALID,
        field,
        "invalid " + field + " " + Rules.quote(String.valueOf(value)) + ": " + rule);
  }

  /**
   * Says that a wait ended because the thread was interrupted, and restores the interrupt flag.
   *
   * @param operation what was being waited for
   * @param cause the interruption
   * @return an exception with code {@link Code#CANCELLED}, not yet thrown
   */
  public static N0Exception interrupted(String operation, Throwable cause) {
    Thread.currentThread().interrupt();
    return new N0Exception(Code.CANCELLED, operation, operation + ": interrupted", cause);
  }

  /**
   * Returns the kind of failure.
   *
   * @return the code
   */
  public Code code() {
    return code;
  }

  /**
   * Returns the object concerned.
   *
   * @return a text such as {@code machine "web1"} or the name of an invalid field
   */
  public String subject() {
    return subject;
  }
}
