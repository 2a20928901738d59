package io.n0stack.n0core.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.NetworkSpec.Flat;
import io.n0stack.n0core.api.network.NetworkSpec.Gateway;
import io.n0stack.n0core.api.network.NetworkSpec.Vxlan;
import io.n0stack.n0core.api.network.NetworkStatus;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import io.n0stack.n0core.tck.child.ChildJvm;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Kills processes that make and delete networks and ports, and looks what they leave. */
@IsolatedNetwork
@Requires(Requirement.ROOT)
class KilledAgentIT {
  private static final int KILLS = 24;
  private static final int MOST_KILLS = 200; // until one leaves something
  private static final String READY = "ready";
  private static final String UNDERLAY = "eth1";

  private static final NetworkSpec TUNNELLED =
      Vxlan.toPeers(7, CidrAddress.literal("192.0.2.2"), CidrAddress.literal("192.0.2.3"));
  private static final NetworkSpec SERVED = Flat.isolated()
      .withGateway(Gateway.of(CidrAddress.parse("10.77.0.1/24"))
          .withNat(NetworkSpec.Nat.MASQUERADE)
          .withDhcp(NetworkSpec.Dhcp.addressesOnly()));

  @TempDir
  private Path directory;

  /** What is killed: makes and deletes, over and over. */
  static final class Victim {
    private Victim() {}

    public static void main(String[] args) {
      NetConfig config = NetConfig.of(Path.of(args[0]));
      try (NetlinkNetworkDriver networks = NetlinkNetworkDriver.open(config);
          TapPortDriver ports = TapPortDriver.open(config)) {
        for (int i = 0; ; i++) {
          round(networks, ports, SERVED);
          round(networks, ports, TUNNELLED);
          if (i == 0) {
            System.out.println(READY);
          }
        }
      }
    }

    private static void round(
        NetlinkNetworkDriver networks, TapPortDriver ports, NetworkSpec spec) {
      ResourceId lan = ResourceId.fresh("network", "lan");
      networks.apply(new StandaloneContext(), lan, spec);
      StandaloneContext context =
          new StandaloneContext().with("network", "lan", status(networks, lan));
      List<ResourceId> all = List.of(
          ResourceId.fresh("port", "web1"),
          ResourceId.fresh("port", "lan"),
          ResourceId.fresh("port", "a-port-with-a-long-name"));
      all.forEach(id -> ports.apply(context, id, port(id)));
      all.forEach(id -> ports.delete(context, id));
      networks.delete(context, lan);
    }
  }

  private static PortSpec port(ResourceId id) {
    PortSpec.RateLimit limit = new PortSpec.RateLimit(1_000_000, 10_000);
    return switch (id.name()) {
      case "web1" ->
        PortSpec.builder("lan").transmitLimit(limit).receiveLimit(limit).build();
      case "lan" ->
        PortSpec.builder("lan")
            .antiSpoof(PortSpec.AntiSpoof.STRICT)
            .isolation(PortSpec.Isolation.ISOLATED)
            .addresses(CidrAddress.literal("10.77.0.2"))
            .build();
      default -> PortSpec.on("lan");
    };
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
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    try (Netlink netlink = Netlink.open()) {
      Link underlay =
          netlink.links().create(LinkSpec.veth(UNDERLAY, UNDERLAY + "-peer").up());
      netlink.addresses().add(underlay.index(), CidrAddress.parse("192.0.2.1/24"));
    }
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int leftovers = 0;
    for (int i = 0; i < KILLS || (leftovers == 0 && i < MOST_KILLS); i++) {
      kill(random.nextInt(400_000));
      leftovers += finishAndDelete("kill " + i + " of seed " + seed);
    }
    assertThat(leftovers).as("things that the killed left, seed %s", seed).isPositive();
  }

  private void kill(int afterMicros) throws IOException {
    Process victim = start();
    try (BufferedReader out = victim.inputReader()) {
      assertThat(out.lines().anyMatch(READY::equals)).as("the victim began").isTrue();
      LockSupport.parkNanos(TimeUnit.MICROSECONDS.toNanos(afterMicros));
    } finally {
      victim.destroyForcibly();
    }
    await().atMost(Duration.ofSeconds(30)).until(() -> !victim.isAlive());
  }

  private Process start() throws IOException {
    return new ProcessBuilder(
            ChildJvm.java().toString(),
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            "-cp",
            ChildJvm.classPath(),
            Victim.class.getName(),
            directory.toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  private int finishAndDelete(String when) {
    NetConfig config = NetConfig.of(directory);
    try (Netlink netlink = Netlink.open();
        NetlinkNetworkDriver networks = NetlinkNetworkDriver.open(config);
        TapPortDriver ports = TapPortDriver.open(config)) {
      List<Link> left = links(netlink);
      assertThat(left).as(when).allMatch(link -> StampedLinks.stamp(link).isPresent());
      Set<ResourceId> lans = networks.list();
      Set<ResourceId> plugged = ports.list();
      assertThat(left)
          .as(when)
          .extracting(link -> StampedLinks.stamp(link).orElseThrow().id())
          .allMatch(id -> lans.contains(id) || plugged.contains(id));
      for (ResourceId lan : lans) {
        networks.apply(new StandaloneContext(), lan, SERVED);
        finishPorts(ports, status(networks, lan), when);
        networks.delete(new StandaloneContext(), lan);
      }
      plugged.forEach(port -> ports.delete(new StandaloneContext(), port));
      assertThat(links(netlink)).as(when).isEmpty();
      // A process that the killed one had just begun ends a moment later.
      await()
          .atMost(Duration.ofMinutes(1))
          .untilAsserted(() -> assertThat(Residue.lines(directory)).as(when).hasSize(3));
      return lans.size() + plugged.size();
    }
  }

  private static List<Link> links(Netlink netlink) {
    return netlink.links().list().stream()
        .filter(link -> !link.loopback() && !link.name().startsWith(UNDERLAY))
        .toList();
  }

  private static void finishPorts(TapPortDriver ports, NetworkStatus lan, String when) {
    StandaloneContext context = new StandaloneContext().with("network", "lan", lan);
    for (ResourceId port : ports.list()) {
      ports.apply(context, port, port(port));
      assertThat(ports.observe(port))
          .as(when)
          .isInstanceOfSatisfying(
              Observed.Present.class, seen -> assertThat(seen.complete()).isTrue());
      ports.delete(context, port);
    }
  }
}
