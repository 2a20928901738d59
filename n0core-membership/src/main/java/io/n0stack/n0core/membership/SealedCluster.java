package io.n0stack.n0core.membership;

import io.atomix.cluster.AtomixCluster;
import io.atomix.cluster.ClusterConfig;
import io.atomix.cluster.MemberConfig;
import io.atomix.cluster.protocol.SwimMembershipProtocolConfig;
import io.atomix.utils.Version;
import io.atomix.utils.net.Address;
import java.util.Map;

/**
 * Atomix with its network services replaced, which only its protected constructor allows. Built from
 * a plain configuration object: the builders read system properties and fail on some.
 */
final class SealedCluster extends AtomixCluster {
  private static final Version VERSION = Version.from("3.1.12");

  SealedCluster(
      MembershipConfig config,
      Map<String, String> properties,
      SeedDiscovery.Seeds seeds,
      TimedMessaging messaging) {
    super(
        clusterConfig(config, properties, seeds),
        VERSION,
        messaging,
        new MessagingUnicast(messaging),
        new NoBroadcast());
  }

  private static ClusterConfig clusterConfig(
      MembershipConfig config, Map<String, String> properties, SeedDiscovery.Seeds seeds) {
    // Only texts: any other class in the properties ends the peers' gossip for good.
    MemberConfig self = new MemberConfig()
        .setId(config.name())
        .setAddress(Address.from(config.listen().host(), config.listen().port()))
        .setProperties(properties);
    return new ClusterConfig()
        .setClusterId(config.clusterId())
        .setNodeConfig(self)
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
        .setNotifySuspect(true);
  }
}
