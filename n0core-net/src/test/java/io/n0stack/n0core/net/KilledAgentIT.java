package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.BufferedReader;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Kills processes that make and delete networks and ports, and looks what they leave. */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class KilledAgentIT {
  private static final int KILLS = 24;
  private static final String READY = "ready";

  /** What is killed: makes and deletes, over and over. */
  static final class Victim {
    private Victim() {}

    public static void main(String[] args) {
      try (NetlinkNetworkDriver networks = NetlinkNetworkDriver.open();
          TapPortDriver ports = TapPortDriver.open()) {
        for (int i = 0; ; i++) {
          round(networks, ports);
          if (i == 0) {
            System.out.println(READY);
          }
        }
      }
    }

    private static void round(NetlinkNetworkDriver networks, TapPortDriver ports) {
      ResourceId lan = ResourceId.fresh("network", "lan");
      networks.apply(new StandaloneContext(), lan, NetworkDriverIT.flat("10.77.0.1/24"));
      StandaloneContext context =
          new StandaloneContext().with("network", "lan", status(networks, lan));
      List<ResourceId> all = List.of(
          ResourceId.fresh("port", "web1"),
          ResourceId.fresh("port", "web2"),
          ResourceId.fresh("port", "a-port-with-a-long-name"));
      all.forEach(id -> ports.apply(context, id, PortSpec.on("lan")));
      all.forEach(id -> ports.delete(context, id));
      networks.delete(context, lan);
    }
  }

  private static NetworkStatus status(NetlinkNetworkDriver networks, ResourceId id) {
    return ((Observed.Present<NetworkStatus>) networks.observe(id)).status();
  }

  /** Leaves a thread that waits for processes in the first namespace, where it keeps none alive. */
  @BeforeAll
  static void startAProcessFromOutside() throws IOException, InterruptedException {
    assertThat(new ProcessBuilder("true").start().waitFor()).isZero();
  }

  @Test
  void whateverIsLeftBearsItsStampAndIsFinishedAndDeleted() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int leftovers = 0;
    for (int i = 0; i < KILLS; i++) {
      kill(random.nextInt(60_000));
      leftovers += finishAndDelete("kill " + i + " of seed " + seed);
    }
    assertThat(leftovers).as("links that the killed left, seed %s", seed).isPositive();
  }

  private static void kill(int afterMicros) throws IOException {
    Process victim = start();
    try (BufferedReader out = victim.inputReader()) {
      assertThat(out.lines().anyMatch(READY::equals)).as("the victim began").isTrue();
      LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(afterMicros));
    } finally {
      victim.destroyForcibly();
    }
    await().atMost(Duration.ofSeconds(30)).until(() -> !victim.isAlive());
  }

  private static Process start() throws IOException {
    return new ProcessBuilder(
            ChildJvm.java().toString(),
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            "-cp",
            ChildJvm.classPath(),
            Victim.class.getName())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  private static int finishAndDelete(String when) {
    try (Netlink netlink = Netlink.open();
        NetlinkNetworkDriver networks = NetlinkNetworkDriver.open();
        TapPortDriver ports = TapPortDriver.open()) {
      List<Link> left =
          netlink.links().list().stream().filter(link -> !link.loopback()).toList();
      assertThat(left).as(when).allMatch(link -> StampedLinks.stamp(link).isPresent());
      Set<ResourceId> lans = networks.list();
      assertThat(lans.size() + ports.list().size()).as(when).isEqualTo(left.size());
      for (ResourceId lan : lans) {
        networks.apply(new StandaloneContext(), lan, NetworkDriverIT.flat("10.77.0.1/24"));
        finishPorts(ports, status(networks, lan), when);
        networks.delete(new StandaloneContext(), lan);
      }
      assertThat(netlink.links().list()).as(when).allMatch(link -> link.loopback());
      return left.size();
    }
  }

  private static void finishPorts(TapPortDriver ports, NetworkStatus lan, String when) {
    StandaloneContext context = new StandaloneContext().with("network", "lan", lan);
    for (ResourceId port : ports.list()) {
      ports.apply(context, port, PortSpec.on("lan"));
      assertThat(ports.observe(port))
          .as(when)
          .isInstanceOfSatisfying(
              Observed.Present.class, seen -> assertThat(seen.complete()).isTrue());
      ports.delete(context, port);
    }
  }
}
