package io.n0stack.n0core.membership.etcd;

import io.etcd.jetcd.Client;
import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.Watch;
import io.etcd.jetcd.options.WatchOption;
import io.etcd.jetcd.watch.WatchEvent;
import io.etcd.jetcd.watch.WatchResponse;
import io.n0stack.n0core.api.Delivery;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.Versioned;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hears of changes in etcd without a gap. When the stream breaks it begins after the last change it
 * heard; when etcd has forgotten that far back, what has changed is found by comparing. jetcd's own
 * way to go on is not used: it begins at the revision at which the stream was made, which can be later
 * than the last change that came.
 */
final class EtcdWatch implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(EtcdWatch.class);
  private static final long PAUSE_MILLIS = 250;

  private final EtcdConnection connection;
  private final EtcdLists lists;
  private final EtcdKeys keys;
  private final List<Delivery<Change>> watchers = new CopyOnWriteArrayList<>();
  private final Map<String, Long> known = new HashMap<>();
  private final ScheduledExecutorService thread;
  private final Object lock = new Object();
  private Optional<Watch.Watcher> stream = Optional.empty();
  private long generation;
  private long last; // the newest revision that was heard; 0 before the first watcher
  private boolean closed;

  private record Change(String key, Optional<Versioned> now) {}

  EtcdWatch(EtcdConnection connection, EtcdLists lists, EtcdKeys keys) {
    this.connection = connection;
    this.lists = lists;
    this.keys = keys;
    this.thread = Executors.newSingleThreadScheduledExecutor(task -> {
      Thread daemon = new Thread(task, "n0core-etcd-watch");
      daemon.setDaemon(true);
      return daemon;
    });
  }

  Subscription subscribe(Executor executor, Store.Listener listener) {
    begin();
    List<Delivery<Change>> itself = new ArrayList<>(1);
    Delivery<Change> delivery = new Delivery<>(
        executor,
        change -> listener.changed(change.key(), change.now()),
        () -> watchers.removeAll(List.copyOf(itself)));
    itself.add(delivery);
    watchers.add(delivery);
    return delivery;
  }

  /** Fixes the revision from which on everything is heard, before the first watcher is told so. */
  private void begin() {
    synchronized (lock) {
      if (last != 0) {
        return;
      }
    }
    EtcdLists.Snapshot now = lists.below("");
    synchronized (lock) {
      if (last != 0) {
        return;
      }
      now.records().forEach(record -> known.put(record.key(), record.revision()));
      last = now.revision();
    }
    open();
  }

  /** Must not be called under the lock: jetcd calls back while it holds its own. */
  private void open() {
    long mine;
    long from;
    synchronized (lock) {
      if (closed) {
        return;
      }
      mine = ++generation;
      from = last + 1;
    }
    WatchOption option = WatchOption.builder()
        .withRange(keys.end(""))
        .withRevision(from)
        .withRequireLeader(true) // or a member that is cut off would be listened to for ever
        .withProgressNotify(true)
        .build();
    Client client = connection.client();
    Watch.Watcher made = client
        .getWatchClient()
        .watch(
            keys.first(""),
            option,
            Watch.listener(
                answer -> heard(mine, answer),
                failure -> broken(mine, client, failure),
                () -> broken(mine, client, new IllegalStateException("ended"))));
    boolean overtaken;
    synchronized (lock) {
      overtaken = mine != generation;
      if (!overtaken) {
        stream = Optional.of(made);
      }
    }
    if (overtaken) {
      made.close();
    }
  }

  private void heard(long from, WatchResponse answer) {
    synchronized (lock) {
      if (from != generation) {
        return;
      }
      for (WatchEvent event : answer.getEvents()) {
        KeyValue changed = event.getKeyValue();
        boolean put = event.getEventType() == WatchEvent.EventType.PUT;
        keys.key(changed.getKey())
            .ifPresent(
                key -> change(key, put ? Optional.of(keys.record(changed)) : Optional.empty()));
        last = Math.max(last, changed.getModRevision());
      }
      if (answer.isProgressNotify()) {
        last = Math.max(last, answer.getHeader().getRevision());
      }
    }
    dispatchSoon();
  }

  private void change(String key, Optional<Versioned> now) {
    if (now.isPresent()) {
      known.put(key, now.get().revision());
    } else {
      known.remove(key);
    }
    Change change = new Change(key, now);
    watchers.forEach(watcher -> watcher.offer(change));
  }

  private void broken(long from, Client client, Throwable failure) {
    boolean forgotten = failure instanceof io.etcd.jetcd.common.exception.CompactedException;
    synchronized (lock) {
      if (from != generation || closed) {
        return;
      }
      generation++; // whatever this stream still says is not heard
    }
    LOG.debug("the watch on etcd broke: {}", String.valueOf(failure));
    soon(() -> {
      if (EtcdConnection.neverSent(failure)) {
        connection.unreachable(client);
      }
      again(forgotten);
    });
  }

  private void again(boolean forgotten) {
    Optional<Watch.Watcher> old;
    synchronized (lock) {
      old = stream;
      stream = Optional.empty();
    }
    old.ifPresent(Watch.Watcher::close);
    try {
      if (forgotten) {
        compare(lists.below(""));
      }
      open();
    } catch (N0Exception | IllegalStateException e) {
      LOG.warn("cannot watch etcd, trying again: {}", e.getMessage());
      soon(() -> again(forgotten));
    }
  }

  /** Tells what has changed since the last revision that was heard, each record's newest state only. */
  private void compare(EtcdLists.Snapshot now) {
    synchronized (lock) {
      Set<String> gone = new HashSet<>(known.keySet());
      Map<Long, Versioned> changed = new TreeMap<>();
      for (Versioned record : now.records()) {
        gone.remove(record.key());
        if (!Long.valueOf(record.revision()).equals(known.get(record.key()))) {
          changed.put(record.revision(), record);
        }
      }
      gone.forEach(key -> change(key, Optional.empty()));
      changed.values().forEach(record -> change(record.key(), Optional.of(record)));
      last = Math.max(last, now.revision());
    }
    dispatchSoon();
  }

  /** Listeners may call the store, which would wait for the thread that etcd's answers come on. */
  private void dispatchSoon() {
    try {
      thread.execute(() -> watchers.forEach(Delivery::dispatch));
    } catch (RejectedExecutionException e) {
      LOG.debug("the store is closing");
    }
  }

  private void soon(Runnable task) {
    try {
      var unused = thread.schedule(task, PAUSE_MILLIS, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      LOG.debug("the store is closing");
    }
  }

  @Override
  public void close() {
    Optional<Watch.Watcher> old;
    synchronized (lock) {
      closed = true;
      generation++;
      old = stream;
      stream = Optional.empty();
    }
    old.ifPresent(Watch.Watcher::close);
    watchers.forEach(Delivery::close);
    thread.shutdown();
  }
}
