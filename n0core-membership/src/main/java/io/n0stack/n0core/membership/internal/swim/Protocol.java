package io.n0stack.n0core.membership.internal.swim;

import io.atomix.cluster.ClusterMembershipService;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.internal.Waits;
import io.n0stack.n0core.membership.internal.connection.PeerNetwork;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.view.LivingMembers.Listed;
import io.n0stack.n0core.membership.internal.view.LivingMembers.Reach;
import io.n0stack.n0core.membership.internal.view.Seeds;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Atomix's protocol, which is watched: its tasks end for good, and silently, when one of them fails;
 * then it is started again. Used by one thread at a time.
 */
public final class Protocol {
  private static final Logger LOG = LoggerFactory.getLogger(Protocol.class);
  private static final Duration STOP = Duration.ofSeconds(2);
  private static final int PROBES_MISSED = 20;
  private static final int LOOKS = 4;

  private final MembershipConfig config;
  private final Peer self;
  private final Seeds seeds;
  private final PeerMessaging messaging;
  private final Views views;
  private final Runnable changed;
  private final Duration mostSilent;
  private Map<String, HostPort> addresses = Map.of();
  private SealedCluster cluster;
  private int silentLooks;
  private boolean stopped;

  /**
   * Prepares it; listens to what others ask from now on.
   *
   * @param config what this member needs to know
   * @param self this member
   * @param seeds whom it calls at first, and hears of when they answer
   * @param network the connections
   * @param changed run when the list may have changed
   */
  public Protocol(
      MembershipConfig config, Peer self, Seeds seeds, PeerNetwork network, Runnable changed) {
    this.config = config;
    this.self = self;
    this.seeds = seeds;
    this.messaging = new PeerMessaging(network);
    this.views = new Views(network, messaging, config.timings(), System::nanoTime);
    this.changed = changed;
    this.mostSilent = config.timings().probe().multipliedBy(PROBES_MISSED);
    network.serve(Views.SUBJECT, (from, digest) -> views.answer(digest));
    this.cluster = new SealedCluster(config, self, seeds, messaging);
  }

  /**
   * Starts it.
   *
   * @return done when it has started
   */
  public synchronized CompletableFuture<Void> start() {
    cluster.getMembershipService().addListener(event -> changed.run());
    return cluster.start();
  }

  /**
   * Stops it for good.
   *
   * @return done when it has stopped
   */
  public synchronized CompletableFuture<Void> stop() {
    stopped = true;
    return cluster.stop();
  }

  /**
   * Returns what Atomix makes of the members now; another after a new start of the protocol.
   *
   * @return Atomix's list
   */
  public synchronized ClusterMembershipService service() {
    return cluster.getMembershipService();
  }

  /**
   * Lists whom Atomix does not hold dead.
   *
   * @return the list
   */
  public List<Listed> listed() {
    List<Listed> listed = list();
    Set<String> ids = addresses.keySet();
    messaging.listed(ids);
    views.listed(ids);
    return listed;
  }

  private List<Listed> list() {
    Map<String, HostPort> before = addresses;
    Map<String, HostPort> now = new HashMap<>();
    List<Listed> listed = new ArrayList<>();
    for (io.atomix.cluster.Member one : service().getMembers()) {
      // Atomix's own member list holds live objects; those of its events know no reachability.
      Reach reach = one.isReachable() ? Reach.REACHABLE : Reach.SUSPECT;
      try {
        String id = one.id().id();
        HostPort address = before.get(id); // checked once: Atomix keeps a member's address
        if (address == null) {
          address = new HostPort(one.address().host(), one.address().port());
        }
        now.put(id, address);
        listed.add(new Listed(id, address, reach));
      } catch (N0Exception e) {
        LOG.debug("ignored a member that is none of ours: {}", e.getMessage());
      }
    }
    addresses = now;
    return listed;
  }

  /**
   * Compares the list with another member's, if it is time.
   *
   * @param members who is alive
   */
  public void compare(Set<Member> members) {
    views.compare(() -> members.stream()
        .filter(one -> !one.bootId().equals(self.bootId()))
        .map(Member::address)
        .map(HostPort::parse)
        .toList());
  }

  /**
   * Looks whether the tasks still run, and starts the protocol again if they do not.
   *
   * @param members who is alive
   */
  public synchronized void tend(Set<Member> members) {
    boolean silent = members.size() > 1 && messaging.sinceProbe().compareTo(mostSilent) > 0;
    silentLooks = silent ? silentLooks + 1 : 0; // not because this process was stopped for a while
    if (stopped || (cluster.alive() && silentLooks < LOOKS)) {
      return;
    }
    LOG.warn(
        "member {}: the membership protocol has stopped working; it is started again",
        config.name());
    silentLooks = 0;
    seeds.add(members.stream().map(Member::address).map(HostPort::parse).toList());
    seeds.begin();
    SealedCluster broken = cluster;
    cluster = new SealedCluster(config, self, seeds, messaging);
    try {
      Object unused = Waits.await("stop", broken.stop().thenApply(done -> Boolean.TRUE), STOP);
    } catch (ExecutionException e) {
      LOG.warn("member {}: the broken protocol does not stop", config.name(), e);
    }
    var unused = start();
  }
}
