package io.n0stack.n0core.api;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;

/**
 * Hands events to one listener in order, on an executor of the listener's choice, one at a time.
 *
 * <p>A producer calls {@link #offer} while it holds the lock that orders its events, and {@link
 * #dispatch} after it has let go, so that no listener ever runs under that lock. Thread-safe.
 *
 * @param <E> the type of the events
 * @since 0.1
 */
public final class Delivery<E> implements Subscription {
  private final Executor executor;
  private final Consumer<E> listener;
  private final Runnable onClose;
  private final Queue<E> waiting = new ArrayDeque<>();
  private boolean running;
  private boolean closed;

  /**
   * Creates a delivery.
   *
   * @param executor what runs the listener
   * @param listener called with each event
   * @param onClose called once, when the delivery is closed, on the closing thread
   */
  public Delivery(Executor executor, Consumer<E> listener, Runnable onClose) {
    this.executor = executor;
    this.listener = listener;
    this.onClose = onClose;
  }

  /**
   * Appends an event; does not run the listener.
   *
   * @param event the event
   */
  public synchronized void offer(E event) {
    if (!closed) {
      waiting.add(event);
    }
  }

  /**
   * Sees to it that the executor delivers what was offered. If the executor refuses, or has no thread
   * for it, the events wait for the next call, since the producer's change is no less made for it. Must
   * not be called under a lock.
   */
  public void dispatch() {
    synchronized (this) {
      if (running || waiting.isEmpty()) {
        return;
      }
      running = true;
    }
    Turn turn = new Turn();
    boolean taken = false;
    try {
      executor.execute(turn);
      taken = true;
    } catch (RejectedExecutionException | OutOfMemoryError e) { // also: no native thread to be had
      if (turn.begun()) {
        throw e; // the listener's own, on an executor that runs it here
      }
    } finally {
      if (!taken) {
        turn.giveUp();
      }
    }
  }

  /** What the executor is given; once given up, it does nothing, since another may have its turn. */
  private final class Turn implements Runnable {
    private boolean begun;
    private boolean givenUp;

    @Override
    public void run() {
      synchronized (Delivery.this) {
        if (givenUp) {
          return;
        }
        begun = true;
      }
      drain();
    }

    boolean begun() {
      synchronized (Delivery.this) {
        return begun;
      }
    }

    /** Lets the next call try again, unless the turn has begun, which then ends by itself. */
    void giveUp() {
      synchronized (Delivery.this) {
        if (!begun) {
          givenUp = true;
          running = false;
        }
      }
    }
  }

  private void drain() {
    while (true) {
      E event;
      synchronized (this) {
        event = closed ? null : waiting.poll();
        if (event == null) {
          running = false;
          return;
        }
      }
      boolean delivered = false;
      try {
        listener.accept(event);
        delivered = true;
      } finally {
        if (!delivered) {
          // The listener threw into its own executor; what follows is still delivered.
          synchronized (this) {
            running = false;
          }
          dispatch();
        }
      }
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      waiting.clear();
    }
    onClose.run();
  }
}
