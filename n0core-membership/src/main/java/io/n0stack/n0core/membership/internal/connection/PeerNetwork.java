package io.n0stack.n0core.membership.internal.connection;

import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.internal.Ipv4;
import io.n0stack.n0core.membership.internal.identity.Claims;
import io.n0stack.n0core.membership.internal.identity.Credentials;
import io.n0stack.n0core.membership.internal.identity.FrameSeal.Side;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.identity.Peer.Role;
import io.n0stack.n0core.membership.internal.identity.Refused;
import io.n0stack.n0core.membership.internal.identity.Refused.Reason;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.ClosedChannelException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connections between members: one in each direction, kept while they are used, made anew when
 * credentials change. Everything waits for a bounded time. Thread-safe.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails is told to the connection's handlers
public final class PeerNetwork implements Handshake.Host {
  private static final Logger LOG = LoggerFactory.getLogger(PeerNetwork.class);
  private static final Duration IDLE = Duration.ofMinutes(5);
  private static final Duration SILENT = Duration.ofMinutes(2); // longer than that
  private static final int PROBES = 600; // of so many members, one probes another once in that time
  private static final Duration OLDEST =
      Duration.ofHours(1); // then certificates are looked at again
  private static final long REPEATED_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final int RESOLVERS = 4;
  private static final int MOST_OF_ONE = 8;

  private final MembershipConfig config;
  private final Supplier<Peer> self;
  private final Credentials credentials;
  private final Claims claims;
  private final SecureRandom random = new SecureRandom();
  private final Carrier carrier;
  private final Gate gate;
  private final Budget budget = Budget.ofHeap();
  private final Map<String, Handler> handlers = new ConcurrentHashMap<>();
  private final Map<HostPort, Link> links = new HashMap<>();
  private final Map<HostPort, CompletableFuture<Link>> opening = new HashMap<>();
  private final Set<Served> served = ConcurrentHashMap.newKeySet();
  private final ExecutorService resolvers;
  private @Nullable EventLoopGroup accepting;
  private @Nullable EventLoopGroup dialling;
  private @Nullable Channel listener;
  private final AtomicLong reportedNanos = new AtomicLong(System.nanoTime() - REPEATED_NANOS);
  private int seenGeneration;

  /**
   * Prepares the connections of a member over TCP; {@link #start()} listens.
   *
   * @param config what this member needs to know
   * @param self tells who it is now
   * @param credentials what it proves itself with, and demands of others
   * @param claims who uses which name
   */
  public PeerNetwork(
      MembershipConfig config, Supplier<Peer> self, Credentials credentials, Claims claims) {
    this(config, self, credentials, claims, new Tcp());
  }

