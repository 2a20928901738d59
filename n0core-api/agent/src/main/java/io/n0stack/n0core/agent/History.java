package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.Subscription;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The latest events, and those who follow them. Each watcher has a place of its own in what is kept, and
 * one that has fallen out of it gets a snapshot: neither a gap nor memory without limit. Thread-safe.
 */
final class History {
  private final @Nullable Event[] ring;
  private final List<Watcher> watchers = new ArrayList<>();
  private final long first;
  private long last;

  /**
   * Begins after a revision.
   *
   * @param base a revision above all of earlier lives
   * @param most how many events are kept
   */
  History(long base, int most) {
    ring = new Event[most];
    first = base + 1;
    last = base;
  }

  /** Appends; may be called under a lock. {@link #deliver} follows, without one. */
  synchronized void append(LongFunction<Event> event) {
    last++;
    ring[slot(last)] = event.apply(last);
  }

  private int slot(long revision) {
    return (int) Math.floorMod(revision, (long) ring.length);
  }

  synchronized long last() {
    return last;
  }

  Subscription watch(
      long after, Executor executor, Consumer<Event> listener, Supplier<Event> snapshot) {
    Watcher watcher = new Watcher(after, executor, listener, snapshot);
    synchronized (this) {
      watchers.add(watcher);
    }
    watcher.dispatch();
    return watcher;
  }

  /**
   * Notes how far an operation has come, for those who watch now: it is not kept, and the next one takes its place. Tells
   * them at once; must not be called under a lock.
   */
  void progress(RunningOperation<?> operation, LongFunction<Event> event) {
    synchronized (this) {
      if (watchers.isEmpty() || operation.isOver()) {
        return;
      }
      watchers.forEach(watcher -> watcher.progress.put(operation.id(), event));
    }
    deliver();
  }

  /** Appends the end of an operation, after which nothing is told of how far it has come. */
  synchronized void end(RunningOperation<?> operation) {
    watchers.forEach(watcher -> watcher.progress.remove(operation.id()));
    append(operation::ended);
  }

  /** Wakes the watchers. Must not be called under a lock. */
  void deliver() {
    List<Watcher> all;
    synchronized (this) {
      if (watchers.isEmpty()) {
        return;
      }
      all = List.copyOf(watchers);
    }
    all.forEach(Watcher::dispatch);
  }

  private final class Watcher implements Subscription {
    private final Executor executor;
    private final Consumer<Event> listener;
    private final Supplier<Event> snapshot;
    // Guarded by the history's monitor.
    private final Map<UUID, LongFunction<Event>> progress = new LinkedHashMap<>();
    private long place;
    private boolean running;
    private boolean closed;

    Watcher(long place, Executor executor, Consumer<Event> listener, Supplier<Event> snapshot) {
      this.place = place;
      this.executor = executor;
      this.listener = listener;
      this.snapshot = snapshot;
    }

    void dispatch() {
      synchronized (History.this) {
        if (running || closed || toldAll()) {
          return;
        }
        running = true;
      }
      boolean taken = false;
      try {
        executor.execute(this::drain);
        taken = true;
      } catch (RejectedExecutionException e) {
        return; // no listener without an executor; the events stay where they are
      } finally {
        if (!taken) {
          stop();
        }
      }
    }

    private void drain() {
      boolean more = true;
      try {
        while (more) {
          more = deliverOne();
        }
      } finally {
        if (more) { // the listener threw into its own executor; what follows is still delivered
          stop();
          dispatch();
        }
      }
    }

    private boolean deliverOne() {
      Event event;
      synchronized (History.this) {
        if (closed || toldAll()) {
          running = false;
          return false;
        }
        event = place == last ? nextProgress() : kept(place + 1);
      }
      if (event == null) {
        event = snapshot.get();
      }
      synchronized (History.this) {
        place = event.revision();
      }
      listener.accept(event);
      return true;
    }

    private boolean toldAll() {
      return place == last && progress.isEmpty();
    }

    /** What is kept comes first, so that a watcher knows of an operation's resource. */
    private Event nextProgress() {
      Iterator<LongFunction<Event>> all = progress.values().iterator();
      Event next = all.next().apply(place);
      all.remove();
      return next;
    }

    private @Nullable Event kept(long revision) {
      boolean isKept = revision >= first && revision > last - ring.length && revision <= last;
      return isKept ? ring[slot(revision)] : null;
    }

    private void stop() {
      synchronized (History.this) {
        running = false;
      }
    }

    @Override
    public void close() {
      synchronized (History.this) {
        closed = true;
        watchers.remove(this);
      }
    }
  }
}
