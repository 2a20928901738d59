package io.n0stack.n0core.kvm.internal.migration;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.kvm.internal.monitor.Limits;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.time.Duration;
import java.util.Map;

/** Gives up what has not moved for too long. Used by one thread. */
final class Pulse {
  // Also what is asked at the last moment is given a chance to answer.
  private static final Duration LEAST = Duration.ofMillis(100);

  private final String subject;
  private final String operation;
  private final Duration most;
  private Object last = "";
  private long since = System.nanoTime();

  /**
   * Begins now.
   *
   * @param subject what is worked on, for the error
   * @param operation what is going on, for the error
   * @param most how long it may not move
   */
  Pulse(String subject, String operation, Duration most) {
    this.subject = subject;
    this.operation = operation;
    this.most = most;
  }

  /**
   * Takes note of how far it is.
   *
   * @param now differs from what was told before if it has moved
   * @throws N0Exception UNAVAILABLE if that is too long ago
   */
  void seen(Object now) {
    if (!now.equals(last)) {
      last = now;
      since = System.nanoTime();
    }
    if (left().isZero()) {
      throw silent();
    }
  }

  private N0Exception silent() {
    return new N0Exception(
        N0Exception.Code.UNAVAILABLE,
        subject,
        operation + ": nothing has moved for " + seconds(most) + " s, the most silence allowed");
  }

  /**
   * Asks how far it is.
   *
   * @return the answer
   * @throws N0Exception UNAVAILABLE if there is none in time: a QEMU that hangs on what its target does not read does not
   *     even answer
   */
  QmpResult ask(Monitor monitor, String command, Duration remaining) {
    Duration limit = Limits.least(left(), remaining).plus(LEAST);
    try {
      return monitor.execute(command, Map.of(), limit);
    } catch (OperationTimeoutException e) {
      if (!left().isZero()) {
        throw e;
      }
      N0Exception silent = silent();
      silent.addSuppressed(e);
      throw silent;
    }
  }

  private Duration left() {
    Duration left = most.minusNanos(System.nanoTime() - since);
    return left.isNegative() ? Duration.ZERO : left;
  }

  static String seconds(Duration time) {
    return time.toMillisPart() == 0
        ? String.valueOf(time.toSeconds())
        : String.valueOf(time.toMillis() / 1e3);
  }
}
