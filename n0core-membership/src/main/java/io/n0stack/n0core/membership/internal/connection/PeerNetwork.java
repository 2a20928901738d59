package io.n0stack.n0core.membership.internal.connection;

import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.internal.identity.Claims;
import io.n0stack.n0core.membership.internal.identity.Credentials;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.identity.Peer.Role;
import io.n0stack.n0core.membership.internal.identity.Refused;
import io.netty.channel.Channel;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The connections between members: one in each direction, kept while they are used, made anew when
 * credentials change. Everything waits for a bounded time. Thread-safe.
 */
@SuppressWarnings("FutureReturnValueIgnored") // what fails is told to the connection's handlers
public final class PeerNetwork implements Handshake.Host {
  private static final Duration IDLE = Duration.ofMinutes(5);
  private static final Duration SILENT = Duration.ofMinutes(2); // longer than that
  private static final int PROBES = 600; // of so many members, one probes another once in that time

  private final MembershipConfig config;
  private final Supplier<Peer> self;
  private final Credentials credentials;
  private final Claims claims;
  private final SecureRandom random = new SecureRandom();
  private final Carrier carrier;
  private final Gate gate;
  private final Map<String, Handler> handlers = new ConcurrentHashMap<>();
  private final Arrivals arrivals;
  private final Links links;
  private final Duration mostIdle;
  private final Duration mostSilent;
  private @Nullable EventLoopGroup accepting;
  private @Nullable EventLoopGroup dialling;
  private @Nullable Channel listener;
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
    this.self = self;
    this.credentials = credentials;
    this.claims = claims;
    this.gate = new Gate(carrier);
    this.arrivals = new Arrivals(this, handlers, claims::heard, gate);
    this.links = new Links(config, this, carrier, claims::heard);
    this.mostIdle = idle(config.timings());
    this.mostSilent = mostIdle.plus(SILENT);
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
  public List<HostPort> connected() {
    return links.connected();
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
    EventLoopGroup out = carrier.threads("dial", config.name());
    accepting = in;
    dialling = out;
    CompletableFuture<Void> started = new CompletableFuture<>();
    Channel channel = carrier
        .listen(in, config.listen(), arrivals)
        .addListener(bound -> {
          if (bound.isSuccess()) {
            started.complete(null);
          } else {
            notListening();
            started.completeExceptionally(bound.cause());
          }
        })
        .channel();
    if (!started.isCompletedExceptionally()) {
      listener = channel;
      links.begin(out);
    }
    return started;
  }

  /** Lets a later start try again. */
  private synchronized void notListening() {
    listener = null;
    links.suspend();
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
    EventLoopGroup in;
    EventLoopGroup out;
    synchronized (this) {
      if (listener != null) {
        listener.close();
      }
      listener = null;
      in = accepting;
      out = dialling;
    }
    arrivals.close();
    links.close();
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
    links.tend(mostIdle);
    if (generation != seenGeneration) {
      seenGeneration = generation;
      arrivals.bye();
    }
    arrivals.closeSilent(mostSilent);
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
    return links
        .to(to)
        .thenApply(link -> link)
        .orTimeout(Math.max(1, timeout.toMillis()), TimeUnit.MILLISECONDS);
  }

  private CompletableFuture<byte[]> local(String subject, byte[] payload) {
    Handler handler = handlers.get(subject);
    return handler == null
        ? CompletableFuture.failedFuture(new IOException("nobody here answers " + subject))
        : handler.handle(self(), payload);
  }
}
