package io.n0stack.n0core.membership;

import io.atomix.cluster.messaging.MessagingConfig;
import io.atomix.cluster.messaging.impl.NettyMessagingService;
import io.atomix.utils.net.Address;
import io.n0stack.n0core.api.Delivery;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.api.node.Membership;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
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
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Membership by SWIM, on Atomix: members probe each other over TCP and gossip what they find.
 *
 * <p>Listens on the configured address and on nothing else. Everything goes in the clear, see {@link
 * Transport}. Thread-safe; the program that opens it closes it.
 *
 * @since 0.1
 */
public final class AtomixMembership implements Membership {
  private static final Logger LOG = LoggerFactory.getLogger(AtomixMembership.class);
  private static final String BOOT = "n0core.boot";
  private static final String REGISTRY = "n0core.registry";
  private static final String LEAVE = "n0core-leave";
  private static final int MOST_BOOT_BYTES = 64;
  private static final Duration RECONCILE = Duration.ofMillis(500);
  private static final Duration START = Duration.ofSeconds(10);
  private static final Duration GOODBYE = Duration.ofSeconds(1);
  private static final Duration STOP = Duration.ofSeconds(6); // Netty's quiet period takes 2 s

  private enum Phase {
    NEW,
    JOINED,
    GONE
  }

  private final MembershipConfig config;
  private final Member self;
  private final TimedMessaging messaging;
  private final SeedDiscovery.Seeds seeds;
  private final LivingMembers living;
  private final ScheduledExecutorService scheduler;
  private final List<Delivery<Set<Member>>> deliveries = new CopyOnWriteArrayList<>();
  private final Object lifecycle = new Object();
  private final Object view = new Object();
  private volatile Phase phase = Phase.NEW;
  private volatile Optional<SealedCluster> cluster = Optional.empty();
  private volatile Set<Member> members = Set.of();
  private volatile Map<String, HostPort> registries = Map.of();
  private volatile boolean servesRegistry;

  private AtomixMembership(MembershipConfig config) {
    this.config = config;
    this.self =
        new Member(config.name(), config.listen().toString(), UUID.randomUUID().toString());
    this.living = new LivingMembers(self);
    this.seeds = new SeedDiscovery.Seeds(config.listen());
    this.seeds.add(config.seeds());
    // Unless told the interface, Atomix listens on every address.
    MessagingConfig bound = new MessagingConfig()
        .setInterfaces(List.of(config.listen().host()))
        .setPort(config.listen().port());
    Address address = Address.from(config.listen().host(), config.listen().port());
    this.messaging =
        new TimedMessaging(new NettyMessagingService(config.clusterId(), address, bound));
    this.scheduler = Executors.newSingleThreadScheduledExecutor(task -> {
      Thread thread = new Thread(task, "n0core-membership-" + config.name());
      thread.setDaemon(true);
      return thread;
    });
  }

