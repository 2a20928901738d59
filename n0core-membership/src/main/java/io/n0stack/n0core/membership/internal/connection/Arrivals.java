package io.n0stack.n0core.membership.internal.connection;

import io.n0stack.n0core.membership.internal.identity.FrameSeal.Side;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.identity.Refused;
import io.n0stack.n0core.membership.internal.identity.Refused.Reason;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections that others make. Whoever comes has to say and prove who it is before anything is
 * answered, and holds little until then. Thread-safe.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails is told to the connection's handlers
final class Arrivals extends ChannelInitializer<Channel> {
  private static final Logger LOG = LoggerFactory.getLogger(Arrivals.class);
  private static final long REPEATED_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final int MOST_OF_ONE = 8;

  private final Handshake.Host host;
  private final Map<String, Handler> handlers;
  private final Consumer<Peer> heard;
  private final Gate gate;
  private final Budget budget = Budget.ofHeap();
  private final Set<Served> served = ConcurrentHashMap.newKeySet();
  private final AtomicLong reportedNanos = new AtomicLong(System.nanoTime() - REPEATED_NANOS);

  /**
   * Prepares to be called.
   *
   * @param host this member
   * @param handlers what it answers with, by subject
   * @param heard told of whom something was heard
   * @param gate limits strangers
   */
  Arrivals(Handshake.Host host, Map<String, Handler> handlers, Consumer<Peer> heard, Gate gate) {
    this.host = host;
    this.handlers = handlers;
    this.heard = heard;
    this.gate = gate;
  }

  @Override
  protected void initChannel(Channel channel) {
    var meter = gate.watch(channel);
    CompletableFuture<Peer> known = new CompletableFuture<>();
    channel.pipeline().addLast(meter);
    host.credentials()
        .encryption(channel, Side.ACCEPTING)
        .ifPresent(tls -> channel.pipeline().addLast(tls));
    channel.pipeline().addLast(new FrameCodec());
    channel.pipeline().addLast(new Handshake(host, Side.ACCEPTING, known));
    var unused = known.whenComplete((peer, failure) -> {
      if (failure != null) {
        report(channel, failure);
        return;
      }
      gate.known(channel);
      channel.pipeline().remove(meter);
      Served connection = new Served(channel, peer, handlers, heard, budget);
      makeRoom(peer);
      served.add(connection);
      channel.closeFuture().addListener(closed -> served.remove(connection));
      channel.pipeline().addLast(connection);
    });
  }

  /** Closes the oldest connection of one that has many. */
  private void makeRoom(Peer peer) {
    List<Served> own = served.stream()
        .filter(one -> one.peer().name().equals(peer.name()))
        .sorted(Comparator.comparing(Served::age).reversed())
        .toList();
    for (int i = 0; i <= own.size() - MOST_OF_ONE; i++) {
      own.get(i).close();
    }
  }

  /** Says who is not let in, now and then: strangers must not fill the log. */
  private void report(Channel channel, Throwable failure) {
    long now = System.nanoTime();
    boolean quiet = failure instanceof ClosedChannelException
        || (failure instanceof Refused refused && refused.reason() == Reason.DUPLICATE);
    if (quiet || now - reportedNanos.get() < REPEATED_NANOS) {
      LOG.debug("{} is not let in: {}", channel.remoteAddress(), failure.toString());
    } else {
      reportedNanos.set(now);
      LOG.warn("{} is not let in: {}", channel.remoteAddress(), failure.toString());
    }
  }

  /** Asks all to connect anew. */
  void bye() {
    served.forEach(Served::bye);
  }

  /** Lets go of those that have said nothing for long. */
  void closeSilent(Duration silent) {
    served.stream().filter(one -> one.idle().compareTo(silent) > 0).forEach(Served::close);
  }

  void close() {
    served.forEach(Served::close);
  }
}
