package io.n0stack.n0core.kvm.guest;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;

/**
 * The guest's agent answered a command with an error.
 *
 * @since 0.1
 */
public final class GuestAgentException extends N0Exception {
  private static final long serialVersionUID = 1L;

  private final String errorClass;
  private final String command;
  private final String description;

  GuestAgentException(String agent, String command, String errorClass, String description) {
    super(
        errorClass.equals("CommandNotFound") ? Code.UNSUPPORTED : Code.PRECONDITION,
        agent,
        command + " by " + agent + ": the guest says " + Rules.quote(description));
    this.errorClass = errorClass;
    this.command = command;
    this.description = description;
  }

  /**
   * Returns the agent's error class.
   *
   * @return a name such as {@code GenericError} or {@code CommandNotFound}, in the guest's words
   */
  public String errorClass() {
    return errorClass;
  }

  /**
   * Returns what the agent refused.
   *
   * @return the command's name
   */
  public String command() {
    return command;
  }

  /**
   * Returns why.
   *
   * @return the guest's words, which are not escaped: never log them as they are
   */
  public String description() {
    return description;
  }
}
