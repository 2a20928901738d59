package io.n0stack.n0core.membership.internal.record;

import io.n0stack.n0core.api.Delivery;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.StoreRules;
import io.n0stack.n0core.api.store.Versioned;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * A store whose records are read from memory, which its watch keeps current: states are computed at
 * each change of membership, also while a distributed store cannot be reached. A change that was made
 * through it can be read when the call returns; changes of other processes, once they were heard of.
 * Closing it leaves the store beneath open.
 */
public final class StoreMirror implements Store {
  private static final long HEARD_NANOS = TimeUnit.SECONDS.toNanos(2);

  private record Change(String key, Optional<Versioned> now) {}

  private final Store store;
  private final NavigableMap<String, Versioned> records = new TreeMap<>();
  private final Set<String> goneMeanwhile = new HashSet<>(); // while the records are listed
  private final List<Delivery<Change>> watchers = new CopyOnWriteArrayList<>();
  private final Subscription source;
  private boolean listed;

  /**
   * Reads all records, and hears of changes from then on.
   *
   * @param store the store beneath, which stays open
   */
  public StoreMirror(Store store) {
    this.store = store;
    this.source = store.watch(Runnable::run, this::heard);
    List<Versioned> found = store.list("");
    synchronized (records) {
      // What was heard of since is newer than the list: also that a record is gone.
      found.stream()
          .filter(record -> !goneMeanwhile.contains(record.key()))
          .forEach(this::keepNewest);
      goneMeanwhile.clear();
      listed = true;
    }
  }

  private void heard(String key, Optional<Versioned> now) {
    synchronized (records) {
      if (now.isPresent()) {
        keepNewest(now.get());
        goneMeanwhile.remove(key);
      } else {
        records.remove(key);
        if (!listed) {
          goneMeanwhile.add(key);
        }
      }
      records.notifyAll();
      Change change = new Change(key, now);
      watchers.forEach(watcher -> watcher.offer(change));
    }
    watchers.forEach(Delivery::dispatch);
  }

  private void keepNewest(Versioned record) {
    records.merge(
        record.key(), record, (old, other) -> old.revision() > other.revision() ? old : other);
  }

  @Override
  public Optional<Versioned> find(String key) {
    StoreRules.key(key);
    synchronized (records) {
      return Optional.ofNullable(records.get(key));
    }
  }

  @Override
  public List<Versioned> list(String prefix) {
    synchronized (records) {
      if (prefix.isEmpty()) {
        return List.copyOf(records.values());
      }
      StoreRules.key(prefix);
      // '0' is the character after '/', so this is every key below the prefix.
      return List.copyOf(records.subMap(prefix + "/", prefix + "0").values());
    }
  }

  @Override
  public long put(String key, String value, long expectedRevision) {
    long revision = change(key, () -> store.put(key, value, expectedRevision));
    await(() -> found(key) >= revision);
    return revision;
  }

  @Override
  public void delete(String key, long expectedRevision) {
    long unused = change(key, () -> {
      store.delete(key, expectedRevision);
      return NONE;
    });
    await(() -> found(key) != expectedRevision);
  }

  private long found(String key) {
    return Optional.ofNullable(records.get(key)).map(Versioned::revision).orElse(NONE);
  }

  /** Looks again if the change was refused: by a record that this mirror may not have heard of yet. */
  private long change(String key, LongSupplier change) {
    boolean made = false;
    try {
      long revision = change.getAsLong();
      made = true;
      return revision;
    } finally {
      if (!made) {
        refresh(key);
      }
    }
  }

  private void refresh(String key) {
    long before;
    synchronized (records) {
      before = found(key);
    }
    if (StoreRules.isKey(key)) {
      try {
        long now = store.find(key).map(Versioned::revision).orElse(NONE);
        await(() -> found(key) == now || found(key) != before);
      } catch (N0Exception e) {
        return; // the refusal is what the caller has to know
      }
    }
  }

  private void await(BooleanSupplier heard) {
    long end = System.nanoTime() + HEARD_NANOS;
    boolean interrupted = false;
    synchronized (records) {
      while (!heard.getAsBoolean() && System.nanoTime() < end) {
        try {
          TimeUnit.NANOSECONDS.timedWait(records, Math.max(1, end - System.nanoTime()));
        } catch (InterruptedException e) {
          interrupted = true; // the change is made; whoever interrupts will be heard afterwards
          break;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public Subscription watch(Executor executor, Listener listener) {
    List<Delivery<Change>> itself = new ArrayList<>(1);
    Delivery<Change> delivery = new Delivery<>(
        executor,
        change -> listener.changed(change.key(), change.now()),
        () -> watchers.removeAll(List.copyOf(itself)));
    itself.add(delivery);
    watchers.add(delivery);
    return delivery;
  }

  /** Stops listening; the store beneath is its owner's to close. */
  @Override
  public void close() {
    source.close();
    watchers.forEach(Delivery::close);
  }
}
