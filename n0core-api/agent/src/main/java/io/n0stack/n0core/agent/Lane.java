package io.n0stack.n0core.agent;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The order of things for one resource: one operation at a time, and pauses after failures and between
 * repairs. Thread-safe.
 */
final class Lane {
  private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
  private static final int MOST_DOUBLINGS = 8;
  /** What drifts again within this time has not been repaired for good. */
  private static final Duration STABLE = Duration.ofMinutes(10);

  private static final int MOST_STEPS = 16;

  /** A step that was taken. */
  record Taken(String verb, String name, long end, Duration took, String failure) {}

  private final Deque<Taken> steps = new ArrayDeque<>();
  private @Nullable RunningOperation<?> current;
  private @Nullable Runnable waiting;
  private @Nullable Runnable again;
  private boolean working;
  private boolean retired;
  private boolean unseen;
  private int failures;
  private int repairs;
  private long repaired;
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

  /** Takes the turn to work on, or look at, the resource, unless somebody has it. */
  synchronized boolean begin() {
    if (working) {
      return false;
    }
    working = true;
    return true;
  }

  /** Takes the turn; if somebody has it, that one runs the body as soon as it is free. */
  synchronized boolean beginOrLeave(Runnable body) {
    if (!begin()) {
      waiting = body;
      return false;
    }
    return true;
  }

  /**
   * Leaves a look for whoever has the turn, who runs it as soon as it is free. Refused if one is left already,
   * which will see what this one is to see.
   */
  synchronized boolean leave(Runnable look) {
    if (again != null) {
      return false;
    }
    again = look;
    return true;
  }

  /** Gives the turn back; what is returned was waiting for it, and is run without a lock. */
  synchronized Runnable end() {
    working = false;
    Runnable operation = waiting == null ? () -> {} : waiting;
    Runnable look = again == null ? () -> {} : again;
    waiting = null;
    again = null;
    return () -> {
      try {
        operation.run();
      } finally {
        look.run();
      }
    };
  }

  /** Takes an idle lane out of use for good; whoever still holds it must take a new one. */
  synchronized boolean retire() {
    retired = current == null && !working;
    return retired;
  }

  synchronized boolean retired() {
    return retired;
  }

  synchronized void succeeded() {
    failures = 0;
  }

  synchronized void failed(long now) {
    rest(now, failures);
    failures++;
  }

  /** Notes a repair of what had drifted: what drifts again and again is repaired ever more seldom. */
  synchronized void repaired(long now) {
    if (now - repaired > STABLE.toNanos()) {
      repairs = 0;
    }
    repaired = now;
    rest(now, repairs);
    repairs++;
  }

  private void rest(long now, int times) {
    Duration pause = FIRST_PAUSE.multipliedBy(1L << Math.min(times, MOST_DOUBLINGS));
    if (pause.compareTo(rest(now)) > 0) {
      notBefore = now + pause.toNanos();
    }
  }

  synchronized Duration rest(long now) {
    boolean rests = failures + repairs > 0 && now - notBefore < 0;
    return rests ? Duration.ofNanos(notBefore - now) : Duration.ZERO;
  }

  /** Notes whether the resource could be seen, and says whether that is news. */
  synchronized boolean changeUnseen(boolean now) {
    boolean news = unseen != now;
    unseen = now;
    return news;
  }

  synchronized void note(Taken step) {
    if (steps.size() == MOST_STEPS) {
      steps.removeFirst();
    }
    steps.addLast(step);
  }

  synchronized List<Explanation.Step> steps(long now) {
    return steps.stream()
        .map(step -> new Explanation.Step(
            step.verb(),
            step.name(),
            Duration.ofNanos(now - step.end()),
            step.took(),
            step.failure()))
        .toList();
  }
}
