package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import java.time.Duration;

/**
 * What a caller grants one run: time, and someone who is told how it goes and may end it.
 *
 * @param limit how long it may take, 1 ms to 365 days; then it is killed
 * @param progress told how far it has come; ends the run by throwing
 * @since 0.1
 */
public record Run(Duration limit, Progress progress) {
  private static final Duration SHORTEST = Duration.ofMillis(1);
  private static final Duration LONGEST = Duration.ofDays(365);

  /**
   * Checks the limit.
   *
   * @throws N0Exception INVALID if the limit is out of range
   */
  public Run {
    if (limit.compareTo(SHORTEST) < 0 || limit.compareTo(LONGEST) > 0) {
      throw N0Exception.invalid("limit", limit, "must be 1 ms to 365 days");
    }
  }

  /**
   * Grants time; nobody is told how it goes.
   *
   * @param limit how long the run may take
   * @return the grant
   */
  public static Run within(Duration limit) {
    return new Run(limit, fraction -> {});
  }

  /**
   * Has someone told.
   *
   * @param listener told how far the run has come
   * @return the same grant with that listener
   */
  public Run reporting(Progress listener) {
    return new Run(limit, listener);
  }
}
