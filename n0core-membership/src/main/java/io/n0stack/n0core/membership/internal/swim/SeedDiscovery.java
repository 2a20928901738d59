package io.n0stack.n0core.membership.internal.swim;

import io.atomix.cluster.BootstrapService;
import io.atomix.cluster.Node;
import io.atomix.cluster.NodeConfig;
import io.atomix.cluster.NodeId;
import io.atomix.cluster.discovery.NodeDiscoveryConfig;
import io.atomix.cluster.discovery.NodeDiscoveryEvent;
import io.atomix.cluster.discovery.NodeDiscoveryEventListener;
import io.atomix.cluster.discovery.NodeDiscoveryProvider;
import io.atomix.utils.event.AbstractListenerManager;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.internal.view.Seeds;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** Tells Atomix whom to ask for the list of members at the start, and later who has answered. */
final class SeedDiscovery
    extends AbstractListenerManager<NodeDiscoveryEvent, NodeDiscoveryEventListener>
    implements NodeDiscoveryProvider {
  /** Begins the names of those whose names are not known yet. */
  static final String PREFIX = "seed:";

  private final Config config;

  private SeedDiscovery(Config config) {
    this.config = config;
    config.seeds.reportTo(
        address -> post(new NodeDiscoveryEvent(NodeDiscoveryEvent.Type.JOIN, node(address))));
  }

  private static Node node(HostPort address) {
    // Nobody knows the name behind a seed yet, and Atomix only uses its address.
    return new Node(new NodeConfig()
        .setId(NodeId.from(PREFIX + address))
        .setHost(address.host())
        .setPort(address.port()));
  }

  @Override
  public Config config() {
    return config;
  }

  @Override
  public Set<Node> getNodes() {
    Set<Node> nodes = new LinkedHashSet<>();
    config.seeds.first().forEach(seed -> nodes.add(node(seed)));
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
