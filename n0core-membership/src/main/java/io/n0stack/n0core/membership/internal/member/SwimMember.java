package io.n0stack.n0core.membership.internal.member;

import static java.util.Objects.requireNonNull;

import io.atomix.cluster.ClusterMembershipService;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.api.node.Membership;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.internal.Waits;
import io.n0stack.n0core.membership.internal.connection.Carrier;
import io.n0stack.n0core.membership.internal.connection.PeerNetwork;
import io.n0stack.n0core.membership.internal.connection.Tcp;
import io.n0stack.n0core.membership.internal.identity.Claims;
import io.n0stack.n0core.membership.internal.identity.Credentials;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.identity.Peer.Role;
import io.n0stack.n0core.membership.internal.identity.Refused;
import io.n0stack.n0core.membership.internal.swim.Protocol;
import io.n0stack.n0core.membership.internal.view.Callers;
import io.n0stack.n0core.membership.internal.view.Seeds;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A member: joins, keeps a view of the others from what Atomix lists and from whom it has met, and
 * leaves. Thread-safe; whoever opens it closes it.
 */
public final class SwimMember implements Membership {
  private static final Logger LOG = LoggerFactory.getLogger(SwimMember.class);
  private static final String LEAVE = "n0core-leave";
  private static final long ASK_AGAIN_MILLIS = 250;
  private static final Duration START = Duration.ofSeconds(10);
  private static final Duration GOODBYE = Duration.ofSeconds(1);
  private static final Duration STOP = Duration.ofSeconds(6);

  private enum Phase {
    NEW,
    JOINED,
    GONE
  }

  private final MembershipConfig config;
  private final Member self;
  private final Credentials credentials;
  private final Claims claims;
  private final PeerNetwork network;
  private final Seeds seeds;
  private final Callers callers;
  private final Sight sight = new Sight();
  private final Lookout lookout;
  private final Object lifecycle = new Object();
  private final CompletableFuture<Void> looking = new CompletableFuture<>();
  private volatile Phase phase = Phase.NEW;
  private volatile @Nullable Protocol protocol;
  private volatile Role role = Role.NODE;

  private SwimMember(MembershipConfig config, Credentials credentials, Carrier carrier) {
    this.config = config;
    this.self =
        new Member(config.name(), config.listen().toString(), UUID.randomUUID().toString());
    this.credentials = credentials;
    this.claims = new Claims(config.timings(), System::nanoTime);
    this.seeds = new Seeds(config.listen(), System::nanoTime);
    this.seeds.keep(config.seeds());
    this.network = new PeerNetwork(config, this::peer, credentials, claims, carrier);
    this.callers = new Callers(network, seeds, config);
    this.lookout = new Lookout(config, self, network, claims, callers, sight);
  }

  /**
   * Prepares a member that is connected over TCP.
   *
   * @param config what it needs to know
   * @return the member, with a boot id of its own; the caller closes it
   * @throws N0Exception PRECONDITION, naming them, if the JVM lacks the flags that Atomix needs;
   *     UNSUPPORTED if the address is not isolated and the transport does not allow that; INVALID,
   *     naming file and rule, if certificates, key or secret cannot be used
   */
  public static SwimMember open(MembershipConfig config) {
    return open(config, new Tcp());
  }

  /**
   * Prepares a member whose connections are of another kind, for figures of many.
   *
   * @param config what it needs to know
   * @param carrier what its connections are made of
   * @return the member; the caller closes it
   */
  public static SwimMember open(MembershipConfig config, Carrier carrier) {
    Preconditions.requireOpens();
    Preconditions.requireIsolated(config);
    Credentials credentials = Credentials.of(config.transport());
    credentials.requireOwn(new Peer(config.name(), "boot", config.listen(), Role.NODE));
    return new SwimMember(config, credentials, carrier);
  }

  private Peer peer() {
    return new Peer(self.name(), self.bootId(), config.listen(), role);
  }

