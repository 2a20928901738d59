package io.n0stack.n0core.membership.internal.registry;

import io.n0stack.n0core.api.Delivery;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.NodeRegistry.NodeEvent;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Batch;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Event;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Follows;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Rest;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A client's side of a watch: asks again and again, and finds out what it has missed. */
public final class NodeWatch implements Subscription {
  private static final Logger LOG = LoggerFactory.getLogger(NodeWatch.class);
  private static final long FIRST_PAUSE_MILLIS = 100;
  private static final long LONGEST_PAUSE_MILLIS = 2000;

  private final Function<String, Batch> server;
  private final Delivery<NodeEvent> delivery;
  private final Map<String, Event> known = new HashMap<>();
  private final Set<String> untold = new HashSet<>(); // what a replay has not told of yet
  private final CountDownLatch closed = new CountDownLatch(1);
  private boolean replaying;
  private String position;

  /**
   * Prepares a watch.
   *
   * @param server asks for what comes after a position, and waits for it
   * @param after the position to begin at
   * @param executor what runs the listener
   * @param listener told of each node
   */
  public NodeWatch(
      Function<String, Batch> server,
      String after,
      Executor executor,
      Consumer<NodeEvent> listener) {
    this.server = server;
    this.position = after;
    this.delivery = new Delivery<>(executor, listener, closed::countDown);
  }

  /**
   * Begins to ask.
   *
   * @param name the member's name, for that of the thread
   */
  public void begin(String name) {
    Thread thread = new Thread(this::run, "n0core-node-watch-" + name);
    thread.setDaemon(true);
    thread.start();
  }

  private void run() {
    long pause = FIRST_PAUSE_MILLIS;
    try {
      while (closed.getCount() > 0) {
        try {
          take(server.apply(position));
          pause = FIRST_PAUSE_MILLIS;
        } catch (N0Exception e) {
          LOG.debug("the watch of nodes goes on later: {}", e.getMessage());
          if (closed.await(pause, TimeUnit.MILLISECONDS)) {
            return;
          }
          pause = Math.min(2 * pause, LONGEST_PAUSE_MILLIS);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  void take(Batch batch) {
    if (batch.follows() == Follows.NOTHING) {
      replaying = true;
      untold.addAll(known.keySet());
    }
    position = batch.position();
    batch.events().forEach(this::tell);
    if (replaying && batch.rest() == Rest.NONE) {
      replaying = false;
      Set<String> gone = Set.copyOf(untold);
      gone.forEach(name -> tell(new Event(name, Optional.empty(), 0)));
    }
    delivery.dispatch();
  }

  private void tell(Event event) {
    untold.remove(event.name());
    Optional<Event> before = Optional.ofNullable(known.get(event.name()));
    if (before.equals(Optional.of(event))) {
      return; // told again by a replay
    }
    if (event.now().isPresent()) {
      known.put(event.name(), event);
    } else {
      known.remove(event.name());
    }
    delivery.offer(new NodeEvent(event.name(), event.now(), event.revision(), position));
  }

  @Override
  public void close() {
    delivery.close();
  }
}
