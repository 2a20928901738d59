package io.n0stack.n0core.kvm.internal.record;

import io.n0stack.n0core.api.N0Exception;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Bounded waiting for what sends no event. */
public final class Pauses {
  // What is soon over is not to be waited for any longer than it takes.
  private static final int SOON_MILLIS = 1;
  private static final int LATER_MILLIS = 10;
  private static final long SOON_NANOS = 100_000_000;

  private Pauses() {}

  /**
   * Waits until a condition is true, looking often at first.
   *
   * @param operation what is going on, for the error
   * @param limit the time allowed
   * @param condition looked at once at least
   * @return whether it came true in time
   * @throws N0Exception CANCELLED if the thread is interrupted
   */
  public static boolean until(String operation, Duration limit, BooleanSupplier condition) {
    long begin = System.nanoTime();
    while (!condition.getAsBoolean()) {
      long waited = System.nanoTime() - begin;
      if (waited >= limit.toNanos()) {
        return false;
      }
      pause(operation, waited < SOON_NANOS ? SOON_MILLIS : LATER_MILLIS);
    }
    return true;
  }

  /**
   * Sleeps.
   *
   * @param operation what is going on, for the error
   * @param millis how long
   * @throws N0Exception CANCELLED if the thread is interrupted
   */
  public static void pause(String operation, long millis) {
    try {
      TimeUnit.MILLISECONDS.sleep(millis);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    }
  }
}