  /**
   * Prepares the connections of a member; {@link #start()} listens.
   *
   * @param config what this member needs to know
   * @param self tells who it is now
   * @param credentials what it proves itself with, and demands of others
   * @param claims who uses which name
   * @param carrier what they are made of
   */
  public PeerNetwork(
      MembershipConfig config,
      Supplier<Peer> self,
      Credentials credentials,
      Claims claims,
      Carrier carrier) {
    this.config = config;
    this.carrier = carrier;
    this.gate = new Gate(carrier);
    this.self = self;
    this.credentials = credentials;
    this.claims = claims;
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

  @Override
  public Peer self() {
    return self.get();
  }

  @Override
  public String cluster() {
    return config.clusterId();
  }

  @Override
  public Credentials credentials() {
    return credentials;
  }

  @Override
  public SecureRandom random() {
    return random;
  }

  @Override
  public void admit(Peer peer, String from) throws Refused {
    claims.admit(self(), peer, from);
  }

  @Override
  public String source(Channel channel) {
    return carrier.source(channel.remoteAddress());
  }

  /**
   * Tells where a start of a member is that has greeted this one.
   *
   * @param id what Atomix knows it by
   * @return where it listens, empty if it has not greeted this one
   */
  public Optional<HostPort> greetedAt(String id) {
    int at = id.indexOf('@');
    return at < 0
        ? Optional.empty()
        : claims
            .find(id.substring(0, at))
            .map(Claims.Claim::peer)
            .filter(peer -> peer.id().equals(id))
            .map(Peer::address);
  }

  /**
   * Answers the messages of a subject, also those of this member itself.
   *
   * @param subject the subject
   * @param handler answers them
   */
  public void serve(String subject, Handler handler) {
    handlers.put(subject, handler);
  }

  /**
   * Answers the messages of a subject no more.
   *
   * @param subject the subject
   */
  public void unserve(String subject) {
    handlers.remove(subject);
  }

  /**
   * Tells whether this member listens.
   *
   * @return whether it does
   */
  public synchronized boolean running() {
    return listener != null;
  }

  /**
   * Lists whom this member has a connection to that it has made.
   *
   * @return their addresses
   */
  public synchronized List<HostPort> connected() {
    return List.copyOf(links.keySet());
  }

  /** How long a connection is kept that is not used: members probe each other in turns. */
  static Duration idle(Timings timings) {
    Duration round = timings.probe().multipliedBy(PROBES);
    return round.compareTo(IDLE) > 0 ? round : IDLE;
  }

  /** Counts the connections of strangers. */
  int strangers() {
    return gate.strangers();
  }

  /**
   * Listens on the configured address and on no other.
   *
   * @return done when it listens, or failed with why it does not
   */
  public synchronized CompletableFuture<Void> start() {
    EventLoopGroup in = carrier.threads("accept", config.name());
    accepting = in;
    dialling = carrier.threads("dial", config.name());
    CompletableFuture<Void> started = new CompletableFuture<>();
    Channel channel = carrier
        .listen(in, config.listen(), new Accepting())
        .addListener(bound -> {
          if (bound.isSuccess()) {
            started.complete(null);
          } else {
            notListening();
            started.completeExceptionally(bound.cause());
          }
        })
        .channel();
    listener = started.isCompletedExceptionally() ? null : channel;
    return started;
  }

  /** Lets a later start try again. */
  private synchronized void notListening() {
    listener = null;
    if (accepting != null && dialling != null) {
      carrier.release(accepting);
      carrier.release(dialling);
    }
  }

  /**
   * Closes everything at once; the peers see it.
   *
   * @return done when the threads have ended
   */
  public CompletableFuture<Void> stop() {
    List<CompletableFuture<Link>> pending;
    EventLoopGroup in;
    EventLoopGroup out;
    synchronized (this) {
      if (listener != null) {
        listener.close();
      }
      listener = null;
      pending = new ArrayList<>(opening.values());
      links.values().forEach(Link::close);
      links.clear();
      in = accepting;
      out = dialling;
    }
    served.forEach(Served::close);
    pending.forEach(one -> one.completeExceptionally(new IOException("closed")));
    resolvers.shutdownNow();
    CompletableFuture<Void> stopped = new CompletableFuture<>();
    if (in == null || out == null) {
      stopped.complete(null);
      return stopped;
    }
    carrier
        .release(in)
        .addListener(done -> carrier.release(out).addListener(both -> stopped.complete(null)));
    return stopped;
  }

  /**
   * Reads changed credentials, and lets go of connections that are old, unused or of earlier ones.
   */
  public void tend() {
    credentials.refresh();
    int generation = credentials.generation();
    Duration most = idle(config.timings());
    synchronized (this) {
      links.values().removeIf(link -> {
        boolean stays = link.usable(generation)
            && link.idle().compareTo(most) < 0
            && link.age().compareTo(OLDEST) < 0;
        if (!stays) {
          link.retire();
        }
        return !stays;
      });
    }
    if (generation != seenGeneration) {
      seenGeneration = generation;
      served.forEach(Served::bye);
    }
    Duration silent = most.plus(SILENT);
    served.stream().filter(one -> one.idle().compareTo(silent) > 0).forEach(Served::close);
  }

  /**
   * Sends a message that wants no answer.
   *
   * @param to where to
   * @param subject its subject
   * @param payload what it says
   * @param timeout how long a connection may take to be made
   * @return done when it is sent
   */
  public CompletableFuture<Void> send(
      HostPort to, String subject, byte[] payload, Duration timeout) {
    if (to.equals(config.listen())) {
      return local(subject, payload).thenAccept(answer -> {});
    }
    return peerLink(to, timeout).thenCompose(link -> link.send(subject, payload));
  }

  /**
   * Sends a message and waits for its answer.
   *
   * @param to where to
   * @param subject its subject
   * @param payload what it says
   * @param timeout how long all of it may take
   * @return the answer
   */
  public CompletableFuture<byte[]> request(
      HostPort to, String subject, byte[] payload, Duration timeout) {
    if (to.equals(config.listen())) {
      return local(subject, payload);
    }
    long begun = System.nanoTime();
    return peerLink(to, timeout)
        .thenCompose(
            link -> link.request(subject, payload, timeout.minusNanos(System.nanoTime() - begun)));
  }

  /**
   * Asks a member that answers for node records, and no other.
   *
   * @param to where to
   * @param subject its subject
   * @param payload what it says
   * @param timeout how long all of it may take
   * @return the answer
   */
  public CompletableFuture<byte[]> ask(
      HostPort to, String subject, byte[] payload, Duration timeout) {
    return greet(to, timeout)
        .thenCompose(peer -> peer.role() == Role.REGISTRY
            ? request(to, subject, payload, timeout)
            : CompletableFuture.failedFuture(
                new IOException("\"" + peer.name() + "\" does not answer for node records")));
  }

  /**
   * Connects, unless it is; the connection is shared and goes on being made after the time is up.
   *
   * @param to where to
   * @param timeout how long to wait
   * @return who is there
   */
  public CompletableFuture<Peer> greet(HostPort to, Duration timeout) {
    return peerLink(to, timeout).thenApply(Link::peer);
  }

  private CompletableFuture<Link> peerLink(HostPort to, Duration timeout) {
    return link(to)
        .thenApply(link -> link)
        .orTimeout(Math.max(1, timeout.toMillis()), TimeUnit.MILLISECONDS);
  }

  private CompletableFuture<byte[]> local(String subject, byte[] payload) {
    Handler handler = handlers.get(subject);
    return handler == null
        ? CompletableFuture.failedFuture(new IOException("nobody here answers " + subject))
        : handler.handle(self(), payload);
  }

  private CompletableFuture<Link> link(HostPort to) {
    CompletableFuture<Link> future = new CompletableFuture<>();
    synchronized (this) {
      if (listener == null) {
        return CompletableFuture.failedFuture(new IOException("member is closed"));
      }
      Link open = links.get(to);
      if (open != null && open.usable(credentials.generation())) {
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
    EventLoopGroup group;
    synchronized (this) {
      group = dialling;
    }
    if (group == null) {
      future.completeExceptionally(new IOException("member is closed"));
      return;
    }
    Duration timeout = config.timings().connect();
    ChannelFuture connecting =
        carrier.connect(group, config.listen(), to, timeout, new Dialling(future));
    connecting.addListener(connected -> {
      if (!connected.isSuccess()) {
        future.completeExceptionally(connected.cause());
      }
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

  /** Prepares connections that others make. */
  private final class Accepting extends ChannelInitializer<Channel> {
    @Override
    protected void initChannel(Channel channel) {
      var meter = gate.watch(channel);
      CompletableFuture<Peer> known = new CompletableFuture<>();
      channel.pipeline().addLast(meter);
      credentials
          .encryption(channel, Side.ACCEPTING)
          .ifPresent(tls -> channel.pipeline().addLast(tls));
      channel.pipeline().addLast(new FrameCodec());
      channel.pipeline().addLast(new Handshake(PeerNetwork.this, Side.ACCEPTING, known));
      var unused = known.whenComplete((peer, failure) -> {
        if (failure != null) {
          report(channel, failure);
          return;
        }
        gate.known(channel);
        channel.pipeline().remove(meter);
        Served connection = new Served(channel, peer, handlers, claims::heard, budget);
        makeRoom(peer);
        served.add(connection);
        channel.closeFuture().addListener(closed -> served.remove(connection));
        channel.pipeline().addLast(connection);
      });
    }
  }

  /** Prepares connections that this member makes. */
  private final class Dialling extends ChannelInitializer<Channel> {
    private final CompletableFuture<Link> future;

    Dialling(CompletableFuture<Link> future) {
      this.future = future;
    }

    @Override
    protected void initChannel(Channel channel) {
      int generation = credentials.generation();
      CompletableFuture<Peer> known = new CompletableFuture<>();
      credentials
          .encryption(channel, Side.DIALLING)
          .ifPresent(tls -> channel.pipeline().addLast(tls));
      channel.pipeline().addLast(new FrameCodec());
      channel.pipeline().addLast(new Handshake(PeerNetwork.this, Side.DIALLING, known));
      var unused = known.whenComplete((peer, failure) -> {
        if (failure != null) {
          future.completeExceptionally(failure);
          return;
        }
        Link link = new Link(channel, peer, generation, claims::heard);
        channel.pipeline().addLast(link);
        if (!future.complete(link)) {
          channel.close();
        }
      });
    }
  }
}