  @Override
  public Member self() {
    return self;
  }

  @Override
  public void join() {
    synchronized (lifecycle) {
      if (phase == Phase.JOINED) {
        return;
      }
      listen();
      requireFreeName();
      network.serve(LEAVE, (from, nothing) -> {
        lookout.leaves(from);
        return CompletableFuture.completedFuture(new byte[0]);
      });
      network.serve(
          Callers.PING,
          (from, nothing) -> CompletableFuture.supplyAsync(() -> nothing, lookout.thread()));
      seeds.begin();
      Protocol started = new Protocol(config, peer(), seeds, network, lookout::lookSoon);
      protocol = started;
      phase = Phase.JOINED;
      lookout.begin(started); // before the wait: a start that is only slow must not go unseen
      looking.complete(null);
      await("join as \"" + config.name() + "\"", started.start(), START);
      LOG.info("member {} joined, listening on {}", config.name(), config.listen());
    }
  }

  /** Asks the seeds; a name that its last user has not left is free once it is given up. */
  private void requireFreeName() {
    Timings timings = config.timings();
    long end = System.nanoTime()
        + timings
            .failureTimeout()
            .plus(timings.probeTimeout().multipliedBy(2))
            .plusSeconds(2)
            .toNanos();
    Optional<Refused> duplicate = callers.nameInUse();
    while (duplicate.isPresent()) {
      if (System.nanoTime() - end > 0) {
        throw new N0Exception(
            Code.ALREADY_EXISTS,
            config.name(),
            "join as \"" + config.name() + "\": " + duplicate.get().getMessage(),
            duplicate.get());
      }
      try {
        TimeUnit.MILLISECONDS.sleep(ASK_AGAIN_MILLIS);
      } catch (InterruptedException e) {
        throw N0Exception.interrupted("join as \"" + config.name() + "\"", e);
      }
      duplicate = callers.nameInUse();
    }
  }

  @Override
  public void leave() {
    synchronized (lifecycle) {
      if (phase != Phase.JOINED) {
        return;
      }
      Set<HostPort> others = new LinkedHashSet<>(config.seeds());
      members().stream().map(Member::address).map(HostPort::parse).forEach(others::add);
      others.remove(config.listen());
      CompletableFuture<?>[] told = others.stream()
          .map(to ->
              network.request(to, LEAVE, new byte[0], GOODBYE).exceptionally(silent -> new byte[0]))
          .toArray(CompletableFuture<?>[]::new);
      try {
        await("leave as \"" + config.name() + "\"", CompletableFuture.allOf(told), STOP);
      } finally {
        close();
      }
      LOG.info("member {} left", config.name());
    }
  }

  @Override
  public Set<Member> members() {
    return sight.members();
  }

  @Override
  public Subscription subscribe(Executor executor, Listener listener) {
    return sight.subscribe(executor, listener);
  }

  @Override
  public void close() {
    synchronized (lifecycle) {
      if (phase == Phase.GONE) {
        return;
      }
      phase = Phase.GONE;
      sight.close();
      lookout.stop();
      Protocol running = protocol;
      CompletableFuture<Void> stopped =
          running == null ? CompletableFuture.completedFuture(null) : running.stop();
      await(
          "stop member \"" + config.name() + "\"",
          CompletableFuture.allOf(stopped, network.stop()),
          STOP);
    }
  }

  /** Starts listening, unless it does. */
  private void listen() {
    synchronized (lifecycle) {
      if (phase == Phase.GONE) {
        throw new IllegalStateException("member \"" + config.name() + "\" is closed");
      }
      if (network.running()) {
        return;
      }
      Preconditions.requireListenable(config.listen());
      await("listen on \"" + config.listen() + "\"", network.start(), START);
    }
  }

  private void await(String operation, CompletableFuture<?> future, Duration timeout) {
    try {
      Object unused = Waits.await(operation, future.thenApply(done -> Boolean.TRUE), timeout);
    } catch (ExecutionException e) {
      throw Preconditions.listenFailed(config.listen(), root(e));
    }
  }

