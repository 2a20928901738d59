package io.n0stack.n0core.membership;

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
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records in a store, liveness from membership, and the states that follow. Nothing of it is
 * written down: the view is computed anew from both whenever either changes.
 */
final class NodeStates implements NodeRegistry, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(NodeStates.class);
  private static final String PREFIX = "node";
  private static final int TRIES = 16;
  private static final Duration GRACE = Duration.ofSeconds(15);

  /** A record as read, or why it could not be. */
  private record Read(long revision, Optional<Node> node, String problem) {}

  private final Store store;
  private final Membership membership;
  private final Predicate<String> notNodes;
  private final List<Delivery<NodeChange>> deliveries = new CopyOnWriteArrayList<>();
  private final List<Subscription> sources = new ArrayList<>();
  private final Map<String, Read> cache = new HashMap<>();
  private final Map<String, NodeState> last = new TreeMap<>();
  private final Set<String> awaited = new HashSet<>();
  private final ScheduledExecutorService timer;

  /**
   * Computes the first view, without reporting it; gives the nodes on record a quarter of a minute to
   * be seen.
   *
   * @param notNodes members that are no nodes although they are alive, such as API processes
   */
  NodeStates(Store store, Membership membership, Predicate<String> notNodes) {
    this(store, membership, notNodes, GRACE);
  }

  /**
   * Computes the first view, without reporting it.
   *
   * @param grace how long a node that is on record now may stay unseen before it is reported NOT_READY
   */
  NodeStates(Store store, Membership membership, Predicate<String> notNodes, Duration grace) {
    this.store = store;
    this.membership = membership;
    this.notNodes = notNodes;
    this.timer = Executors.newSingleThreadScheduledExecutor(task -> {
      Thread thread = new Thread(task, "n0core-node-states-" + membership.self().name());
      thread.setDaemon(true);
      return thread;
    });
    awaited.addAll(records().keySet());
    recompute();
    var unused = timer.schedule(this::stopWaiting, grace.toMillis(), TimeUnit.MILLISECONDS);
    sources.add(membership.subscribe(Runnable::run, members -> recompute()));
    sources.add(store.watch(Runnable::run, (key, now) -> recompute()));
    recompute();
  }

  @Override
  public void save(Node node) {
    String json = NodeJson.encode(node);
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
    recompute();
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
    recompute();
  }

  /** Goes on only if another writer was quicker; the store says PRECONDITION for other reasons too. */
  private void requireOvertaken(N0Exception e, String key, long expected, int tries) {
    long now = store.find(key).map(Versioned::revision).orElse(Store.NONE);
    if (e.code() != Code.PRECONDITION || now == expected || tries >= TRIES) {
      throw e;
    }
  }

  @Override
  public synchronized Optional<Entry> find(String name) {
    Optional<Read> read = store.find(key(name)).map(record -> read(name, record));
    if (read.isPresent() && read.get().node().isEmpty()) {
      throw new N0Exception(
          Code.UNAVAILABLE,
          "node \"" + name + "\"",
          "find node \"" + name + "\": its record cannot be read: " + read.get().problem());
    }
    return read.flatMap(Read::node).map(node -> entry(node, alive()));
  }

  @Override
  public synchronized List<Entry> nodes() {
    Map<String, Member> alive = alive();
    return records().values().stream()
        .flatMap(read -> read.node().stream())
        .map(node -> entry(node, alive))
        .toList();
  }

  synchronized Set<String> unreadable() {
    return records().entrySet().stream()
        .filter(record -> record.getValue().node().isEmpty())
        .map(Map.Entry::getKey)
        .collect(Collectors.toUnmodifiableSet());
  }

  Subscription subscribe(Executor executor, Consumer<NodeChange> listener) {
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

  /** What is still not seen is not there. */
  private void stopWaiting() {
    synchronized (this) {
      awaited.forEach(last::remove); // so that it is reported
      awaited.clear();
    }
    recompute();
  }

  private void recompute() {
    synchronized (this) {
      Map<String, Member> alive = alive();
      Map<String, Read> records = records();
      Set<String> names = new TreeSet<>(last.keySet());
      names.addAll(records.keySet());
      alive.keySet().stream().filter(notNodes.negate()).forEach(names::add);
      for (String name : names) {
        change(name, state(name, Optional.ofNullable(records.get(name)), alive));
      }
    }
    deliveries.forEach(Delivery::dispatch);
  }

  private void change(String name, NodeState now) {
    NodeState before = last.getOrDefault(name, NodeState.ABSENT);
    if (now == NodeState.NOT_READY && awaited.contains(name)) {
      last.put(name, now);
      return; // it may be that only this process has just started
    }
    awaited.remove(name);
    if (now == before) {
      return;
    }
    if (now == NodeState.ABSENT) {
      last.remove(name);
    } else {
      last.put(name, now);
    }
    LOG.info("node {}: {} -> {}", name, before, now);
    deliveries.forEach(delivery -> delivery.offer(new NodeChange(name, before, now)));
  }

  private NodeState state(String name, Optional<Read> read, Map<String, Member> alive) {
    if (read.isPresent()) {
      // An unreadable record registers its node all the same, but nobody can say who it is.
      return read.get().node().map(node -> entry(node, alive).state()).orElse(NodeState.NOT_READY);
    }
    boolean member = alive.containsKey(name) && !notNodes.test(name);
    return NodeState.of(false, member);
  }

  private Entry entry(Node node, Map<String, Member> alive) {
    Optional<Member> member = Optional.ofNullable(alive.get(node.name()));
    // A record of another start speaks of a process that is gone.
    boolean same =
        member.isPresent() && node.bootId().map(member.get().bootId()::equals).orElse(true);
    return new Entry(node, NodeState.of(true, same && identified(node)));
  }

  /** A record that names a key is of the member that holds the key. */
  private boolean identified(Node node) {
    if (!(membership instanceof Identities identities)) {
      return true;
    }
    Optional<String> key = identities.identityKey(node.name());
    return key.isEmpty() || node.identityKey().isEmpty() || key.equals(node.identityKey());
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

  private static Read decode(String name, Versioned record) {
    try {
      Node node = NodeJson.decode(record.value());
      if (node.name().equals(name)) {
        return new Read(record.revision(), Optional.of(node), "");
      }
      return new Read(record.revision(), Optional.empty(), "it names " + Rules.quote(node.name()));
    } catch (N0Exception e) {
      LOG.warn("record of node {} cannot be read: {}", name, e.getMessage());
      return new Read(record.revision(), Optional.empty(), String.valueOf(e.getMessage()));
    }
  }

  private static String key(String name) {
    return PREFIX + "/" + Rules.label("name", name);
  }
}
