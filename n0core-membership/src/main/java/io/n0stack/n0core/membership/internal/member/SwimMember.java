package io.n0stack.n0core.membership.internal.member;

import static java.util.Objects.requireNonNull;

import io.atomix.cluster.ClusterMembershipService;
import io.n0stack.n0core.api.Delivery;
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
import io.n0stack.n0core.membership.internal.view.LivingMembers;
import io.n0stack.n0core.membership.internal.view.LivingMembers.Listed;
import io.n0stack.n0core.membership.internal.view.Pace;
import io.n0stack.n0core.membership.internal.view.Seeds;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiFunction;
import java.util.function.Function;
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
  private static final Duration RECONCILE = Duration.ofMillis(500);
  private static final Duration SLOWEST = LivingMembers.PAUSE.dividedBy(2);
  private static final Duration LOOK = Duration.ofMillis(1);
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
  private final LivingMembers living;
  private final ScheduledExecutorService scheduler;
  private final List<Delivery<Set<Member>>> deliveries = new CopyOnWriteArrayList<>();
  private final Object lifecycle = new Object();
  private final Object view = new Object();
  private final AtomicBoolean reconciling = new AtomicBoolean();
  private final Callers callers;
  private final Pace pace;
  private volatile long reconciledNanos = System.nanoTime();
  private volatile Phase phase = Phase.NEW;
  private volatile @Nullable Protocol protocol;
  private volatile Set<Member> members = Set.of();
  private volatile Role role = Role.NODE;

  private SwimMember(MembershipConfig config, Credentials credentials, Carrier carrier) {
    this.config = config;
    this.self =
        new Member(config.name(), config.listen().toString(), UUID.randomUUID().toString());
    this.credentials = credentials;
    this.claims = new Claims(config.timings(), System::nanoTime);
    this.living = new LivingMembers(self, config.timings(), System::nanoTime);
    this.seeds = new Seeds(config.listen(), System::nanoTime);
    this.seeds.keep(config.seeds());
    this.network = new PeerNetwork(config, this::peer, credentials, claims, carrier);
    this.callers = new Callers(network, seeds, config);
    this.pace = new Pace(config.timings().probe(), System::nanoTime);
    this.scheduler = Executors.newSingleThreadScheduledExecutor(task -> {
      Thread thread = new Thread(task, "n0core-membership-" + config.name());
      thread.setDaemon(true);
      return thread;
    });
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
        soon(() -> goodbye(from));
        return CompletableFuture.completedFuture(new byte[0]);
      });
      // By the thread that keeps the view: one that hangs shall not seem alive.
      network.serve(
          Callers.PING, (from, nothing) -> CompletableFuture.supplyAsync(() -> nothing, scheduler));
      seeds.begin();
      Protocol started = new Protocol(config, peer(), seeds, network, this::reconcileSoon);
      protocol = started;
      synchronized (view) {
        living.begin();
      }
      phase = Phase.JOINED;
      soon(this::reconcileForEver); // before the wait: a start that is only slow must not go unseen
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
        TimeUnit.MILLISECONDS.sleep(RECONCILE.toMillis() / 2);
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
      members.stream().map(Member::address).map(HostPort::parse).forEach(others::add);
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
    return members;
  }

  @Override
  public Subscription subscribe(Executor executor, Listener listener) {
    List<Delivery<Set<Member>>> itself = new ArrayList<>(1);
    Delivery<Set<Member>> delivery = new Delivery<>(
        executor, listener::membersChanged, () -> deliveries.removeAll(List.copyOf(itself)));
    itself.add(delivery);
    deliveries.add(delivery);
    return delivery;
  }

  @Override
  public void close() {
    synchronized (lifecycle) {
      if (phase == Phase.GONE) {
        return;
      }
      phase = Phase.GONE;
      scheduler.shutdownNow();
      Protocol running = protocol;
      CompletableFuture<Void> stopped =
          running == null ? CompletableFuture.completedFuture(null) : running.stop();
      // Nobody is told: that this member stops looking says nothing of the others.
      deliveries.forEach(Delivery::close);
      show(Set.of());
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

  private void soon(Runnable task) {
    try {
      scheduler.execute(task);
    } catch (RejectedExecutionException e) {
      LOG.debug("member {} is closing", config.name());
    }
  }

  /** Looks soon, and once for all that happens until then; with many members not all the time. */
  private void reconcileSoon() {
    if (reconciling.compareAndSet(false, true)) {
      long left = leastPause().toNanos() - (System.nanoTime() - reconciledNanos);
      try {
        var unused = scheduler.schedule(
            () -> {
              reconciling.set(false);
              reconcile();
            },
            Math.max(0, left),
            TimeUnit.NANOSECONDS);
      } catch (RejectedExecutionException e) {
        LOG.debug("member {} is closing", config.name());
      }
    }
  }

  /** Looking at many takes longer, and many have more news. */
  private Duration leastPause() {
    Duration pause = LOOK.multipliedBy(members.size());
    return shorter(pause, RECONCILE);
  }

  private static Duration shorter(Duration one, Duration other) {
    return one.compareTo(other) < 0 ? one : other;
  }

  private void reconcileForEver() {
    Duration probe = shorter(config.timings().probe(), SLOWEST);
    long pause = Math.max(RECONCILE.toMillis(), probe.toMillis());
    try {
      network.tend();
      Protocol running = protocol;
      if (running != null && phase == Phase.JOINED) {
        running.tend(members);
        running.compare(members);
      }
      reconcile();
      Optional<Duration> next;
      synchronized (view) {
        next = living.next();
      }
      long due = Math.max(leastPause().toMillis(), next.map(Duration::toMillis).orElse(pause));
      pause = Math.min(pause, due + 1);
    } catch (N0Exception e) {
      LOG.warn("member {} could not look at the others", config.name(), e);
    } finally {
      if (phase == Phase.JOINED) {
        schedule(pause);
      }
    }
  }

  private void schedule(long millis) {
    try {
      var unused = scheduler.schedule(this::reconcileForEver, millis, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      LOG.debug("member {} is closing", config.name());
    }
  }

  /** Looks at the whole list: Atomix's events miss members that come back. */
  private void reconcile() {
    Protocol running = protocol;
    if (running == null || phase != Phase.JOINED) {
      return;
    }
    List<Listed> listed = running.listed();
    Map<String, Claims.Claim> users = claims.all();
    Function<String, Optional<Claims.Claim>> held = name -> Optional.ofNullable(users.get(name));
    List<Peer> greeted = users.values().stream().map(Claims.Claim::peer).toList();
    Set<Member> now;
    List<HostPort> suspects;
    List<HostPort> unseen;
    synchronized (view) {
      now = living.among(listed, held);
      suspects = living.suspects();
      unseen = living.unseen(greeted);
    }
    callers.ping(suspects, peer -> {});
    callers.ping(unseen, peer -> soon(() -> answered(peer)));
    Set<String> boots = new HashSet<>();
    now.forEach(member -> boots.add(member.bootId()));
    claims.living(boots);
    List<HostPort> strangers = LivingMembers.strangers(listed, peer().id(), held);
    callers.call(
        greeted.stream().filter(one -> boots.contains(one.bootId())).toList(),
        // Who answers for nodes has to have met all. Others meet when they speak to each other.
        role == Role.REGISTRY ? strangers : pace.some(strangers),
        this::reconcileSoon);
    show(now);
    reconciledNanos = System.nanoTime();
  }

  private void show(Set<Member> now) {
    synchronized (view) {
      if (now.equals(members) || (phase == Phase.GONE && !now.isEmpty())) {
        return;
      }
      Map<String, String> boots = new HashMap<>();
      now.forEach(member -> boots.put(member.name(), member.bootId()));
      Set<Member> between = new HashSet<>(members);
      boolean restarted = between.removeIf(
          before -> !before.bootId().equals(boots.getOrDefault(before.name(), before.bootId())));
      if (restarted) {
        // A new start under a name is the old one's end first.
        deliveries.forEach(delivery -> delivery.offer(Set.copyOf(between)));
      }
      members = now;
      deliveries.forEach(delivery -> delivery.offer(now));
    }
    deliveries.forEach(Delivery::dispatch);
  }

  private void answered(Peer peer) {
    synchronized (view) {
      living.answered(peer);
    }
    reconcileSoon();
  }

  private void goodbye(Peer from) {
    synchronized (view) {
      living.leave(from.bootId());
    }
    claims.left(from.bootId());
    reconcile();
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
      synchronized (view) {
        living.wantFirstHand();
      }
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
    for (Member member : members) {
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
