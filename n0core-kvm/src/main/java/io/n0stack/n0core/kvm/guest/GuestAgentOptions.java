package io.n0stack.n0core.kvm.guest;

import io.n0stack.n0core.api.Rules;
import java.time.Duration;

/**
 * What a guest agent's client allows.
 *
 * @param sync the time allowed to bring both sides into step
 * @param command the time allowed for an answer
 * @param answerBytes the longest answer
 * @param port what tells whether there is an agent
 * @since 0.1
 */
public record GuestAgentOptions(Duration sync, Duration command, int answerBytes, GuestPort port) {
  private static final int MOST = 64 << 20;

  /** Checks the values. */
  public GuestAgentOptions {
    Rules.range("sync", sync.toMillis(), 1, Integer.MAX_VALUE);
    Rules.range("command", command.toMillis(), 1, Integer.MAX_VALUE);
    Rules.range("answerBytes", answerBytes, 4096, MOST);
  }

  /**
   * Allows 5 seconds for a sync, 30 for an answer and 64 MiB for its length, and takes silence for
   * an agent that is busy.
   *
   * @return the options
   */
  public static GuestAgentOptions defaults() {
    return new GuestAgentOptions(Duration.ofSeconds(5), Duration.ofSeconds(30), MOST, () -> true);
  }

  /**
   * Returns the same with another limit.
   *
   * @param limit the time allowed to bring both sides into step
   * @return a copy
   */
  public GuestAgentOptions withSync(Duration limit) {
    return new GuestAgentOptions(limit, command, answerBytes, port);
  }

  /**
   * Returns the same with another limit.
   *
   * @param limit the time allowed for an answer
   * @return a copy
   */
  public GuestAgentOptions withCommand(Duration limit) {
    return new GuestAgentOptions(sync, limit, answerBytes, port);
  }

  /**
   * Returns the same with another limit.
   *
   * @param limit the longest answer in bytes, at most 64 MiB
   * @return a copy
   */
  public GuestAgentOptions withAnswerBytes(int limit) {
    return new GuestAgentOptions(sync, command, limit, port);
  }

  /**
   * Returns the same with something that tells whether there is an agent.
   *
   * @param look what tells it
   * @return a copy
   */
  public GuestAgentOptions withPort(GuestPort look) {
    return new GuestAgentOptions(sync, command, answerBytes, look);
  }
}
