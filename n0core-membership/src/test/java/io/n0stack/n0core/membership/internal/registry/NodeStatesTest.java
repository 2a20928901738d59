package io.n0stack.n0core.membership.internal.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry.Entry;
import io.n0stack.n0core.api.node.NodeState;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.membership.internal.record.NodeJson;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NodeStatesTest {
  private static final Node NODE = Node.builder("node-1", "127.0.0.1:5679").build();

  @TempDir
  Path directory;

  private final WrittenMembership membership = new WrittenMembership();
  private final List<String> changes = new CopyOnWriteArrayList<>();
  private FileStore store;
  private NodeStates states;

  @BeforeEach
  void open() {
    store = FileStore.open(directory.resolve("store"));
    states = watched();
  }

  @AfterEach
  void close() {
    states.close();
    store.close();
  }

  private NodeStates watched() {
    NodeStates opened =
        new NodeStates(store, membership, membership::identityKey, "api-1"::equals, Duration.ZERO);
    opened.subscribe(
        Runnable::run,
        change -> changes.add(change.name() + " " + change.before() + "->" + change.now()));
    return opened;
  }

  @Test
  void savedAndThenJoinedIsReady() {
    states.save(NODE.withBootId("b1"));
    membership.alive("node-1", "b1");

    assertThat(changes).containsExactly("node-1 ABSENT->NOT_READY", "node-1 NOT_READY->READY");
    assertThat(states.find("node-1").orElseThrow().state()).isEqualTo(NodeState.READY);
  }

  @Test
  void joinedAndThenSavedIsReady() {
    membership.alive("node-1", "b1");
    states.save(NODE.withBootId("b1"));

    assertThat(changes)
        .containsExactly("node-1 ABSENT->UNREGISTERED", "node-1 UNREGISTERED->READY");
  }

  @Test
  void everyOrderOfTheSameFactsEndsInTheSameState() {
    List<Runnable> facts = List.of(
        () -> states.save(NODE.withBootId("b1")),
        () -> membership.alive("node-1", "b1"),
        () -> states.save(NODE.withBootId("b2")),
        () -> membership.alive("node-1", "b2"));
    for (List<Integer> order : List.of(
        List.of(0, 1, 2, 3), List.of(1, 0, 3, 2), List.of(0, 1, 3, 2), List.of(1, 0, 2, 3))) {
      order.forEach(i -> facts.get(i).run());
      assertThat(states.find("node-1").orElseThrow().state()).isEqualTo(NodeState.READY);
      membership.gone("node-1");
      assertThat(states.find("node-1").orElseThrow().state()).isEqualTo(NodeState.NOT_READY);
      states.remove("node-1");
      assertThat(states.find("node-1")).isEmpty();
    }
  }

  @Test
  void aRecordOfAnotherBootIsNotReady() {
    states.save(NODE.withBootId("b1"));
    membership.alive("node-1", "b2");

    assertThat(changes).containsExactly("node-1 ABSENT->NOT_READY");
    assertThat(states.nodes().get(0).state()).isEqualTo(NodeState.NOT_READY);
  }

  @Test
  void aRecordWithoutBootGoesWithAnyMember() {
    states.save(NODE);
    membership.alive("node-1", "b7");

    assertThat(states.nodes().get(0).state()).isEqualTo(NodeState.READY);
  }

  @Test
  void aDepartureKeepsTheRecord() {
    states.save(NODE.withBootId("b1"));
    membership.alive("node-1", "b1");
    membership.gone("node-1");

    assertThat(changes).last().isEqualTo("node-1 READY->NOT_READY");
    assertThat(store.find("node/node-1")).isPresent();
  }

  @Test
  void removalWhileAliveLeavesAnUnregisteredMember() {
    states.save(NODE);
    membership.alive("node-1", "b1");
    changes.clear();
    states.remove("node-1");
    membership.gone("node-1");
    states.remove("node-1");

    assertThat(changes)
        .containsExactly("node-1 READY->UNREGISTERED", "node-1 UNREGISTERED->ABSENT");
  }

  @Test
  void theApiItselfIsNoNode() {
    membership.alive("api-1", "b1");

    assertThat(changes).isEmpty();
  }

  @Test
  void aNewStartReadsTheRecordsAndReportsOnlyWhatIsNew() {
    states.save(NODE.withBootId("b1"));
    states.close();
    changes.clear();
    store.close();
    store = FileStore.open(directory.resolve("store"));
    states = watched();

    assertThat(changes).isEmpty();
    assertThat(states.nodes()).extracting(e -> e.state()).containsExactly(NodeState.NOT_READY);
    membership.alive("node-1", "b1");
    assertThat(changes).containsExactly("node-1 NOT_READY->READY");
  }

  @Test
  void afterAStartNobodyIsNotReadyWhomOnlyThisProcessHasNotSeen() {
    states.save(NODE);
    states.save(Node.builder("node-2", "127.0.0.1:5680").build());
    states.close();
    changes.clear();

    try (NodeStates restarted = new NodeStates(
        store, membership, membership::identityKey, "api-1"::equals, Duration.ofSeconds(8))) {
      restarted.subscribe(Runnable::run, change -> changes.add(change.name() + " " + change.now()));
      restarted.lookedFor();
      membership.alive("node-2", "b1");
      restarted.save(Node.builder("node-3", "127.0.0.1:5681").build()); // its member comes later
      assertThat(changes).containsExactly("node-2 READY", "node-3 UNKNOWN");
      assertThat(restarted.nodes())
          .extracting(Entry::state)
          .containsExactly(NodeState.UNKNOWN, NodeState.READY, NodeState.UNKNOWN);
      assertThat(restarted.find("node-1").orElseThrow().state()).isEqualTo(NodeState.UNKNOWN);
      membership.alive("node-3", "b1");

      membership.gone("node-2"); // that one was seen, so this is news
      assertThat(changes)
          .containsExactly("node-2 READY", "node-3 UNKNOWN", "node-3 READY", "node-2 NOT_READY");
      await().atMost(Duration.ofMinutes(1)).until(() -> changes.contains("node-1 NOT_READY"));
      assertThat(restarted.find("node-1").orElseThrow().state()).isEqualTo(NodeState.NOT_READY);
    }
    states = watched();
  }

  @Test
  void aWatchTellsOfNobodyAsNotReadyBeforeTheGraceIsOver() {
    states.save(NODE);
    states.close();
    List<String> told = new CopyOnWriteArrayList<>();

    try (NodeStates restarted = new NodeStates(
            store, membership, membership::identityKey, "api-1"::equals, Duration.ofSeconds(5));
        NodeFeed feed = new NodeFeed(store, restarted)) {
      Subscription unused = feed.subscribe(
          "", Runnable::run, event -> told.add("" + event.now().orElseThrow().state()));
      assertThat(told).containsExactly("UNKNOWN");
      restarted.lookedFor();
      await().atMost(Duration.ofMinutes(1)).until(() -> told.size() > 1);
      assertThat(told).containsExactly("UNKNOWN", "NOT_READY");
      membership.alive("node-1", "b1");
      // The timer's thread may still be telling of what was before, and then tells of this too.
      await().atMost(Duration.ofMinutes(1)).until(() -> told.size() > 2);
      assertThat(told).containsExactly("UNKNOWN", "NOT_READY", "READY");
    }
    states = watched();
  }

  @Test
  void aMemberWithAnotherKeyThanTheRecordsIsNotReady() {
    states.save(Node.builder("node-1", "127.0.0.1:5679").identityKey("AAAA").build());
    membership.key = Optional.of("BBBB");
    membership.alive("node-1", "b1");
    assertThat(states.find("node-1").orElseThrow().state()).isEqualTo(NodeState.NOT_READY);

    membership.key = Optional.of("AAAA");
    assertThat(states.find("node-1").orElseThrow().state()).isEqualTo(NodeState.READY);
  }

  @Test
  void aRecordWithoutKeyGoesWithAnyKeyAndOneWithAKeyWithAMemberThatIsNotKnownByKeys() {
    membership.alive("node-1", "b1");
    states.save(NODE.withBootId("b1"));
    membership.key = Optional.of("AAAA");
    assertThat(state()).isEqualTo(NodeState.READY); // the transport has proved the name
    assertThat(states.nodes().get(0).state()).isEqualTo(NodeState.READY);

    states.save(keyed("BBBB"));
    assertThat(state()).isEqualTo(NodeState.NOT_READY);
    membership.key = Optional.empty();
    assertThat(state()).isEqualTo(NodeState.READY);
  }

  /** Begins anew with node-1 READY, known by a key; record and member may be of two for a time. */
  private void readyByKey(Duration grace) {
    states.close();
    states = new NodeStates(store, membership, membership::identityKey, "api-1"::equals, grace);
    states.subscribe(Runnable::run, change -> changes.add(change.before() + "->" + change.now()));
    membership.key = Optional.of("AAAA");
    membership.alive("node-1", "b1");
    states.save(keyed("AAAA"));
    assertThat(state()).isEqualTo(NodeState.READY);
    changes.clear();
  }

  private static Node keyed(String key) {
    return NODE.withBootId("b1").withIdentityKey(key);
  }

  private NodeState state() {
    return states.find("node-1").orElseThrow().state();
  }

  @Test
  void aNodeStaysReadyWhoseRecordNamesANewKeyBeforeItsConnectionProvesIt() {
    readyByKey(Duration.ofMinutes(10));

    store.put("node/node-1", NodeJson.encode(keyed("BBBB")), revision()); // another API's
    assertThat(state()).isEqualTo(NodeState.READY);
    membership.key = Optional.of("BBBB");
    states.keyChanged("node-1");

    assertThat(state()).isEqualTo(NodeState.READY);
    assertThat(changes).isEmpty();
  }

  @Test
  void aNodeStaysReadyWhoseConnectionProvesANewKeyBeforeItsRecordNamesIt() {
    readyByKey(Duration.ofMinutes(10));

    membership.key = Optional.of("BBBB");
    membership.alive("node-2", "b2"); // so that all are looked at
    assertThat(state()).isEqualTo(NodeState.READY);
    states.save(keyed("BBBB"));

    assertThat(state()).isEqualTo(NodeState.READY);
    assertThat(changes).containsExactly("ABSENT->UNREGISTERED"); // node-2
  }

  @Test
  void aNodeWhoseTwoKeysDoNotBecomeOneIsNotReadyUntilTheyDo() {
    readyByKey(Duration.ofMillis(200));

    states.save(keyed("BBBB"));
    await().atMost(Duration.ofMinutes(1)).until(() -> changes.contains("READY->NOT_READY"));
    assertThat(state()).isEqualTo(NodeState.NOT_READY);
    membership.key = Optional.of("BBBB");
    states.keyChanged("node-1");

    await().atMost(Duration.ofMinutes(1)).until(() -> changes.contains("NOT_READY->READY"));
    assertThat(state()).isEqualTo(NodeState.READY);
    assertThat(changes).containsExactly("READY->NOT_READY", "NOT_READY->READY");
  }

  @Test
  void anotherStartIsNotReadyAtOnceWhicheverKeyItHas() {
    readyByKey(Duration.ofMinutes(10));

    states.save(keyed("BBBB").withBootId("b2"));

    assertThat(changes).containsExactly("READY->NOT_READY");
  }

  private long revision() {
    return store.find("node/node-1").orElseThrow().revision();
  }

  @Test
  void aRecordChangedBehindItsBackIsSeen() {
    store.put("node/node-1", NodeJson.encode(NODE), Store.NONE);

    assertThat(changes).containsExactly("node-1 ABSENT->NOT_READY");
  }

  @Test
  void anUnreadableRecordIsNeverTakenForAbsent() {
    store.put("node/node-1", "{", Store.NONE);
    membership.alive("node-1", "b1");

    assertThat(changes).containsExactly("node-1 ABSENT->NOT_READY");
    assertThat(states.unreadable()).containsExactly("node-1");
    assertThat(states.nodes()).isEmpty();
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> states.find("node-1"))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
  }

  @Test
  void aClosedStoreIsSaidSoAtOnce() {
    store.close();

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> states.save(NODE))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
  }
}
