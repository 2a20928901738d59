package io.n0stack.n0core.membership.internal.connection;

import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.internal.Ipv4;
import io.n0stack.n0core.membership.internal.identity.FrameSeal.Side;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The connections that this member makes: one to each address, for all that is sent there. Thread-safe. */
@SuppressWarnings("FutureReturnValueIgnored") // what fails is told to the connection's handlers
final class Links {
  private static final Duration OLDEST =
      Duration.ofHours(1); // then certificates are looked at again
  private static final int RESOLVERS = 4;

  private final MembershipConfig config;
  private final Handshake.Host host;
  private final Carrier carrier;
  private final Consumer<Peer> heard;
  private final Map<HostPort, Link> links = new HashMap<>();
  private final Map<HostPort, CompletableFuture<Link>> opening = new HashMap<>();
  private final ExecutorService resolvers;
  private @Nullable EventLoopGroup threads;

  /**
   * Prepares to call others.
   *
   * @param config what this member needs to know
   * @param host this member
   * @param carrier what connections are made of
   * @param heard told of whom something was heard
   */
  Links(MembershipConfig config, Handshake.Host host, Carrier carrier, Consumer<Peer> heard) {
    this.config = config;
    this.host = host;
    this.carrier = carrier;
    this.heard = heard;
    ThreadPoolExecutor pool = new ThreadPoolExecutor(
        RESOLVERS,
        RESOLVERS,
        10,
        TimeUnit.SECONDS,
        new LinkedBlockingQueue<>(1024),
        new DefaultThreadFactory("n0core-resolver-" + config.name(), true));
    pool.allowCoreThreadTimeOut(true);
    this.resolvers = pool;
  }

  /** Makes connections from now on; these threads run them. */
  synchronized void begin(EventLoopGroup with) {
    threads = with;
  }

  /** Makes no more connections until it begins again. */
  synchronized void suspend() {
    threads = null;
  }

  /** Closes all for good. */
  void close() {
    List<CompletableFuture<Link>> pending;
    synchronized (this) {
      threads = null;
      pending = new ArrayList<>(opening.values());
      links.values().forEach(Link::close);
      links.clear();
    }
    pending.forEach(one -> one.completeExceptionally(new IOException("closed")));
    resolvers.shutdownNow();
  }

  synchronized List<HostPort> connected() {
    return List.copyOf(links.keySet());
  }

  /** Lets go of connections that are old, unused for so long, or of earlier credentials. */
  synchronized void tend(Duration mostIdle) {
    int generation = host.credentials().generation();
    links.values().removeIf(link -> {
      boolean stays = link.usable(generation)
          && link.idle().compareTo(mostIdle) < 0
          && link.age().compareTo(OLDEST) < 0;
      if (!stays) {
        link.retire();
      }
      return !stays;
    });
  }

  /** Connects, unless it is; all who ask meanwhile wait for the same connection. */
  CompletableFuture<Link> to(HostPort to) {
    CompletableFuture<Link> future = new CompletableFuture<>();
    synchronized (this) {
      if (threads == null) {
        return CompletableFuture.failedFuture(closed());
      }
      Link open = links.get(to);
      if (open != null && open.usable(host.credentials().generation())) {
        return CompletableFuture.completedFuture(open);
      }
      if (open != null) {
        links.remove(to);
        open.retire();
      }
      CompletableFuture<Link> pending = opening.get(to);
      if (pending != null) {
        return pending;
      }
      opening.put(to, future);
    }
    var unused = future.whenComplete((link, failure) -> opened(to, link));
    resolve(to, future);
    return future;
  }

  private static IOException closed() {
    return new IOException("member is closed");
  }

  private synchronized void opened(HostPort to, @Nullable Link link) {
    opening.remove(to);
    if (link != null) {
      links.put(to, link);
    }
  }

  private void resolve(HostPort to, CompletableFuture<Link> future) {
    try {
      if (Ipv4.literal(to.host())) {
        dial(new InetSocketAddress(InetAddress.getByName(to.host()), to.port()), future);
        return;
      }
      // A name server that does not answer must not stop the connections.
      resolvers.execute(() -> {
        try {
          dial(new InetSocketAddress(InetAddress.getByName(to.host()), to.port()), future);
        } catch (UnknownHostException | RejectedExecutionException e) {
          future.completeExceptionally(e);
        }
      });
    } catch (UnknownHostException | RejectedExecutionException e) {
      future.completeExceptionally(e);
    }
  }

  private void dial(InetSocketAddress to, CompletableFuture<Link> future) {
    EventLoopGroup with;
    synchronized (this) {
      with = threads;
    }
    if (with == null) {
      future.completeExceptionally(closed());
      return;
    }
    Duration timeout = config.timings().connect();
    ChannelFuture connecting =
        carrier.connect(with, config.listen(), to, timeout, new Dialling(future));
    connecting.addListener(connected -> {
      if (!connected.isSuccess()) {
        future.completeExceptionally(connected.cause());
      }
    });
  }

  /** Prepares a connection. */
  private final class Dialling extends ChannelInitializer<Channel> {
    private final CompletableFuture<Link> future;

    Dialling(CompletableFuture<Link> future) {
      this.future = future;
    }

    @Override
    protected void initChannel(Channel channel) {
      int generation = host.credentials().generation();
      CompletableFuture<Peer> known = new CompletableFuture<>();
      host.credentials()
          .encryption(channel, Side.DIALLING)
          .ifPresent(tls -> channel.pipeline().addLast(tls));
      channel.pipeline().addLast(new FrameCodec());
      channel.pipeline().addLast(new Handshake(host, Side.DIALLING, known));
      var unused = known.whenComplete((peer, failure) -> {
        if (failure != null) {
          future.completeExceptionally(failure);
          return;
        }
        Link link = new Link(channel, peer, generation, heard);
        channel.pipeline().addLast(link);
        if (!future.complete(link)) {
          channel.close();
        }
      });
    }
  }
}