  private static Throwable root(Throwable failure) {
    Throwable deepest = failure;
    while (deepest.getCause() != null) {
      deepest = deepest.getCause();
    }
    return deepest;
  }

  // What the node registry needs of the connections.

  /**
   * Returns what it was opened with.
   *
   * @return the configuration
   */
  public MembershipConfig config() {
    return config;
  }

  /** Lets others know that this member answers for node records; only before it joins. */
  public void announceRegistry() {
    synchronized (lifecycle) {
      if (phase != Phase.NEW) {
        throw new IllegalStateException("open the node registry before join()");
      }
      credentials.requireOwn(new Peer(self.name(), self.bootId(), config.listen(), Role.REGISTRY));
      role = Role.REGISTRY;
      lookout.wantFirstHand();
    }
  }

  /**
   * Calls these addresses too, until they answer.
   *
   * @param addresses where they are
   */
  public void dial(Collection<HostPort> addresses) {
    seeds.add(addresses);
  }

  /**
   * Lists the members that answer for node records, by name.
   *
   * @return their addresses by name
   */
  public Map<String, HostPort> registries() {
    Map<String, HostPort> serving = new HashMap<>();
    for (Member member : members()) {
      claims
          .find(member.name())
          .map(Claims.Claim::peer)
          .filter(one -> one.role() == Role.REGISTRY && one.bootId().equals(member.bootId()))
          .ifPresent(one -> serving.put(one.name(), one.address()));
    }
    if (role == Role.REGISTRY && phase == Phase.JOINED) {
      serving.put(self.name(), config.listen());
    }
    return serving;
  }

  /**
   * Returns this member's own public key, Base64, if members are known by keys.
   *
   * @return the key
   */
  public Optional<String> identityKey() {
    return credentials.identityKey();
  }

  /**
   * Finds the public key that a living member has proved to hold.
   *
   * @param name its name
   * @return the key, Base64; empty if members are not known by keys
   */
  public Optional<String> identityKey(String name) {
    return name.equals(self.name())
        ? identityKey()
        : claims.find(name).flatMap(claim -> claim.peer().identityKey());
  }

  /**
   * Completes when this member begins to look for others: it joins, and has the name to itself.
   *
   * @return done then, on the thread that joins; never if it does not join
   */
  public CompletableFuture<Void> looking() {
    return looking.copy();
  }

  /**
   * Sets who is told when a member proves another key than before: its certificate was renewed.
   *
   * @param listener told the member's name, on a connection's thread, so that it must not wait
   */
  public void onKeyChange(Consumer<String> listener) {
    claims.onKeyChange(listener);
  }

  /**
   * Answers requests, knowing who asks.
   *
   * @param subject the subject
   * @param handler answers, told who asks
   */
  public void serveFrom(
      String subject, BiFunction<Peer, byte[], CompletableFuture<byte[]>> handler) {
    network.serve(subject, handler::apply);
  }

  /**
   * Answers the requests of a subject no more.
   *
   * @param subject the subject
   */
  public void unserve(String subject) {
    network.unserve(subject);
  }

  /**
   * Asks a member that answers for node records, and no other; starts listening, unless it does.
   *
   * @param to where it is
   * @param subject the subject
   * @param payload what is asked
   * @param timeout how long to wait
   * @return the answer
   */
  public CompletableFuture<byte[]> request(
      HostPort to, String subject, byte[] payload, Duration timeout) {
    listen();
    return network.ask(to, subject, payload, timeout);
  }

  /**
   * Returns the connections, for tests.
   *
   * @return the connections
   */
  public PeerNetwork network() {
    return network;
  }

  /**
   * Returns what Atomix makes of the members, for tests.
   *
   * @return Atomix's list
   */
  public ClusterMembershipService atomix() {
    return requireNonNull(protocol, "not joined").service();
  }
}
