package io.n0stack.n0core.membership.internal.registry;

import io.n0stack.n0core.api.Delivery;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.api.node.Membership;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry;
import io.n0stack.n0core.api.node.NodeState;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.Versioned;
import io.n0stack.n0core.membership.NodeChange;
import io.n0stack.n0core.membership.internal.record.NodeJson;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records in a store, liveness from membership, and the states that follow. Nothing of it is
 * written down: the view is computed anew from both whenever either changes.
 */
public final class NodeStates implements NodeRegistry, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(NodeStates.class);
  private static final String PREFIX = "node";
  private static final int TRIES = 16;

  /** A node as it is now, and its record's revision. */
  record Seen(Entry entry, long revision) {}

  /** A node, and what this process has written of it. */
  private record Saved(String json, Node node) {}

  /** A record as read, or why it could not be. */
  private record Read(long revision, Optional<Node> node, String problem) {}

  private final Store store;
  private final Membership membership;
  private final Function<String, Optional<String>> identityKeys;
  private final Predicate<String> notNodes;
  private final List<Delivery<NodeChange>> deliveries = new CopyOnWriteArrayList<>();
  private final List<Subscription> sources = new ArrayList<>();
  private final Map<String, Read> cache = new HashMap<>();
  private final Map<String, NodeState> last = new TreeMap<>();
  private final Set<String> seen = new HashSet<>(); // while settling
  private final Map<String, Long> unmatched = new HashMap<>(); // READY, and since when of two keys
  private final Duration grace;
  private volatile @Nullable Saved saved; // so that what was just written need not be read
  private boolean settled;
  private boolean open;
  private final ScheduledExecutorService timer;

  /**
   * Computes the first view, without reporting it.
   *
   * @param store where the records are
   * @param membership tells who is alive
   * @param identityKeys tells by member's name which public key, Base64, a living member has proved to
   *     hold; empty if members are not known by keys
   * @param notNodes members that are no nodes although they are alive, such as API processes
   * @param grace how long after {@link #lookedFor()} a node that has not been seen READY is UNKNOWN, not
   *     NOT_READY; and how long record and member of a node that is READY may be of different keys
   */
  public NodeStates(
      Store store,
      Membership membership,
      Function<String, Optional<String>> identityKeys,
      Predicate<String> notNodes,
      Duration grace) {
    this.store = store;
    this.membership = membership;
    this.identityKeys = identityKeys;
    this.notNodes = notNodes;
    this.timer = Executors.newSingleThreadScheduledExecutor(task -> {
      Thread thread = new Thread(task, "n0core-node-states-" + membership.self().name());
      thread.setDaemon(true);
      return thread;
    });
    this.grace = grace;
    this.settled = grace.isZero();
    sources.add(membership.subscribe(Runnable::run, members -> recompute()));
    sources.add(store.watch(Runnable::run, (key, now) -> recompute(key)));
    recompute();
    begin();
  }

  private synchronized void begin() {
    open = true;
    long unreadable =
        cache.values().stream().filter(read -> read.node().isEmpty()).count();
    LOG.info(
        "{} nodes are on record, {} of them with records that cannot be read",
        cache.size(),
        unreadable);
  }

  @Override
  public void save(Node node) {
    String json = NodeJson.encode(node);
    saved = new Saved(json, node);
    String key = key(node.name());
    for (int tries = 1; ; tries++) {
      long revision = store.find(key).map(Versioned::revision).orElse(Store.NONE);
      try {
        store.put(key, json, revision);
        break;
      } catch (N0Exception e) {
        requireOvertaken(e, key, revision, tries);
      }
    }
    recompute(key);
  }

  @Override
  public void remove(String name) {
    String key = key(name);
    for (int tries = 1; ; tries++) {
      Optional<Versioned> found = store.find(key);
      if (found.isEmpty()) {
        break;
      }
      try {
        store.delete(key, found.get().revision());
        break;
      } catch (N0Exception e) {
        requireOvertaken(e, key, found.get().revision(), tries);
      }
    }
    recompute(key);
  }

  /** Goes on only if another writer was quicker; the store says PRECONDITION for other reasons too. */
  private void requireOvertaken(N0Exception e, String key, long expected, int tries) {
    long now = store.find(key).map(Versioned::revision).orElse(Store.NONE);
    if (e.code() != Code.PRECONDITION || now == expected || tries >= TRIES) {
      throw e;
    }
  }

  @Override
  public Optional<Entry> find(String name) {
    return look(name).map(Seen::entry);
  }

  /** Finds a node together with the revision of its record. */
  synchronized Optional<Seen> look(String name) {
    Optional<Read> read = store.find(key(name)).map(record -> read(name, record));
    if (read.isPresent() && read.get().node().isEmpty()) {
      throw new N0Exception(
          Code.UNAVAILABLE,
          "node \"" + name + "\"",
          "find node \"" + name + "\": its record cannot be read: " + read.get().problem());
    }
    return read.map(
        record -> new Seen(entry(record.node().get(), member(name)), record.revision()));
  }

  @Override
  public synchronized List<Entry> nodes() {
    Map<String, Member> alive = alive();
    return records().values().stream()
        .flatMap(read -> read.node().stream())
        .map(node -> entry(node, Optional.ofNullable(alive.get(node.name()))))
        .toList();
  }

  /**
   * Names the nodes whose records cannot be read.
   *
   * @return the names
   */
  public synchronized Set<String> unreadable() {
    return records().entrySet().stream()
        .filter(record -> record.getValue().node().isEmpty())
        .map(Map.Entry::getKey)
        .collect(Collectors.toUnmodifiableSet());
  }

  /**
   * Tells of changes, in order.
   *
   * @param executor what runs the listener
   * @param listener told of each change
   * @return the subscription, which the caller closes
   */
  public Subscription subscribe(Executor executor, Consumer<NodeChange> listener) {
    List<Delivery<NodeChange>> itself = new ArrayList<>(1);
    Delivery<NodeChange> delivery =
        new Delivery<>(executor, listener, () -> deliveries.removeAll(List.copyOf(itself)));
    itself.add(delivery);
    deliveries.add(delivery);
    return delivery;
  }

  @Override
  public void close() {
    timer.shutdownNow();
    sources.forEach(Subscription::close);
    deliveries.forEach(Delivery::close);
  }

  /** Notes that members are looked for from now on: those that are not seen soon are not there. */
  public void lookedFor() {
    if (!grace.isZero()) {
      later(this::settle, grace);
    }
  }

  /**
   * Looks at a member that has proved another key than before.
   *
   * @param name its name
   */
  public void keyChanged(String name) {
    later(() -> recompute(PREFIX + "/" + name), Duration.ZERO);
  }

  private void later(Runnable task, Duration delay) {
    try {
      var unused = timer.schedule(task, delay.toNanos(), TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      LOG.debug("the states of nodes are closing");
    }
  }

  /** What is still not seen is not there. */
  private void settle() {
    synchronized (this) {
      settled = true;
      seen.clear();
    }
    recompute();
  }

  private void recompute() {
    synchronized (this) {
      Map<String, Member> alive = alive();
      Map<String, Read> records = records();
      Set<String> names = new TreeSet<>(last.keySet());
      names.addAll(records.keySet());
      names.addAll(alive.keySet());
      for (String name : names) {
        Optional<Member> member = Optional.ofNullable(alive.get(name));
        change(name, state(name, Optional.ofNullable(records.get(name)), member));
      }
    }
    deliveries.forEach(Delivery::dispatch);
  }

  /** Looks at one record that has changed: with many it would take long to look at all each time. */
  private void recompute(String key) {
    if (!key.startsWith(PREFIX + "/")) {
      return;
    }
    String name = key.substring(PREFIX.length() + 1);
    synchronized (this) {
      Optional<Read> read = store.find(key).map(record -> read(name, record));
      if (read.isEmpty()) {
        cache.remove(name);
      }
      change(name, state(name, read, member(name)));
    }
    deliveries.forEach(Delivery::dispatch);
  }

  private void change(String name, NodeState now) {
    NodeState before = last.getOrDefault(name, NodeState.ABSENT);
    if (now == NodeState.READY && !settled) {
      seen.add(name);
    }
    if (now != NodeState.READY) {
      unmatched.remove(name);
    }
    if (now == before) {
      return;
    }
    if (now == NodeState.ABSENT) {
      last.remove(name);
    } else {
      last.put(name, now);
    }
    if (!open) {
      return; // the first view is no news
    }
    LOG.info("node {}: {} -> {}", name, before, now);
    deliveries.forEach(delivery -> delivery.offer(new NodeChange(name, before, now)));
  }

  private NodeState state(String name, Optional<Read> read, Optional<Member> member) {
    if (read.isPresent()) {
      // An unreadable record registers its node all the same, but nobody can say who it is.
      return read.get()
          .node()
          .map(node -> entry(node, member).state())
          .orElseGet(() -> registered(name, false));
    }
    return NodeState.of(false, member.isPresent() && !notNodes.test(name));
  }

  private Entry entry(Node node, Optional<Member> member) {
    // A record of another start speaks of a process that is gone.
    boolean same =
        member.isPresent() && node.bootId().map(member.get().bootId()::equals).orElse(true);
    return new Entry(node, registered(node.name(), same && identified(node)));
  }

  /** Who is not seen is not there, unless it is this process that has just begun to look. */
  private NodeState registered(String name, boolean ready) {
    NodeState state = NodeState.of(true, ready);
    boolean early = !settled && !seen.contains(name);
    return state == NodeState.NOT_READY && early ? NodeState.UNKNOWN : state;
  }

  /**
   * A record that names a key is of the member that holds the key; one that names none, of whoever has
   * proved to bear the name. When a key is renewed, the record and the member's next connection come in
   * either order, by ways of their own.
   */
  private boolean identified(Node node) {
    String name = node.name();
    Optional<String> key = identityKeys.apply(name);
    if (key.isEmpty() || node.identityKey().isEmpty() || key.equals(node.identityKey())) {
      unmatched.remove(name);
      return true;
    }
    if (grace.isZero() || last.get(name) != NodeState.READY) {
      return false;
    }
    long now = System.nanoTime();
    if (!unmatched.containsKey(name)) {
      unmatched.put(name, now);
      later(() -> recompute(PREFIX + "/" + name), grace);
    }
    return now - unmatched.get(name) < grace.toNanos();
  }

  private Optional<Member> member(String name) {
    for (Member one : membership.members()) {
      if (one.name().equals(name)) {
        return Optional.of(one);
      }
    }
    return Optional.empty();
  }

  private Map<String, Member> alive() {
    Map<String, Member> alive = new HashMap<>();
    membership.members().forEach(member -> alive.put(member.name(), member));
    return alive;
  }

  private Map<String, Read> records() {
    Map<String, Read> records = new TreeMap<>();
    for (Versioned record : store.list(PREFIX)) {
      String name = record.key().substring(PREFIX.length() + 1);
      records.put(name, read(name, record));
    }
    cache.keySet().retainAll(records.keySet());
    return records;
  }

  private Read read(String name, Versioned record) {
    Read known = cache.get(name);
    if (known != null && known.revision() == record.revision()) {
      return known;
    }
    Read read = decode(name, record);
    cache.put(name, read);
    return read;
  }

  private Read decode(String name, Versioned record) {
    try {
      Node node = node(record.value());
      if (node.name().equals(name)) {
        return new Read(record.revision(), Optional.of(node), "");
      }
      return new Read(record.revision(), Optional.empty(), "it names " + Rules.quote(node.name()));
    } catch (N0Exception e) {
      LOG.warn("record of node {} cannot be read: {}", name, e.getMessage());
      return new Read(record.revision(), Optional.empty(), String.valueOf(e.getMessage()));
    }
  }

  private Node node(String json) {
    Saved own = saved;
    return own != null && own.json().equals(json) ? own.node() : NodeJson.decode(json);
  }

  private static String key(String name) {
    return PREFIX + "/" + Rules.label("name", name);
  }
}
