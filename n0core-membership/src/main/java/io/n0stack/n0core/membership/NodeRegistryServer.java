package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.api.store.Versioned;
import io.n0stack.n0core.membership.internal.record.NodeJson;
import io.n0stack.n0core.membership.internal.record.StoreMirror;
import io.n0stack.n0core.membership.internal.registry.NodeFeed;
import io.n0stack.n0core.membership.internal.registry.NodeStates;
import io.n0stack.n0core.membership.internal.registry.OpenRequests;
import io.n0stack.n0core.membership.internal.registry.OpenRequests.Kind;
import io.n0stack.n0core.membership.internal.registry.RegistryAccess;
import io.n0stack.n0core.membership.internal.registry.RegistryAccess.Asker;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Reply;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Request;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Rest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The API process's side of the node registry: keeps the records in a store, serves them to agents
 * over the membership's connections, and knows each node's state.
 *
 * <p>A node is READY while its record is registered and its member is alive, and, if the record has
 * a boot id, is of that boot, and if it has a key and members are known by keys, has proved to hold that.
 * What the record does not say is not asked: one without boot id or key, as a program saves it that
 * registers nodes beforehand, is of whoever bears its name, as far as the transport proves names; {@link
 * NodeRegistryClient#saveSelf} says both. Record and member of a node that is READY may be of different
 * keys for 15 s, while a certificate is renewed.
 *
 * <p>After a start of the API, nodes are UNKNOWN until their members are seen,
 * usually within seconds; that is the first view and not reported as a change. Those that are still not
 * seen 15 s after the API's member has joined become NOT_READY.
 *
 * <p>Thread-safe. The caller closes the server, then the membership and the store.
 *
 * @since 0.1
 */
public final class NodeRegistryServer implements NodeRegistry, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(NodeRegistryServer.class);
  private static final int WAITING = 256;
  private static final int MOST_WATCHERS = 4096;
  private static final Duration GRACE = Duration.ofSeconds(15);

  private final AtomixMembership membership;
  private final StoreMirror store;
  private final NodeStates states;
  private final NodeFeed feed;
  private final ThreadPoolExecutor reader;
  private final ThreadPoolExecutor writer; // a distant store may let a change wait for long
  private final AtomicInteger watchers = new AtomicInteger();
  private final OpenRequests open = new OpenRequests(); // what waits in those is few of each peer

  private NodeRegistryServer(AtomixMembership membership, Store store, Duration grace) {
    this.membership = membership;
    String self = membership.self().name();
    this.store = new StoreMirror(store);
    this.states = new NodeStates(
        this.store,
        membership,
        membership.member()::identityKey,
        name -> name.equals(self) || membership.member().registries().containsKey(name),
        grace);
    membership.member().onKeyChange(states::keyChanged);
    // A program may open the registry long before it joins, and joining may wait for the name.
    var unused = membership.member().looking().thenRun(states::lookedFor);
    this.feed = new NodeFeed(this.store, states);
    this.reader = worker("n0core-node-registry-" + self);
    this.writer = worker("n0core-node-changes-" + self);
  }

  private static ThreadPoolExecutor worker(String name) {
    return new ThreadPoolExecutor(
        1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(WAITING), task -> {
          Thread thread = new Thread(task, name);
          thread.setDaemon(true);
          return thread;
        });
  }

  /**
   * Opens the registry of a member that has not joined yet, and lets the member call the nodes on
   * record once it joins.
   *
   * @param membership the API process's member; the caller joins and closes it
   * @param store where the records are, under {@code node/}; the caller closes it
   * @return the registry, which the caller closes
   * @throws IllegalStateException if the member has joined
   */
  public static NodeRegistryServer open(AtomixMembership membership, Store store) {
    return open(membership, store, GRACE);
  }

  /** Opens the registry with another time for nodes to be seen. */
  static NodeRegistryServer open(AtomixMembership membership, Store store, Duration grace) {
    membership.member().announceRegistry();
    NodeRegistryServer server = new NodeRegistryServer(membership, store, grace);
    membership.member().dial(server.addressesOnRecord());
    membership
        .member()
        .serveFrom(
            RegistryProtocol.SUBJECT,
            (peer, request) -> server.answerLater(Asker.of(peer), request));
    return server;
  }

  @Override
  public void save(Node node) {
    states.save(node);
  }

  @Override
  public void remove(String name) {
    states.remove(name);
  }

  @Override
  public Optional<Entry> find(String name) {
    return states.find(name);
  }

  /**
   * Lists all nodes whose records can be read; {@link #unreadable()} names the others.
   *
   * @return the nodes by name
   */
  @Override
  public List<Entry> nodes() {
    return states.nodes();
  }

  @Override
  public Optional<Revised> findRevised(String name) {
    return store
        .find(key(name))
        .map(record -> new Revised(NodeJson.decode(record.value()), record.revision()));
  }

  @Override
  public long saveIf(Node node, long expectedRevision) {
    return store.put(key(node.name()), NodeJson.encode(node), expectedRevision);
  }

  @Override
  public void removeIf(String name, long expectedRevision) {
    store.delete(key(name), expectedRevision);
  }

  private static String key(String name) {
    return "node/" + Rules.label("name", name);
  }

  @Override
  public Subscription watch(String after, Executor executor, Watcher watcher) {
    return feed.subscribe(after, executor, watcher);
  }

  /**
   * Names the nodes whose records are there but cannot be read. They count as NOT_READY.
   *
   * @return the names, usually none
   */
  public Set<String> unreadable() {
    return states.unreadable();
  }

  /**
   * Calls back, in order, after every change of a node's state.
   *
   * @param executor what runs the listener
   * @param listener called with each change; never while a lock is held
   * @return the subscription, which the caller closes
   */
  public Subscription subscribe(Executor executor, Listener listener) {
    return states.subscribe(executor, listener::nodeChanged);
  }

  /** Stops answering; records, membership and store stay as they are. */
  @Override
  public void close() {
    membership.member().unserve(RegistryProtocol.SUBJECT);
    membership.member().onKeyChange(name -> {});
    reader.shutdown();
    writer.shutdown();
    feed.close();
    states.close();
    store.close();
  }

  /** Hears of changes. */
  @FunctionalInterface
  public interface Listener {
    /**
     * Is told of one change.
     *
     * @param change the node, and its states before and now
     */
    void nodeChanged(NodeChange change);
  }

  private List<HostPort> addressesOnRecord() {
    List<HostPort> addresses = new ArrayList<>();
    for (Entry entry : states.nodes()) {
      try {
        addresses.add(HostPort.parse(entry.node().address()));
      } catch (N0Exception e) {
        LOG.warn("node {} cannot be called: {}", entry.node().name(), e.getMessage());
      }
    }
    return addresses;
  }

  /** Answers a request; of one that asks what comes next, when something has come or soon. */
  CompletableFuture<byte[]> answerLater(Asker asker, byte[] json) {
    String peer = asker.name();
    return open.begin(peer, Kind.UNREAD, () -> later(reader, () -> RegistryProtocol.request(json)))
        .thenCompose(request -> switch (request.verb()) {
          case WATCH ->
            open.begin(peer, Kind.WATCH, () -> watched(request.position().orElse("")));
          case FIND, LIST ->
            open.begin(peer, Kind.QUESTION, () -> later(reader, () -> answer(asker, request)));
          case SAVE, SAVE_IF, REMOVE, REMOVE_IF ->
            open.begin(peer, Kind.CHANGE, () -> later(writer, () -> answer(asker, request)));
        })
        .exceptionally(NodeRegistryServer::failed)
        .thenApply(NodeJson::bytes);
  }

  private static <T> CompletableFuture<T> later(Executor worker, Supplier<T> task) {
    try {
      return CompletableFuture.supplyAsync(task, worker);
    } catch (RejectedExecutionException e) {
      return CompletableFuture.failedFuture(overloaded(e));
    }
  }

  private CompletableFuture<Reply> watched(String position) {
    if (watchers.incrementAndGet() > MOST_WATCHERS) {
      watchers.decrementAndGet();
      return CompletableFuture.failedFuture(overloaded(new IllegalStateException("watchers")));
    }
    return feed.after(position)
        .completeOnTimeout(null, RegistryProtocol.WATCH_MILLIS, TimeUnit.MILLISECONDS)
        .thenCompose(nothing -> later(reader, () -> Reply.of(feed.batch(position))))
        .whenComplete((reply, failure) -> watchers.decrementAndGet());
  }

  private static N0Exception overloaded(Exception cause) {
    return new N0Exception(
        Code.UNAVAILABLE, "node registry", "node registry is overloaded or closing", cause);
  }

  private static Reply failed(Throwable failure) {
    Throwable cause = failure instanceof CompletionException && failure.getCause() != null
        ? failure.getCause()
        : failure;
    if (cause instanceof N0Exception refusal) {
      return Reply.failed(refusal);
    }
    LOG.warn("node registry failed", cause);
    return Reply.failed(
        new N0Exception(Code.INTERNAL, "node registry", "node registry failed: " + cause, cause));
  }

  private Reply answer(Asker asker, Request request) {
    RegistryAccess.require(asker, request.verb(), request.about());
    String name = request.name().orElse("");
    Reply done = Reply.of(List.of(), Rest.NONE);
    switch (request.verb()) {
      case SAVE -> save(node(request));
      case SAVE_IF -> {
        return done.withRevision(saveIf(node(request), revision(request)));
      }
      case REMOVE -> remove(name);
      case REMOVE_IF -> removeIf(name, revision(request));
      case FIND -> {
        return found(name);
      }
      case LIST -> {
        return Reply.page(nodes(), name);
      }
      case WATCH -> throw new IllegalStateException("a watch is answered elsewhere");
    }
    return done;
  }

  private Reply found(String name) {
    long revision = store.find(key(name)).map(Versioned::revision).orElse(Store.NONE);
    return Reply.of(find(name).stream().toList(), Rest.NONE).withRevision(revision);
  }

  private static Node node(Request request) {
    return request.node().orElseThrow(() -> N0Exception.invalid("node", "", "must be there"));
  }

  private static long revision(Request request) {
    return request
        .revision()
        .orElseThrow(() -> N0Exception.invalid("revision", "", "must be there"));
  }
}
