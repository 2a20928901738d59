package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry.NodeEvent;
import io.n0stack.n0core.api.node.NodeRegistry.Revised;
import io.n0stack.n0core.api.store.FileStore;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Client and server over real connections on loopback. */
@Timeout(180)
class RegistryWatchIT {
  private static final Duration SOON = Duration.ofSeconds(60);

  @TempDir
  Path directory;

  private final String apiAddress = Host.address(1);

  /** An API process's part. */
  private final class Api implements AutoCloseable {
    final FileStore store = FileStore.open(directory.resolve("store"));
    final AtomixMembership membership = AtomixMembership.open(
        MembershipConfig.of("api-1", apiAddress, Transport.PLAINTEXT_ISOLATED));
    final NodeRegistryServer registry = NodeRegistryServer.open(membership, store);

    Api() {
      membership.join();
    }

    @Override
    public void close() {
      registry.close();
      membership.close();
      store.close();
    }
  }

  private static Node node(String name) {
    return Node.builder(name, "127.0.0.1:1").build();
  }

  private static String text(NodeEvent event) {
    return event.name() + (event.now().isPresent() ? "" : " gone");
  }

  @Test
  void aWatchOutlivesTheApiAndHearsWhatItHasMissed() {
    List<String> heard = new CopyOnWriteArrayList<>();
    MembershipConfig config = MembershipConfig.of(
            "node-1", Host.address(2), Transport.PLAINTEXT_ISOLATED)
        .withSeeds(apiAddress);
    try (AtomixMembership agent = AtomixMembership.open(config)) {
      NodeRegistryClient client = NodeRegistryClient.of(agent).withDeadline(SOON);
      Subscription watch = client.watch("", Runnable::run, event -> heard.add(text(event)));
      try (Api api = new Api()) {
        api.registry.save(node("node-7"));
        api.registry.save(node("node-8"));
        await().atMost(SOON).untilAsserted(() -> assertThat(heard).contains("node-7", "node-8"));
        client.save(node("node-1")); // its own, as any transport allows
        await().atMost(SOON).untilAsserted(() -> assertThat(heard).contains("node-1"));
      }
      try (FileStore offline = FileStore.open(directory.resolve("store"))) {
        offline.delete("node/node-7", offline.find("node/node-7").orElseThrow().revision());
      }
      heard.clear();
      try (Api api = new Api()) {
        await().atMost(SOON).untilAsserted(() -> assertThat(heard).contains("node-7 gone"));
        api.registry.remove("node-8");
        await().atMost(SOON).untilAsserted(() -> assertThat(heard).contains("node-8 gone"));
        watch.close();
      }
      assertThat(heard).filteredOn(line -> line.endsWith("gone")).hasSize(2);
    }
  }

  @Test
  void aClientChangesByRevision() {
    MembershipConfig config = MembershipConfig.of(
            "node-1", Host.address(2), Transport.PLAINTEXT_ISOLATED)
        .withSeeds(apiAddress);
    try (Api api = new Api();
        AtomixMembership agent = AtomixMembership.open(config)) {
      NodeRegistryClient client = NodeRegistryClient.of(agent).withDeadline(SOON);

      long first = client.saveIf(node("node-1"), 0);

      assertThat(client.findRevised("node-1")).contains(new Revised(node("node-1"), first));
      assertThat(api.registry.findRevised("node-1")).isPresent();
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> client.saveIf(node("node-1"), 0))
          .satisfies(e -> assertThat(e.code()).isEqualTo(Code.PRECONDITION));
      client.removeIf("node-1", first);
      assertThat(client.findRevised("node-1")).isEmpty();
    }
  }
}
