package io.n0stack.n0core.net.netlink;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** Calls on an executor, one at a time and in order; whoever adds waits while too many are due. */
final class Deliveries {
  private static final int MOST = 1024;

  private final Executor executor;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition room = lock.newCondition();
  private final Queue<Runnable> due = new ArrayDeque<>();
  private boolean running;
  private boolean closed;

  Deliveries(Executor executor) {
    this.executor = executor;
  }

  /** Adds a call, once there is room. */
  void add(Runnable call) {
    lock.lock();
    try {
      while (due.size() >= MOST && !closed) {
        room.awaitUninterruptibly();
      }
      if (closed) {
        return;
      }
      due.add(call);
      if (running) {
        return;
      }
      running = true;
    } finally {
      lock.unlock();
    }
    execute();
  }

  private void execute() {
    boolean begun = false;
    try {
      executor.execute(this::run);
      begun = true;
    } finally {
      if (!begun) {
        pause();
      }
    }
  }

  /** What is due stays due: the next that is added tries the executor again. */
  private void pause() {
    lock.lock();
    try {
      running = false;
      room.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void run() {
    for (Runnable call = next(); call != null; call = next()) {
      boolean done = false;
      try {
        call.run();
        done = true;
      } finally {
        if (!done) {
          goOn();
        }
      }
    }
  }

  /** What a listener throws is the executor's business; the calls that follow are due all the same. */
  private void goOn() {
    execute();
  }

  private @Nullable Runnable next() {
    lock.lock();
    try {
      Runnable call = closed ? null : due.poll();
      running = call != null;
      room.signal();
      return call;
    } finally {
      lock.unlock();
    }
  }

  boolean closed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  void close() {
    lock.lock();
    try {
      closed = true;
      due.clear();
      room.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
