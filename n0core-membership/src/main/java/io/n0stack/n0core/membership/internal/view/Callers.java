package io.n0stack.n0core.membership.internal.view;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.internal.connection.PeerNetwork;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.identity.Refused;
import io.n0stack.n0core.membership.internal.identity.Refused.Reason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Calls seeds, for ever, and those of whom gossip tells but who have not greeted this member. */
public final class Callers {
  private static final Logger LOG = LoggerFactory.getLogger(Callers.class);
  /** What a sign of life is asked for with. */
  public static final String PING = "n0core-ping";

  private static final Duration GREETING = Duration.ofSeconds(3);
  private static final int STRANGERS_AT_ONCE = 64;
  private static final int PINGS_AT_ONCE = 64;
  private static final long REPEATED_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final PeerNetwork network;
  private final Seeds seeds;
  private final MembershipConfig config;
  private final Set<HostPort> calling = ConcurrentHashMap.newKeySet();
  private final Set<HostPort> pinging = ConcurrentHashMap.newKeySet();
  private final Queue<Ping> waiting = new ConcurrentLinkedQueue<>();
  private final AtomicInteger pings = new AtomicInteger();
  private final Map<HostPort, Long> reported = new HashMap<>();

  /** Whom to ask, and what to do with the answer. */
  private record Ping(HostPort address, Consumer<Peer> answered) {}

  /**
   * Calls over a member's connections.
   *
   * @param network the connections
   * @param seeds the addresses to call
   * @param config what the member needs to know
   */
  public Callers(PeerNetwork network, Seeds seeds, MembershipConfig config) {
    this.network = network;
    this.seeds = seeds;
    this.config = config;
  }

  /**
   * Calls who is due.
   *
   * @param living who is alive and has greeted this member
   * @param strangers where those are of whom gossip tells
   * @param answered run when one of these has answered
   */
  public void call(Collection<Peer> living, List<HostPort> strangers, Runnable answered) {
    for (HostPort seed : seeds.due(living)) {
      var unused = network
          .greet(seed, config.timings().connect().multipliedBy(2))
          .whenComplete((peer, failure) -> {
            if (peer == null) {
              report(seed, failure);
              seeds.silent(seed);
            } else {
              seeds.answered(seed, peer);
            }
          });
    }
    for (HostPort stranger : strangers) {
      if (calling.size() < STRANGERS_AT_ONCE && calling.add(stranger)) {
        var unused = network
            .greet(stranger, config.timings().connect())
            .whenComplete((peer, failure) -> {
              calling.remove(stranger);
              if (peer == null) {
                report(stranger, failure);
              } else {
                answered.run();
              }
            });
      }
    }
  }

  /**
   * Leaves out those that are being called.
   *
   * @param strangers where those are of whom gossip tells
   * @return where those are that may be called
   */
  public List<HostPort> uncalled(List<HostPort> strangers) {
    return strangers.stream().filter(stranger -> !calling.contains(stranger)).toList();
  }

  /**
   * Asks for a sign of life, of as many at once as is good and of all in turn. That they were heard is
   * noted where connections are.
   *
   * @param addresses where they are
   * @param answered told who has answered as only a member that has joined does
   */
  public void ping(List<HostPort> addresses, Consumer<Peer> answered) {
    for (HostPort address : addresses) {
      if (pinging.add(address)) {
        waiting.add(new Ping(address, answered));
      }
    }
    ping();
  }

  private void ping() {
    while (pings.get() < PINGS_AT_ONCE) {
      Ping next = waiting.poll();
      if (next == null) {
        return;
      }
      pings.incrementAndGet();
      Duration timeout = config.timings().probeTimeout();
      var unused = network
          .greet(next.address(), timeout)
          .thenCompose(peer -> network
              .request(next.address(), PING, new byte[0], timeout)
              .thenAccept(answer -> next.answered().accept(peer)))
          .whenComplete((done, failure) -> {
            pings.decrementAndGet();
            pinging.remove(next.address());
            ping();
          });
    }
  }

  /**
   * Asks the seeds whether another process uses this member's name, until one of them knows.
   *
   * @return the refusal, empty if nobody objects
   */
  public Optional<Refused> nameInUse() {
    Duration most = config.timings().connect().plus(GREETING);
    List<CompletableFuture<Peer>> calls = new ArrayList<>();
    for (HostPort seed : seeds.all()) {
      calls.add(network.greet(seed, most));
    }
    CompletableFuture<Boolean> any = new CompletableFuture<>();
    CompletableFuture<?>[] all = calls.stream()
        .map(call -> call.whenComplete((peer, failure) -> {
          if (peer != null || duplicate(failure).isPresent()) {
            any.complete(true);
          }
        }))
        .map(call -> call.exceptionally(failure -> null))
        .toArray(CompletableFuture<?>[]::new);
    var unused = CompletableFuture.allOf(all).thenAccept(done -> any.complete(true));
    try {
      any.get(most.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted("join as \"" + config.name() + "\"", e);
    } catch (ExecutionException | TimeoutException e) {
      LOG.debug("no seed answers yet", e);
    }
    return calls.stream()
        .filter(CompletableFuture::isCompletedExceptionally)
        .flatMap(call -> call.handle((peer, failure) -> duplicate(failure)).join().stream())
        .findFirst();
  }

  private static Optional<Refused> duplicate(Throwable failure) {
    return refused(failure).filter(refused -> refused.reason() == Reason.DUPLICATE);
  }

  private static Optional<Refused> refused(Throwable failure) {
    return cause(failure) instanceof Refused refused ? Optional.of(refused) : Optional.empty();
  }

  private static Throwable cause(Throwable failure) {
    return failure instanceof CompletionException && failure.getCause() != null
        ? failure.getCause()
        : failure;
  }

  /** Says why a connection is not wanted, now and then; that nobody answers is nothing to say. */
  private void report(HostPort address, Throwable failure) {
    Throwable cause = cause(failure);
    boolean worthIt = cause instanceof Refused || cause instanceof SSLException;
    long now = System.nanoTime();
    synchronized (reported) {
      Long last = reported.get(address);
      if (!worthIt || (last != null && now - last < REPEATED_NANOS)) {
        return;
      }
      reported.put(address, now);
    }
    LOG.warn("member {}: {} does not let it in: {}", config.name(), address, cause.getMessage());
  }
}
