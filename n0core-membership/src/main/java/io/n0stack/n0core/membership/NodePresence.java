package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry.Revised;
import io.n0stack.n0core.api.node.Resources;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps a host present: joins, saves its record, saves it again when its capacity changes or when an API
 * has lost it, and leaves. While no API answers it goes on trying. It knows the members and the record
 * and nothing else, so that whatever becomes of the APIs, nothing on the host is touched.
 *
 * <p>Thread-safe. The program that begins it closes it.
 *
 * @since 0.1
 */
public final class NodePresence implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(NodePresence.class);
  private static final Duration REFRESH = Duration.ofSeconds(30);
  private static final Duration AGAIN = Duration.ofSeconds(1);
  private static final Duration ONE_CALL = Duration.ofSeconds(3);

  private final AtomixMembership membership;
  private final NodeRegistryClient registry;
  private final Supplier<Resources> capacity;
  private final Duration refresh;
  private final Semaphore news = new Semaphore(0);
  private final Subscription members;
  private final Thread saver;
  private volatile boolean leaving;
  private boolean closed;
  private Node node; // the saver's own: as it was last described
  private Optional<String> key = Optional.empty(); // the saver's own: by what it was last known
  private boolean registered; // whether that was saved

  private NodePresence(
      AtomixMembership membership, Node node, Supplier<Resources> capacity, Duration refresh) {
    this.membership = membership;
    this.registry = NodeRegistryClient.of(membership).withDeadline(ONE_CALL);
    this.node = node.withBootId(membership.self().bootId());
    this.capacity = capacity;
    this.refresh = refresh;
    this.members = membership.subscribe(Runnable::run, now -> news.release());
    this.saver = new Thread(this::keep, "n0core-node-presence-" + node.name());
    saver.setDaemon(true);
  }

  /**
   * Joins, and from then on keeps the record saved; looks at the capacity every 30 s.
   *
   * @param membership the host's member, joined or not; {@link #close()} leaves and closes it
   * @param node the record, of the member's name; its boot id is set, and its serial number if it has
   *     none and the firmware tells one
   * @param capacity tells what the host offers now; called from a thread of this object's
   * @return the presence, which the caller closes
   * @throws N0Exception INVALID if the record has another name; ALREADY_EXISTS, PERMISSION or
   *     UNAVAILABLE if the member cannot listen, and then it is closed
   */
  public static NodePresence begin(
      AtomixMembership membership, Node node, Supplier<Resources> capacity) {
    return begin(membership, node, capacity, REFRESH);
  }

  /**
   * Joins, and from then on keeps the record saved.
   *
   * @param membership the host's member, joined or not; {@link #close()} leaves and closes it
   * @param node the record, of the member's name; its boot id is set, and its serial number if it has
   *     none and the firmware tells one
   * @param capacity tells what the host offers now; called from a thread of this object's
   * @param refresh how often to look at the capacity and whether the record is still there, 100 ms to
   *     1 h
   * @return the presence, which the caller closes
   * @throws N0Exception INVALID if the record has another name; ALREADY_EXISTS, PERMISSION or
   *     UNAVAILABLE if the member cannot listen, and then it is closed
   */
  public static NodePresence begin(
      AtomixMembership membership, Node node, Supplier<Resources> capacity, Duration refresh) {
    if (!node.name().equals(membership.self().name())) {
      throw N0Exception.invalid("name", node.name(), "must be that of the member");
    }
    if (refresh.compareTo(Duration.ofMillis(100)) < 0
        || refresh.compareTo(Duration.ofHours(1)) > 0) {
      throw N0Exception.invalid("refresh", refresh, "must be 100 ms to 1 h");
    }
    Node described = node.serial().isPresent()
        ? node
        : HostSerial.find().map(node::withSerial).orElse(node);
    NodePresence presence = new NodePresence(membership, described, capacity, refresh);
    boolean joined = false;
    try {
      membership.join();
      joined = true;
    } finally {
      if (!joined) {
        presence.members.close();
        membership.close(); // or its threads would keep the program from ending
      }
    }
    presence.saver.start();
    return presence;
  }

  private void keep() {
    try {
      while (!leaving) {
        await(tended() ? refresh : AGAIN);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits for a time, or until the record may no longer be what it should be. */
  private void await(Duration pause) throws InterruptedException {
    long end = System.nanoTime() + pause.toNanos();
    boolean seen = false;
    // A member with a new key does not stay ready for long before its record names it.
    while (!seen && membership.member().identityKey().equals(key)) {
      long left = end - System.nanoTime();
      if (left <= 0) {
        return;
      }
      // An API that comes back is seen as a member first; it may have lost the record.
      seen = news.tryAcquire(Math.min(left, AGAIN.toNanos()), TimeUnit.NANOSECONDS);
    }
    news.drainPermits();
  }

  /** Saves the record if it has changed or is not there; false if that is to be tried again soon. */
  private boolean tended() {
    Optional<Resources> offered = offered();
    try {
      Node now = offered.map(node::withResources).orElse(node);
      if (registered && now.equals(node) && saved()) {
        return offered.isPresent();
      }
      if (registered || offered.isPresent()) {
        node = now;
        registered = false;
        key = membership.member().identityKey();
        registry.saveSelf(now);
        registered = true;
        LOG.info("node {} registered, {}", now.name(), now.capacity());
      }
      return offered.isPresent();
    } catch (N0Exception e) {
      LOG.warn("node {} not registered: {}", node.name(), e.getMessage());
      return false;
    } catch (IllegalStateException e) {
      LOG.info("node {}: its member was closed", node.name());
      leaving = true;
      return false;
    }
  }

  /** Asks the supplier; whatever it throws must not end the presence of a host that is well. */
  private Optional<Resources> offered() {
    return CompletableFuture.supplyAsync(capacity, Runnable::run)
        .thenApply(Optional::of)
        .exceptionally(mistake -> {
          LOG.warn("node {}: its capacity is not known", node.name(), mistake);
          return Optional.empty();
        })
        .join();
  }

  /** Tells whether an API has the record, of this start and with the key that this member has now. */
  private boolean saved() {
    return key.equals(membership.member().identityKey())
        && registry
            .find(node.name())
            .filter(entry -> entry.node().bootId().equals(node.bootId()))
            .filter(entry -> entry.node().identityKey().equals(key))
            .isPresent();
  }

  /** Leaves in peace: the record goes, unless another start has saved its own, and then the member. */
  @Override
  public void close() {
    synchronized (saver) {
      if (closed) {
        return;
      }
      closed = true;
    }
    leaving = true;
    members.close();
    news.release();
    try {
      saver.join(
          2 * ONE_CALL.toMillis()); // a save under way would put back the record that goes now
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try {
      remove();
    } catch (N0Exception | IllegalStateException e) {
      // No API answers, or the member was closed before.
      LOG.warn("the record of node {} stays: {}", membership.self().name(), e.getMessage());
    }
    membership.leave();
    membership.close();
  }

  private void remove() {
    String name = membership.self().name();
    Optional<Revised> found = registry.findRevised(name);
    boolean mine = found
        .flatMap(record -> record.node().bootId())
        .filter(membership.self().bootId()::equals)
        .isPresent();
    if (found.isPresent() && mine) {
      try {
        registry.removeIf(name, found.get().revision());
      } catch (N0Exception e) {
        if (e.code() != Code.PRECONDITION) {
          throw e;
        }
        LOG.info("the record of node {} is another start's by now", name);
      }
    }
  }

  /**
   * Names the node.
   *
   * @return {@code node NAME}
   */
  @Override
  public String toString() {
    return "node " + membership.self().name();
  }
}
