package io.n0stack.n0core.membership.internal.registry;

import io.n0stack.n0core.api.Delivery;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.NodeRegistry.Entry;
import io.n0stack.n0core.api.node.NodeRegistry.NodeEvent;
import io.n0stack.n0core.api.node.NodeRegistry.Watcher;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.membership.internal.record.NodeJson;
import io.n0stack.n0core.membership.internal.registry.NodeStates.Seen;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Batch;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Event;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Follows;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Rest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The nodes in the order in which they last changed, each once. Who knows a position in it learns what
 * changed after; a position of another start of the process, or one before what was forgotten, begins
 * anew.
 */
public final class NodeFeed implements AutoCloseable {
  private static final int MOST_REMOVED = 10_000;
  private static final int BATCH_BYTES = NodeJson.MAX_MESSAGE_BYTES / 2;
  private static final String PREFIX = "node/";
  private static final Pattern POSITION = Pattern.compile("([0-9a-f-]{36}):([0-9]{1,18})");

  private record Fed(long sequence, Event event) {}

  private final String epoch = UUID.randomUUID().toString();
  private final NodeStates states;
  private final Map<String, Fed> byName = new HashMap<>();
  private final NavigableMap<Long, Fed> bySequence = new TreeMap<>();
  private final NavigableMap<Long, String> removed = new TreeMap<>();
  private final List<Delivery<NodeEvent>> deliveries = new CopyOnWriteArrayList<>();
  private final List<Subscription> sources = new ArrayList<>();
  private final Map<Long, CompletableFuture<Void>> waiters = new HashMap<>();
  private long lastWaiter;
  private long sequence;
  private long forgotten; // what was removed up to here is not known any more

  /**
   * Begins with the nodes as they are.
   *
   * @param store tells of changed records
   * @param states tells of changed states
   */
  public NodeFeed(Store store, NodeStates states) {
    this.states = states;
    sources.add(states.subscribe(Runnable::run, change -> refresh(change.name())));
    sources.add(store.watch(Runnable::run, (key, now) -> {
      if (key.startsWith(PREFIX)) {
        refresh(key.substring(PREFIX.length()));
      }
    }));
    store.list("node").forEach(record -> refresh(record.key().substring(PREFIX.length())));
  }

  /** Looks at a node, and tells of it if it is not as it was. */
  private void refresh(String name) {
    List<CompletableFuture<Void>> told;
    synchronized (this) {
      Optional<Event> event = look(name);
      Optional<Fed> last = Optional.ofNullable(byName.get(name));
      Optional<Entry> before = last.flatMap(fed -> fed.event().now());
      boolean news = event.isPresent()
          && !last.map(Fed::event).equals(event)
          && (before.isPresent() || event.get().now().isPresent());
      if (!news) {
        return;
      }
      feed(event.get());
      told = List.copyOf(waiters.values());
      waiters.clear();
    }
    deliveries.forEach(Delivery::dispatch);
    told.forEach(waiter -> waiter.complete(null));
  }

  private Optional<Event> look(String name) {
    try {
      Optional<Seen> now = states.look(name);
      return Optional.of(
          new Event(name, now.map(Seen::entry), now.map(Seen::revision).orElse(Store.NONE)));
    } catch (N0Exception e) {
      return Optional.empty(); // its record cannot be read: what was last told of it stands
    }
  }

  private void feed(Event event) {
    Optional.ofNullable(byName.get(event.name())).ifPresent(old -> {
      bySequence.remove(old.sequence());
      removed.remove(old.sequence());
    });
    sequence++;
    Fed fed = new Fed(sequence, event);
    byName.put(event.name(), fed);
    bySequence.put(sequence, fed);
    if (event.now().isEmpty()) {
      removed.put(sequence, event.name());
      forgetRemoved();
    }
    if (!deliveries.isEmpty()) {
      NodeEvent told = told(fed);
      deliveries.forEach(delivery -> delivery.offer(told));
    }
  }

