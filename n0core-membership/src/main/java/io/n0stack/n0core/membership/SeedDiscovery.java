package io.n0stack.n0core.membership;

import io.atomix.cluster.BootstrapService;
import io.atomix.cluster.Node;
import io.atomix.cluster.NodeConfig;
import io.atomix.cluster.NodeId;
import io.atomix.cluster.discovery.NodeDiscoveryConfig;
import io.atomix.cluster.discovery.NodeDiscoveryEvent;
import io.atomix.cluster.discovery.NodeDiscoveryEventListener;
import io.atomix.cluster.discovery.NodeDiscoveryProvider;
import io.atomix.utils.event.AbstractListenerManager;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** Tells Atomix whom to call: every seed at which no member is alive. */
final class SeedDiscovery
    extends AbstractListenerManager<NodeDiscoveryEvent, NodeDiscoveryEventListener>
    implements NodeDiscoveryProvider {
  private final Config config;

  private SeedDiscovery(Config config) {
    this.config = config;
  }

  @Override
  public Config config() {
    return config;
  }

  @Override
  public Set<Node> getNodes() {
    Set<Node> nodes = new LinkedHashSet<>();
    for (HostPort seed : config.seeds.due()) {
      // Nobody knows the name behind a seed yet, and Atomix only uses its address.
      nodes.add(new Node(new NodeConfig()
          .setId(NodeId.from("seed-" + seed))
          .setHost(seed.host())
          .setPort(seed.port())));
    }
    return nodes;
  }

  @Override
  public CompletableFuture<Void> join(BootstrapService bootstrap, Node localNode) {
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public CompletableFuture<Void> leave(Node localNode) {
    return CompletableFuture.completedFuture(null);
  }

  /** The addresses to call, and which of them answer already. */
  static final class Seeds {
    private static final int AT_A_TIME = 4;
    private static final long ALL_AT_FIRST_NANOS = Duration.ofSeconds(5).toNanos();

    private final HostPort self;
    private final Set<HostPort> wanted = new LinkedHashSet<>();
    private Set<String> alive = Set.of();
    private long since = System.nanoTime();
    private int next;

    Seeds(HostPort self) {
      this.self = self;
    }

    synchronized void add(Collection<HostPort> addresses) {
      wanted.addAll(addresses);
      wanted.remove(self);
    }

    synchronized void begin() {
      since = System.nanoTime();
    }

    synchronized void answered(Set<String> addresses) {
      alive = Set.copyOf(addresses);
    }

    /** All at first; later a few at a time, so that dead seeds do not delay the probes of the living. */
    synchronized List<HostPort> due() {
      List<HostPort> silent =
          wanted.stream().filter(seed -> !alive.contains(seed.toString())).toList();
      if (silent.size() <= AT_A_TIME || System.nanoTime() - since < ALL_AT_FIRST_NANOS) {
        return silent;
      }
      next = (next + AT_A_TIME) % silent.size();
      List<HostPort> twice = new ArrayList<>(silent);
      twice.addAll(silent);
      return List.copyOf(twice.subList(next, next + AT_A_TIME));
    }
  }

  /** Carries the seeds through Atomix's configuration to the provider. */
  static final class Config extends NodeDiscoveryConfig {
    private final Seeds seeds;

    Config(Seeds seeds) {
      this.seeds = seeds;
    }

    @Override
    public Type getType() {
      return new Type();
    }
  }

  /** Makes the provider. */
  static final class Type implements NodeDiscoveryProvider.Type<Config> {
    @Override
    public String name() {
      return "n0core-seeds";
    }

    @Override
    public Config newConfig() {
      throw new UnsupportedOperationException("seeds come from MembershipConfig only");
    }

    @Override
    public NodeDiscoveryProvider newProvider(Config config) {
      return new SeedDiscovery(config);
    }
  }
}
