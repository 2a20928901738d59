package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Bounded waiting for what sends no event. */
final class Pauses {
  private static final int MILLIS = 10;

  private Pauses() {}

  /** Returns whether the condition came true in time. */
  static boolean until(String operation, Duration limit, BooleanSupplier condition) {
    long end = System.nanoTime() + limit.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() >= end) {
        return false;
      }
      pause(operation, MILLIS);
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
