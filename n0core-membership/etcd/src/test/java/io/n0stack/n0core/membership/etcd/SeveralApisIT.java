package io.n0stack.n0core.membership.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry.Entry;
import io.n0stack.n0core.api.node.NodeState;
import io.n0stack.n0core.api.node.Reservation;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.membership.AtomixMembership;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.NodePresence;
import io.n0stack.n0core.membership.NodeRegistryServer;
import io.n0stack.n0core.membership.StoreReservations;
import io.n0stack.n0core.membership.Transport;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** API processes that share one etcd. */
@Requires(Requirement.ETCD)
@Timeout(180)
class SeveralApisIT {
  private static final Duration SOON = Duration.ofSeconds(60);
  private static final Resources SIZE = new Resources(4000, 8, 16);

  @TempDir
  Path directory;

  /** An API's part in this process. */
  private static final class Api implements AutoCloseable {
    final EtcdStore store;
    final AtomixMembership membership;
    final NodeRegistryServer registry;

    Api(EtcdCluster cluster, String name, String address, String... seeds) {
      // After a while without etcd, gRPC takes its time before it calls it again.
      store = EtcdStore.open(cluster.config().withDeadline(SOON));
      membership = AtomixMembership.open(
          MembershipConfig.of(name, address, Transport.PLAINTEXT_ISOLATED).withSeeds(seeds));
      registry = NodeRegistryServer.open(membership, store);
      membership.join();
    }

    NodeState state(String node) {
      return registry.find(node).map(Entry::state).orElse(NodeState.ABSENT);
    }

    @Override
    public void close() {
      registry.close();
      membership.close();
      store.close();
    }
  }

  private static String address(int lastOctet) throws IOException {
    String host = "127.0.1." + lastOctet;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName(host))) {
      return host + ":" + free.getLocalPort();
    }
  }

  @Test
  void whatOneApiIsToldTheOthersKnowAlsoWhileEtcdIsAway() throws IOException {
    String first = address(1);
    String second = address(2);
    String agent = address(3);
    try (EtcdCluster cluster = EtcdCluster.start(directory, 1);
        Api one = new Api(cluster, "api-1", first, second);
        Api other = new Api(cluster, "api-2", second, first)) {
      // The agent knows one API only, and by way of that the other.
      AtomixMembership membership = AtomixMembership.open(
          MembershipConfig.of("node-1", agent, Transport.PLAINTEXT_ISOLATED).withSeeds(first));
      NodePresence presence = NodePresence.begin(
          membership, Node.builder("node-1", agent).build(), () -> SIZE, Duration.ofHours(1));
      for (Api api : List.of(one, other)) {
        await().atMost(SOON).until(() -> api.state("node-1") == NodeState.READY);
      }
      cluster.kill(0);
      membership.close(); // as if it was killed

      for (Api api : List.of(one, other)) {
        await().atMost(SOON).until(() -> api.state("node-1") == NodeState.NOT_READY);
      }
      cluster.restart(0);
      cluster.awaitServing();
      one.registry.remove("node-1");
      await().atMost(SOON).until(() -> other.state("node-1") == NodeState.ABSENT);
      presence.close();
    }
  }

  @Test
  void twoProcessesNeverReserveTheSameTwice() throws Exception {
    try (EtcdCluster cluster = EtcdCluster.start(directory, 1);
        EtcdStore store = EtcdStore.open(cluster.config())) {
      for (String name : List.of("node-1", "node-2")) {
        String json = "{\"name\":\"" + name + "\",\"address\":\"127.0.0.1:1\",\"capacity\":"
            + "{\"cpu.millicores\":4000,\"memory.bytes\":8,\"storage.bytes\":16}}";
        store.put("node/" + name, json, 0);
      }
      long seed = System.nanoTime();
      List<Process> processes = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        processes.add(reserver(cluster, seed + i));
      }
      StoreReservations reservations = StoreReservations.of(store);
      try {
        await()
            .atMost(Duration.ofSeconds(150))
            .pollInterval(Duration.ofMillis(100))
            .until(() -> {
              assertNotOversubscribed(reservations, seed);
              return processes.stream().noneMatch(Process::isAlive);
            });
        for (Process process : processes) {
          assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
          assertThat(process.exitValue()).as("seed %d", seed).isZero();
        }
      } finally {
        processes.forEach(Process::destroyForcibly);
      }
      assertNotOversubscribed(reservations, seed);
      assertThat(store.list("address")).as("seed %d", seed).hasSameSizeAs(store.list("claim"));
      assertConsistent(reservations);
    }
  }

  private Process reserver(EtcdCluster cluster, long seed) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-cp",
            System.getProperty("java.class.path"),
            ReserverProgram.class.getName(),
            EtcdCluster.HOST + ":" + cluster.port(0),
            "/n0core",
            String.valueOf(seed),
            String.valueOf(Repetition.of(15)))
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("reserver" + seed).toFile())
        .start();
  }

  private static void assertNotOversubscribed(StoreReservations reservations, long seed) {
    for (String node : List.of("node-1", "node-2")) {
      assertThat(reservations.reserved(node).cpuMilliCores())
          .as("seed %d", seed)
          .isLessThanOrEqualTo(4000);
    }
  }

  private static void assertConsistent(StoreReservations reservations) {
    for (String node : List.of("node-1", "node-2")) {
      Resources sum = Resources.NONE;
      for (UUID owner : reservations.owners(node)) {
        Reservation held = reservations.find(owner).orElseThrow();
        assertThat(held.node()).isEqualTo(node);
        sum = sum.plus(held.resources());
      }
      assertThat(reservations.reserved(node)).isEqualTo(sum);
    }
  }
}
