package io.n0stack.n0core.agent;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The order of things for one resource: one operation at a time, and pauses after failures. */
final class Lane {
  private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
  private static final int MOST_DOUBLINGS = 8;

  /** Held by the thread that works on, or looks at, the resource. */
  final ReentrantLock working = new ReentrantLock();

  private @Nullable RunningOperation<?> current;
  private boolean retired;
  private int failures;
  private long notBefore;

  /** The operation that was accepted and is not done yet. Guarded by this lane's monitor. */
  Optional<RunningOperation<?>> current() {
    return Optional.ofNullable(current);
  }

  void occupy(RunningOperation<?> operation) {
    current = operation;
  }

  synchronized void release() {
    current = null;
  }

  /** Takes an idle lane out of use for good; whoever still holds it must take a new one. */
  synchronized boolean retire() {
    retired = current == null;
    return retired;
  }

  synchronized boolean retired() {
    return retired;
  }

  synchronized void succeeded() {
    failures = 0;
  }

  synchronized void failed() {
    int doublings = Math.min(failures++, MOST_DOUBLINGS);
    notBefore = System.nanoTime() + FIRST_PAUSE.multipliedBy(1L << doublings).toNanos();
  }

  synchronized boolean rests() {
    return failures > 0 && System.nanoTime() - notBefore < 0;
  }
}