  private void forgetRemoved() {
    while (removed.size() > MOST_REMOVED) {
      Map.Entry<Long, String> oldest = removed.pollFirstEntry();
      forgotten = oldest.getKey();
      bySequence.remove(oldest.getKey());
      byName.remove(oldest.getValue());
    }
  }

  private NodeEvent told(Fed fed) {
    Event event = fed.event();
    return new NodeEvent(event.name(), event.now(), event.revision(), position(fed.sequence()));
  }

  private String position(long at) {
    return epoch + ":" + at;
  }

  /**
   * Tells of what comes after a position, in order.
   *
   * @param after the position
   * @param executor what runs the watcher
   * @param watcher told of each node
   * @return the subscription, which the caller closes
   */
  public Subscription subscribe(String after, Executor executor, Watcher watcher) {
    List<Delivery<NodeEvent>> itself = new ArrayList<>(1);
    Delivery<NodeEvent> delivery = new Delivery<>(
        executor, watcher::nodeChanged, () -> deliveries.removeAll(List.copyOf(itself)));
    itself.add(delivery);
    synchronized (this) {
      long from = known(after).orElse(0L);
      bySequence.tailMap(from, false).values().stream()
          .filter(fed -> from > 0 || fed.event().now().isPresent())
          .map(this::told)
          .forEach(delivery::offer);
      deliveries.add(delivery);
    }
    delivery.dispatch();
    return delivery;
  }

  /** Returns what a position stands for, or nothing if it is not one of this feed's. */
  private Optional<Long> known(String position) {
    Matcher parts = POSITION.matcher(position);
    if (!parts.matches() || !parts.group(1).equals(epoch)) {
      return Optional.empty();
    }
    long at = Long.parseLong(parts.group(2));
    return at < forgotten || at > sequence ? Optional.empty() : Optional.of(at);
  }

  /**
   * Completes when there is something after a position, which may be so already.
   *
   * @param position the position
   * @return done then; whoever waits no longer completes it, and nothing of it stays here
   */
  public CompletableFuture<Void> after(String position) {
    CompletableFuture<Void> waiter = new CompletableFuture<>();
    long number;
    synchronized (this) {
      Optional<Long> at = known(position);
      if (at.isEmpty() || at.get() < sequence) {
        return CompletableFuture.completedFuture(null);
      }
      number = ++lastWaiter;
      waiters.put(number, waiter);
    }
    // In a quiet cluster there is no news for days, and everybody asks anew every few seconds.
    var unused = waiter.whenComplete((nothing, failure) -> forget(number));
    return waiter;
  }

  private synchronized void forget(long waiter) {
    waiters.remove(waiter);
  }

  /** Counts those who wait. */
  synchronized int waiting() {
    return waiters.size();
  }

  /**
   * Returns what comes after a position, as much as goes into a message.
   *
   * @param position the position
   * @return what comes
   */
  public synchronized Batch batch(String position) {
    Optional<Long> at = known(position);
    long from = at.orElse(0L);
    List<Event> events = new ArrayList<>();
    long last = from;
    int bytes = 0;
    for (Fed fed : bySequence.tailMap(from, false).values()) {
      bytes += NodeJson.bytes(fed.event()).length;
      if (bytes > BATCH_BYTES) {
        return new Batch(position(last), follows(at), Rest.MORE, events);
      }
      last = fed.sequence();
      if (at.isPresent() || fed.event().now().isPresent()) {
        events.add(fed.event());
      }
    }
    return new Batch(position(sequence), follows(at), Rest.NONE, events);
  }

  private static Follows follows(Optional<Long> at) {
    return at.isPresent() ? Follows.POSITION : Follows.NOTHING;
  }

  @Override
  public void close() {
    sources.forEach(Subscription::close);
    deliveries.forEach(Delivery::close);
  }
}
