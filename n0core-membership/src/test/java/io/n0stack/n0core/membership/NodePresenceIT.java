package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry.Entry;
import io.n0stack.n0core.api.node.NodeRegistry.Revised;
import io.n0stack.n0core.api.node.NodeState;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.membership.RecordingDriver.Wish;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class NodePresenceIT {
  private static final Duration SOON = Duration.ofSeconds(60);
  private static final Duration OFTEN = Duration.ofMillis(300);
  private static final Resources SIZE = new Resources(1000, 2, 3);

  @TempDir
  Path directory;

  private final String apiAddress = Host.address(1);
  private final String nodeAddress = Host.address(2);
  private final String otherApiAddress = Host.address(3);

  /** An API process's part. */
  private final class Api implements AutoCloseable {
    final FileStore store;
    final AtomixMembership membership;
    final NodeRegistryServer registry;

    Api(String state) {
      this(state, Transport.PLAINTEXT_ISOLATED);
    }

    Api(String state, Transport transport) {
      this(FileStore.open(directory.resolve(state)), "api-1", apiAddress, transport);
    }

    Api(FileStore records, String name, String address, Transport transport) {
      membership = AtomixMembership.open(MembershipConfig.of(name, address, transport)
          .withSeeds(address.equals(apiAddress) ? new String[0] : new String[] {apiAddress}));
      store = records;
      registry = NodeRegistryServer.open(membership, store);
      membership.join();
    }

    Optional<NodeState> state() {
      return registry.find("node-1").map(Entry::state);
    }

    /** Tells whether the record has come, and a connection with the key that it names. */
    boolean renewed(Optional<String> before) {
      Optional<String> proved = membership.member().identityKey("node-1");
      return !proved.equals(before)
          && proved.equals(registry.find("node-1").orElseThrow().node().identityKey());
    }

    void awaitReady() {
      await().atMost(SOON).until(() -> state().equals(Optional.of(NodeState.READY)));
    }

    /** Goes without a word, as a process does that was killed or cut off. */
    @Override
    public void close() {
      registry.close();
      membership.close();
      store.close();
    }
  }

  private NodePresence presence(Supplier<Resources> capacity) {
    return presence(capacity, OFTEN);
  }

  private NodePresence presence(Supplier<Resources> capacity, Duration refresh) {
    return presence(capacity, refresh, Transport.PLAINTEXT_ISOLATED);
  }

  private NodePresence presence(
      Supplier<Resources> capacity, Duration refresh, Transport transport) {
    MembershipConfig config =
        MembershipConfig.of("node-1", nodeAddress, transport).withSeeds(apiAddress);
    return NodePresence.begin(
        AtomixMembership.open(config),
        Node.builder("node-1", nodeAddress).build(),
        capacity,
        refresh);
  }

  @Test
  void aHostIsReadyWhilePresentKeepsItsCapacityCurrentAndGoesWithItsRecord() {
    AtomicReference<Resources> capacity = new AtomicReference<>(SIZE);
    try (Api api = new Api("store")) {
      try (NodePresence presence = presence(capacity::get)) {
        api.awaitReady();
        Resources grown = new Resources(2000, 2, 3);
        capacity.set(grown);
        await()
            .atMost(SOON)
            .untilAsserted(() -> assertThat(
                    api.registry.find("node-1").orElseThrow().node().resources())
                .isEqualTo(grown));
        assertThat(presence).isNotNull();
      }
      await().atMost(SOON).until(() -> api.state().isEmpty());
    }
  }

  @Test
  void anApiThatHasLostTheRecordGetsItAgain() {
    try (NodePresence presence = presence(() -> SIZE)) {
      try (Api api = new Api("first")) {
        api.awaitReady();
      }
      try (Api api = new Api("empty")) {
        api.awaitReady();
        assertThat(presence).isNotNull();
      }
    }
  }

  @Test
  void aCertificateWithAnotherKeyIsOnRecordWithoutARestart() {
    TestCertificates authority = new TestCertificates("authority");
    Supplier<Transport> fresh =
        () -> authority.issue(directory.resolve("node-1"), "n0core://node/node-1");
    Transport registry = authority.issue(directory.resolve("api-1"), "n0core://registry/api-1");
    try (Api api = new Api("store", registry);
        NodePresence presence = presence(() -> SIZE, Duration.ofHours(1), fresh.get())) {
      api.awaitReady();
      Optional<String> before = api.registry.find("node-1").orElseThrow().node().identityKey();
      assertThat(before).isPresent();

      assertThat(fresh.get()).isNotNull();
      await()
          .atMost(SOON)
          .until(() ->
              !api.registry.find("node-1").orElseThrow().node().identityKey().equals(before));
      api.awaitReady();
      assertThat(presence).isNotNull();
    }
  }

  @Test
  void noApiTakesANodeForNotReadyWhileItsKeyIsRenewed() {
    TestCertificates authority = new TestCertificates("authority");
    Supplier<Transport> fresh =
        () -> authority.issue(directory.resolve("node-1"), "n0core://node/node-1");
    FileStore records = FileStore.open(directory.resolve("store"));
    List<String> changes = new CopyOnWriteArrayList<>();
    Transport first = authority.issue(directory.resolve("api-1"), "n0core://registry/api-1");
    Transport second = authority.issue(directory.resolve("api-2"), "n0core://registry/api-2");
    try (Api api = new Api(records, "api-1", apiAddress, first);
        Api other = new Api(records, "api-2", otherApiAddress, second)) {
      List<Api> apis = List.of(api, other);
      apis.forEach(one -> one.registry.subscribe(
          Runnable::run, change -> changes.add(one.membership.self().name() + " " + change.now())));
      try (NodePresence presence = presence(() -> SIZE, Duration.ofHours(1), fresh.get())) {
        assertThat(presence).isNotNull();
        // An API can be asked before it tells.
        await()
            .atMost(SOON)
            .until(() -> changes.containsAll(List.of("api-1 READY", "api-2 READY")));
        apis.forEach(Api::awaitReady);
        Optional<String> before = api.membership.member().identityKey("node-1");
        changes.clear();

        assertThat(fresh.get()).isNotNull();
        await().atMost(SOON).until(() -> apis.stream().allMatch(one -> one.renewed(before)));

        assertThat(changes).isEmpty();
        apis.forEach(Api::awaitReady);
      }
    }
  }

  @Test
  void aMistakeInTheCapacityDoesNotEndThePresence() {
    AtomicBoolean known = new AtomicBoolean();
    Supplier<Resources> capacity = () -> {
      if (known.get()) {
        return SIZE;
      }
      throw new NoSuchElementException("not known yet");
    };
    try (Api api = new Api("store");
        NodePresence presence = presence(capacity)) {
      await().atMost(SOON).until(() -> api.membership.members().size() == 2);
      known.set(true);

      api.awaitReady();
      assertThat(presence).isNotNull();
    }
  }

  @Test
  void theRecordOfAnotherStartIsLeftAlone() {
    try (Api api = new Api("store")) {
      try (NodePresence presence = presence(() -> SIZE, Duration.ofHours(1))) {
        api.awaitReady();
        // It saves its own once more if it sees a member come just now, and then it waits.
        await().atMost(SOON).until(NodePresenceIT::saverWaits);
        await().during(Duration.ofSeconds(1)).atMost(SOON).until(() -> anothers(api));
        assertThat(presence).isNotNull();
      }
      assertThat(api.registry.find("node-1").orElseThrow().node().bootId()).contains("another");
    }
  }

  private static boolean saverWaits() {
    return Thread.getAllStackTraces().entrySet().stream()
        .filter(thread -> thread.getKey().getName().equals("n0core-node-presence-node-1"))
        .flatMap(thread -> Arrays.stream(thread.getValue()))
        .anyMatch(frame -> frame.getMethodName().equals("tryAcquire"));
  }

  private boolean anothers(Api api) {
    Revised found = api.registry.findRevised("node-1").orElseThrow();
    if (found.node().bootId().equals(Optional.of("another"))) {
      return true;
    }
    Node another = Node.builder("node-1", nodeAddress).build().withBootId("another");
    return api.registry.saveIf(another, found.revision()) < 0;
  }

  @Test
  void noDriverIsCalledBecauseAnApiIsGoneOrBack() {
    RecordingDriver driver = new RecordingDriver();
    try (Agent agent = Agent.open(directory.resolve("agent"), List.of(driver));
        NodePresence presence = presence(() -> SIZE)) {
      try (Api api = new Api("store")) {
        agent.apply("wish", "web1", new Wish("on")).await(SOON);
        api.awaitReady();
      }
      try (Api api = new Api("empty")) {
        api.awaitReady();
      }
      assertThat(driver.changes).containsExactly("apply web1");
      assertThat(driver.list()).hasSize(1);
      assertThat(presence).isNotNull();
    }
    assertThat(driver.changes).as("nor by leaving").containsExactly("apply web1");
  }

  @Test
  void aRecordOfAnotherNameIsRefused() {
    MembershipConfig config =
        MembershipConfig.of("node-1", nodeAddress, Transport.PLAINTEXT_ISOLATED);
    try (AtomixMembership membership = AtomixMembership.open(config)) {
      Node other = Node.builder("node-2", nodeAddress).build();

      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> NodePresence.begin(membership, other, () -> SIZE))
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
    }
  }
}
