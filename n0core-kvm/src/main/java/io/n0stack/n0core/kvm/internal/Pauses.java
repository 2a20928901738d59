package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Bounded waiting for what sends no event. */
final class Pauses {
  // What is soon over is not to be waited for any longer than it takes.
  private static final int SOON_MILLIS = 1;
  private static final int LATER_MILLIS = 10;
  private static final long SOON_NANOS = 100_000_000;

  private Pauses() {}

  /** Returns whether the condition came true in time. */
  static boolean until(String operation, Duration limit, BooleanSupplier condition) {
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

  static void pause(String operation, long millis) {
    try {
      TimeUnit.MILLISECONDS.sleep(millis);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    }
  }
}
