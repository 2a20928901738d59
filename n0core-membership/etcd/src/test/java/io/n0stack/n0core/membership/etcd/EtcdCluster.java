package io.n0stack.n0core.membership.etcd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Real etcd processes on loopback, killed when the cluster is closed. */
final class EtcdCluster implements AutoCloseable {
  /** Not where connections begin: no port that is chosen here is given to one before it is listened on. */
  static final String HOST = "127.0.4.1";

  private static final Duration SOON = Duration.ofSeconds(60);

  private final Path directory;
  private final List<String> tls;
  private final List<Integer> clients = new ArrayList<>();
  private final List<Integer> peers = new ArrayList<>();
  private final List<Process> processes = new ArrayList<>();

  private EtcdCluster(Path directory, int members, List<String> tls) {
    this.directory = directory;
    this.tls = tls;
    List<ServerSocket> taken = new ArrayList<>();
    try {
      for (int i = 0; i < 2 * members; i++) {
        ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName(HOST));
        taken.add(free);
        (i % 2 == 0 ? clients : peers).add(free.getLocalPort());
      }
      for (ServerSocket free : taken) {
        free.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static EtcdCluster start(Path directory, int members) {
    return start(directory, members, List.of());
  }

  static EtcdCluster start(Path directory, int members, List<String> tls) {
    EtcdCluster cluster = new EtcdCluster(directory, members, tls);
    for (int i = 0; i < members; i++) {
      cluster.processes.add(cluster.run(i));
    }
    if (tls.isEmpty()) {
      cluster.awaitServing();
    }
    return cluster;
  }

  private Process run(int member) {
    String scheme = tls.isEmpty() ? "http" : "https";
    String client = scheme + "://" + HOST + ":" + clients.get(member);
    List<String> all = new ArrayList<>();
    for (int i = 0; i < peers.size(); i++) {
      all.add("m" + i + "=http://" + HOST + ":" + peers.get(i));
    }
    String peer = "http://" + HOST + ":" + peers.get(member);
    List<String> command = new ArrayList<>(List.of("etcd", "--name", "m" + member));
    command.addAll(List.of("--data-dir", directory.resolve("m" + member).toString()));
    command.addAll(List.of("--listen-client-urls", client, "--advertise-client-urls", client));
    command.addAll(List.of("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer));
    command.addAll(List.of("--initial-cluster", String.join(",", all)));
    command.addAll(List.of("--logger", "zap", "--log-level", "error"));
    command.addAll(tls);
    try {
      return new ProcessBuilder(command)
          .redirectErrorStream(true)
          .redirectOutput(
              ProcessBuilder.Redirect.appendTo(directory.resolve("log" + member).toFile()))
          .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits until a majority answers. */
  void awaitServing() {
    EtcdStore.open(config().withDeadline(SOON)).close();
  }

  EtcdConfig config() {
    return EtcdConfig.of(clients.stream().map(port -> HOST + ":" + port).toArray(String[]::new));
  }

  /** Finds the member that leads; there may be none for a moment. */
  int leader() {
    return await()
        .atMost(SOON)
        .ignoreExceptions()
        .until(this::findLeader, OptionalInt::isPresent)
        .getAsInt();
  }

  private OptionalInt findLeader()
      throws ExecutionException, InterruptedException, TimeoutException {
    for (int i = 0; i < clients.size(); i++) {
      try (Client client = client(i)) {
        var status = client
            .getMaintenanceClient()
            .statusMember("http://" + HOST + ":" + clients.get(i))
            .get(10, TimeUnit.SECONDS);
        if (status.getLeader() == status.getHeader().getMemberId()) {
          return OptionalInt.of(i);
        }
      }
    }
    return OptionalInt.empty();
  }

  /** Makes etcd forget what was before its newest revision. */
  void compact() throws ExecutionException, InterruptedException, TimeoutException {
    try (Client client = client(0)) {
      ByteSequence any = ByteSequence.from("any", StandardCharsets.UTF_8);
      long now =
          client.getKVClient().get(any).get(10, TimeUnit.SECONDS).getHeader().getRevision();
      assertThat(client.getKVClient().compact(now).get(10, TimeUnit.SECONDS)).isNotNull();
    }
  }

  /** Puts a value as another program would. */
  void write(String key, String value)
      throws ExecutionException, InterruptedException, TimeoutException {
    try (Client client = client(0)) {
      var put = client
          .getKVClient()
          .put(
              ByteSequence.from(key, StandardCharsets.UTF_8),
              ByteSequence.from(value, StandardCharsets.UTF_8));
      assertThat(put.get(10, TimeUnit.SECONDS)).isNotNull();
    }
  }

  private Client client(int member) {
    return Client.builder()
        .endpoints("http://" + HOST + ":" + clients.get(member))
        .build();
  }

  void kill(int member) {
    processes.get(member).destroyForcibly();
    assertThat(processes.get(member).onExit()).succeedsWithin(SOON);
  }

  void restart(int member) {
    processes.set(member, run(member));
  }

  void signal(int member, String name) {
    try {
      Process kill =
          new ProcessBuilder("kill", "-" + name, "" + processes.get(member).pid()).start();
      assertThat(kill.waitFor()).isZero();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  int size() {
    return processes.size();
  }

  int port(int member) {
    return clients.get(member);
  }

  @Override
  public void close() {
    processes.forEach(Process::destroyForcibly);
    processes.forEach(process -> assertThat(process.onExit()).succeedsWithin(SOON));
  }
}
