package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.membership.RegistryProtocol.Reply;
import io.n0stack.n0core.membership.RegistryProtocol.Request;
import io.n0stack.n0core.membership.RegistryProtocol.Rest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The API process's side of the node registry: keeps the records in a store, serves them to agents
 * over the membership's connections, and knows each node's state.
 *
 * <p>A node is READY while its record is registered and its member is alive, and, if the record has
 * a boot id, is of that boot. After a start of the API, nodes on record are NOT_READY until their
 * members are seen, usually within seconds; that is the first view and not reported as a change.
 *
 * <p>Thread-safe. The caller closes the server, then the membership and the store.
 *
 * @since 0.1
 */
public final class NodeRegistryServer implements NodeRegistry, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(NodeRegistryServer.class);
  private static final int WAITING = 256;
  private static final int LIST_BYTES = NodeJson.MAX_MESSAGE_BYTES / 2;

  private final AtomixMembership membership;
  private final NodeStates states;
  private final ThreadPoolExecutor worker;

  private NodeRegistryServer(AtomixMembership membership, Store store) {
    this.membership = membership;
    String self = membership.self().name();
    this.states = new NodeStates(
        store, membership, name -> name.equals(self) || membership.registries().containsKey(name));
    this.worker = new ThreadPoolExecutor(
        1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(WAITING), task -> {
          Thread thread = new Thread(task, "n0core-node-registry-" + self);
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
    membership.announceRegistry();
    NodeRegistryServer server = new NodeRegistryServer(membership, store);
    membership.dial(server.addressesOnRecord());
    membership.serve(RegistryProtocol.SUBJECT, server::answerLater);
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
    membership.unserve(RegistryProtocol.SUBJECT);
    worker.shutdown();
    states.close();
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

  private CompletableFuture<byte[]> answerLater(byte[] request) {
    try {
      return CompletableFuture.supplyAsync(() -> NodeJson.bytes(answer(request)), worker);
    } catch (RejectedExecutionException e) {
      N0Exception busy = new N0Exception(
          Code.UNAVAILABLE, "node registry", "node registry is overloaded or closing");
      return CompletableFuture.completedFuture(NodeJson.bytes(Reply.failed(busy)));
    }
  }

  private Reply answer(byte[] json) {
    try {
      return answer(RegistryProtocol.request(json));
    } catch (N0Exception e) {
      return Reply.failed(e);
    }
  }

  private Reply answer(Request request) {
    String name = request.name().orElse("");
    switch (request.verb()) {
      case SAVE ->
        save(request.node().orElseThrow(() -> N0Exception.invalid("node", "", "must be there")));
      case REMOVE -> remove(name);
      case FIND -> {
        return Reply.of(find(name).stream().toList(), Rest.NONE);
      }
      case LIST -> {
        return page(nodes(), name);
      }
    }
    return Reply.of(List.of(), Rest.NONE);
  }

  /** Cuts a list into replies that stay well under the largest message. */
  static Reply page(List<Entry> nodes, String after) {
    List<Entry> page = new ArrayList<>();
    int bytes = 0;
    for (Entry entry : nodes) {
      if (entry.node().name().compareTo(after) <= 0) {
        continue;
      }
      bytes += NodeJson.bytes(entry).length;
      if (bytes > LIST_BYTES) {
        return Reply.of(page, Rest.MORE);
      }
      page.add(entry);
    }
    return Reply.of(page, Rest.NONE);
  }
}
