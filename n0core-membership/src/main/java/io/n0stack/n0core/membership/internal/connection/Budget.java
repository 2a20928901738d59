package io.n0stack.n0core.membership.internal.connection;

import java.util.concurrent.atomic.AtomicLong;

/**
 * How much of what others have asked may be in memory at once, in all: one that may ask a lot at a time,
 * and many that do, must not fill the heap. Thread-safe.
 */
final class Budget {
  private final long most;
  private final AtomicLong taken = new AtomicLong();

  Budget(long most) {
    this.most = most;
  }

  /** Allows a sixteenth of the heap, at least 4 MiB and at most 64. */
  static Budget ofHeap() {
    long share = Runtime.getRuntime().maxMemory() / 16;
    return new Budget(Math.max(4L << 20, Math.min(share, 64L << 20)));
  }

  /** Takes some, unless that would be too much. */
  boolean take(int bytes) {
    if (taken.addAndGet(bytes) <= most) {
      return true;
    }
    give(bytes);
    return false;
  }

  void give(int bytes) {
    taken.addAndGet(-bytes);
  }
}
