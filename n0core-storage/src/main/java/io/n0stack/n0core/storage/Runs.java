package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.storage.qemuimg.Run;
import java.time.Duration;

/** Grants runs of {@code qemu-img} what the agent grants the driver. */
final class Runs {
  private static final Duration SHORTEST = Duration.ofMillis(1);
  private static final Duration LONGEST = Duration.ofDays(1);

  private final Duration timeout;

  /**
   * Makes a granter.
   *
   * @param timeout how long a run may take that does not copy data
   */
  Runs(Duration timeout) {
    this.timeout = timeout;
  }

  /** For what does not copy data. */
  Run brief(Context cx, String message) {
    return run(cx, timeout, message);
  }

  /** For what may take all the time that is left. */
  Run copying(Context cx) {
    return run(cx, LONGEST, "copy");
  }

  private static Run run(Context cx, Duration most, String message) {
    Duration left = cx.remaining();
    Duration limit = left.compareTo(most) < 0 ? left : most;
    return Run.within(limit.compareTo(SHORTEST) < 0 ? SHORTEST : limit)
        .reporting(fraction -> cx.progress(fraction, message));
  }
}
