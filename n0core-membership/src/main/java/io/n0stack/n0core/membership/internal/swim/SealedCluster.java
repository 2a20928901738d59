package io.n0stack.n0core.membership.internal.swim;

import io.atomix.cluster.AtomixCluster;
import io.atomix.cluster.ClusterConfig;
import io.atomix.cluster.MemberConfig;
import io.atomix.cluster.protocol.SwimMembershipProtocol;
import io.atomix.cluster.protocol.SwimMembershipProtocolConfig;
import io.atomix.utils.Version;
import io.atomix.utils.net.Address;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.view.Seeds;
import java.lang.reflect.Field;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;

/**
 * Atomix's membership alone, over connections that are not its own, which only its protected
 * constructor allows. Built from a plain configuration object: the builders read system properties
 * and fail on some.
 */
final class SealedCluster extends AtomixCluster {
  static final Version VERSION = Version.from("3.1.12");
  private static final List<String> TASKS = List.of("gossipFuture", "probeFuture");

  SealedCluster(MembershipConfig config, Peer self, Seeds seeds, PeerMessaging messaging) {
    super(
        clusterConfig(config, self, seeds),
        VERSION,
        messaging,
        new MessagingUnicast(messaging),
        new NoBroadcast());
  }

  /** Starts the membership and none of Atomix's other services, which would only send more. */
  @Override
  protected CompletableFuture<Void> startServices() {
    return unicastService
        .start()
        .thenCompose(done -> membershipService.start())
        .thenAccept(done -> {});
  }

  @Override
  protected CompletableFuture<Void> stopServices() {
    return membershipService
        .stop()
        .exceptionally(failure -> null)
        .thenCompose(done -> unicastService.stop());
  }

  /** Tells whether the protocol's tasks still run: one that throws is never run again. */
  boolean alive() {
    try {
      for (String task : TASKS) {
        Field field = SwimMembershipProtocol.class.getDeclaredField(task);
        field.setAccessible(true);
        if (field.get(membershipProtocol) instanceof Future<?> future && future.isDone()) {
          return false;
        }
      }
      return true;
    } catch (ReflectiveOperationException e) {
      throw new N0Exception(
          Code.INTERNAL, "Atomix", "this Atomix is not the one that n0core was made for", e);
    }
  }

  private static ClusterConfig clusterConfig(MembershipConfig config, Peer self, Seeds seeds) {
    // Every start is a member of its own: of one that it knows, Atomix keeps address and
    // properties.
    MemberConfig member = new MemberConfig()
        .setId(self.id())
        .setAddress(Address.from(config.listen().host(), config.listen().port()));
    return new ClusterConfig()
        .setClusterId(config.clusterId())
        .setNodeConfig(member)
        .setDiscoveryConfig(new SeedDiscovery.Config(seeds))
        .setProtocolConfig(swim(config.timings()));
  }

  private static SwimMembershipProtocolConfig swim(Timings timings) {
    return new SwimMembershipProtocolConfig()
        .setProbeInterval(timings.probe())
        .setProbeTimeout(timings.probeTimeout())
        .setFailureTimeout(timings.failureTimeout())
        .setGossipInterval(timings.gossip())
        .setGossipFanout(3)
        .setBroadcastUpdates(true)
        .setBroadcastDisputes(true)
        .setNotifySuspect(true)
        .setRetainTombstones(false); // they would never be collected
  }
}