  /**
   * Prepares a member; listens on nothing before {@link #join()} or the first request of a {@link
   * NodeRegistryClient}.
   *
   * @param config what it needs to know
   * @return the member, with a boot id of its own; the caller closes it
   * @throws N0Exception PRECONDITION, naming them, if the JVM lacks the flags that Atomix needs;
   *     UNSUPPORTED if the address is not isolated and the transport does not allow that
   */
  public static AtomixMembership open(MembershipConfig config) {
    Preconditions.requireOpens();
    Preconditions.requireIsolated(config);
    return new AtomixMembership(config);
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
      BiFunction<Address, byte[], byte[]> onLeave = (from, boot) -> goodbye(boot);
      messaging.registerHandler(LEAVE, onLeave, scheduler);
      Map<String, String> properties = new HashMap<>(Map.of(BOOT, self.bootId()));
      if (servesRegistry) {
        properties.put(REGISTRY, "1");
      }
      seeds.begin();
      SealedCluster started = new SealedCluster(config, properties, seeds, messaging);
      cluster = Optional.of(started);
      phase = Phase.JOINED;
      started.getMembershipService().addListener(event -> soon(this::reconcile));
      soon(this::reconcileForEver); // before the wait: a start that is only slow must not go unseen
      await("join as \"" + config.name() + "\"", started.start(), START);
      LOG.info("member {} joined, listening on {}", config.name(), config.listen());
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
      byte[] boot = self.bootId().getBytes(StandardCharsets.UTF_8);
      CompletableFuture<?>[] told = others.stream()
          .map(to -> request(to, LEAVE, boot, GOODBYE).exceptionally(silent -> boot))
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
      CompletableFuture<Void> stopped =
          cluster.isPresent() ? cluster.get().stop() : messaging.stop();
      // Nobody is told: that this member stops looking says nothing of the others.
      deliveries.forEach(Delivery::close);
      show(Set.of());
      await("stop member \"" + config.name() + "\"", stopped, STOP);
    }
  }

  /** Starts listening, unless it does. */
  private void listen() {
    synchronized (lifecycle) {
      if (phase == Phase.GONE) {
        throw new IllegalStateException("member \"" + config.name() + "\" is closed");
      }
      if (messaging.isRunning()) {
        return;
      }
      Preconditions.requireListenable(config.listen());
      await("listen on \"" + config.listen() + "\"", messaging.start(), START);
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

  private void reconcileForEver() {
    try {
      reconcile();
    } finally {
      if (phase == Phase.JOINED) {
        var unused = scheduler.schedule(
            () -> soon(this::reconcileForEver), RECONCILE.toMillis(), TimeUnit.MILLISECONDS);
      }
    }
  }

  /** Looks at the whole list: Atomix's events miss members that come back. */
  private void reconcile() {
    if (cluster.isEmpty() || phase != Phase.JOINED) {
      return;
    }
    Set<io.atomix.cluster.Member> listed = cluster.get().getMembershipService().getMembers();
    Map<String, HostPort> serving = new HashMap<>();
    for (io.atomix.cluster.Member one : listed) {
      if (one.properties().getProperty(REGISTRY) != null) {
        serving.put(
            one.id().id(), new HostPort(one.address().host(), one.address().port()));
      }
    }
    registries = Map.copyOf(serving);
    List<LivingMembers.Listed> found =
        listed.stream().map(AtomixMembership::listed).toList();
    Set<Member> now;
    synchronized (view) {
      now = living.among(found);
    }
    seeds.answered(now.stream().map(Member::address).collect(Collectors.toSet()));
    show(now);
  }

  private static LivingMembers.Listed listed(io.atomix.cluster.Member member) {
    return new LivingMembers.Listed(
        member.id().id(),
        member.address().host() + ":" + member.address().port(),
        Optional.ofNullable(member.properties().getProperty(BOOT)));
  }

  private void show(Set<Member> now) {
    synchronized (view) {
      if (now.equals(members) || (phase == Phase.GONE && !now.isEmpty())) {
        return;
      }
      members = now;
      deliveries.forEach(delivery -> delivery.offer(now));
    }
    deliveries.forEach(Delivery::dispatch);
  }

  private byte[] goodbye(byte[] boot) {
    if (boot.length <= MOST_BOOT_BYTES) {
      synchronized (view) {
        living.leave(new String(boot, StandardCharsets.UTF_8));
      }
      reconcile();
    }
    return new byte[0];
  }

  // What the node registry needs of the connections.

  MembershipConfig config() {
    return config;
  }

  /** Lets others know that this member answers for node records; only before it joins. */
  void announceRegistry() {
    synchronized (lifecycle) {
      if (phase != Phase.NEW) {
        throw new IllegalStateException("open the node registry before join()");
      }
      servesRegistry = true;
    }
  }

  /** Calls these addresses too, until they answer. */
  void dial(Collection<HostPort> addresses) {
    seeds.add(addresses);
  }

  /** Lists the members that answer for node records, by name. */
  Map<String, HostPort> registries() {
    return registries;
  }

  void serve(String subject, Function<byte[], CompletableFuture<byte[]>> handler) {
    messaging.registerHandler(subject, (from, request) -> handler.apply(request));
  }

  void unserve(String subject) {
    messaging.unregisterHandler(subject);
  }

  CompletableFuture<byte[]> request(HostPort to, String subject, byte[] payload, Duration timeout) {
    listen();
    Address address = Address.from(to.host(), to.port());
    // A connection of its own: a pooled one to a dead process would be tried first.
    return messaging.sendAndReceive(address, subject, payload, false, timeout);
  }
}
