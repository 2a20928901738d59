package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry.NodeEvent;
import io.n0stack.n0core.api.node.NodeRegistry.Revised;
import io.n0stack.n0core.api.node.NodeState;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.api.store.Store;
import io.n0stack.n0core.membership.internal.record.NodeJson;
import io.n0stack.n0core.membership.internal.registry.RegistryAccess.Asker;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Batch;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Event;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Follows;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Reply;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Request;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Rest;
import io.n0stack.n0core.membership.internal.registry.RegistryProtocol.Verb;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The server without a network: questions in, answers out. */
@Timeout(60)
class RegistryServerTest {
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final Asker NODE_1 = Asker.node("node-1");
  private static final Asker API = Asker.api("api-2");

  @TempDir
  Path directory;

  private Store store;
  private AtomixMembership membership;
  private NodeRegistryServer server;

  @BeforeEach
  void open() {
    store = FileStore.open(directory.resolve("store"));
    membership = AtomixMembership.open(
        MembershipConfig.of("api-1", Host.address(1), Transport.PLAINTEXT_ISOLATED));
    server = NodeRegistryServer.open(membership, store);
  }

  @AfterEach
  void close() {
    server.close();
    membership.close();
    store.close();
  }

  private static Node node(String name, long memory) {
    return Node.builder(name, "127.0.0.1:1").capacity("memory.bytes", memory).build();
  }

  private Reply ask(Asker asker, Request request) throws Exception {
    byte[] answer = server.answerLater(asker, NodeJson.bytes(request)).get(30, TimeUnit.SECONDS);
    return RegistryProtocol.reply(answer);
  }

  private Code refusal(Asker asker, Request request) throws Exception {
    return ask(asker, request).failure().orElseThrow().code();
  }

  @Test
  void aNodeChangesItsOwnRecordOnlyAndReadsAll() throws Exception {
    assertThat(ask(NODE_1, Request.save(node("node-1", 1))).failure()).isEmpty();

    assertThat(refusal(NODE_1, Request.save(node("node-2", 1)))).isEqualTo(Code.PERMISSION);
    assertThat(refusal(NODE_1, Request.saveIf(node("node-2", 1), 0))).isEqualTo(Code.PERMISSION);
    assertThat(ask(API, Request.save(node("node-2", 1))).failure()).isEmpty();
    assertThat(refusal(NODE_1, Request.of(Verb.REMOVE, "node-2"))).isEqualTo(Code.PERMISSION);
    assertThat(refusal(NODE_1, Request.removeIf("node-2", 1))).isEqualTo(Code.PERMISSION);
    assertThat(refusal(NODE_1, Request.of(Verb.REMOVE, ""))).isEqualTo(Code.PERMISSION);
    assertThat(ask(NODE_1, Request.of(Verb.LIST, "")).nodes()).hasSize(2);
    assertThat(ask(NODE_1, Request.of(Verb.FIND, "node-2")).nodes()).hasSize(1);
    assertThat(ask(NODE_1, Request.of(Verb.REMOVE, "node-1")).failure()).isEmpty();
    assertThat(server.nodes()).extracting(entry -> entry.node().name()).containsExactly("node-2");
  }

  @Test
  void aChangeThatTheStoreKeepsWaitingHoldsUpNoQuestion() throws Exception {
    server.save(node("node-1", 1));
    CountDownLatch written = new CountDownLatch(1);
    Store slow = (Store) Proxy.newProxyInstance(
        Store.class.getClassLoader(), new Class<?>[] {Store.class}, (proxy, method, arguments) -> {
          if (method.getName().equals("put")) {
            written.await();
          }
          return method.invoke(store, arguments);
        });
    server.close();
    try (AtomixMembership other = AtomixMembership.open(
        MembershipConfig.of("api-2", Host.address(2), Transport.PLAINTEXT_ISOLATED))) {
      server = NodeRegistryServer.open(other, slow);
      CompletableFuture<byte[]> change =
          server.answerLater(API, NodeJson.bytes(Request.save(node("node-2", 1))));

      assertThat(ask(NODE_1, Request.of(Verb.FIND, "node-1")).nodes()).hasSize(1);
      assertThat(change).isNotDone();

      written.countDown();
      assertThat(change).succeedsWithin(Duration.ofSeconds(30));
      assertThat(ask(NODE_1, Request.of(Verb.LIST, "")).nodes()).hasSize(2);
      server.close();
    }
  }

  @Test
  void aPeerThatAsksWithoutEndKeepsNobodyElseFromBeingReady() throws Exception {
    Store slow = (Store) Proxy.newProxyInstance(
        Store.class.getClassLoader(), new Class<?>[] {Store.class}, (proxy, method, arguments) -> {
          if (method.getName().equals("put")) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
          }
          return method.invoke(store, arguments);
        });
    server.close();
    String address = Host.address(2);
    MembershipConfig node = MembershipConfig.of(
            "node-1", Host.address(3), Transport.PLAINTEXT_ISOLATED)
        .withSeeds(address);
    try (AtomixMembership other = AtomixMembership.open(
            MembershipConfig.of("api-2", address, Transport.PLAINTEXT_ISOLATED));
        AtomixMembership member = AtomixMembership.open(node)) {
      server = NodeRegistryServer.open(other, slow);
      other.join();
      member.join();
      Thread flood = new Thread(this::flood);
      flood.start();
      try {
        await().atMost(SOON).until(() -> server.find("node-4").isPresent());

        NodeRegistryClient.of(member).saveSelf(node("node-1", 1));
        await().atMost(SOON).until(() -> state("node-1") == NodeState.READY);
      } finally {
        flood.interrupt();
        flood.join();
        server.close();
      }
    }
  }

  /** Saves the record of one node without end, a thousand times at once. */
  private void flood() {
    byte[] request = NodeJson.bytes(Request.save(node("node-4", 1)));
    Semaphore open = new Semaphore(1000);
    while (!Thread.currentThread().isInterrupted()) {
      if (open.tryAcquire()) {
        var unused = server
            .answerLater(Asker.node("node-4"), request)
            .whenComplete((answer, failure) -> open.release());
      }
      LockSupport.parkNanos(50_000);
    }
    open.acquireUninterruptibly(1000);
  }

  @Test
  void nobodyIsNotReadyBeforeTheMemberLooksForOthers() {
    store.put("node/node-1", NodeJson.encode(node("node-1", 1)), Store.NONE);
    server.close();
    try (AtomixMembership late = AtomixMembership.open(
        MembershipConfig.of("api-2", Host.address(2), Transport.PLAINTEXT_ISOLATED))) {
      server = NodeRegistryServer.open(late, store, Duration.ofMillis(100));

      await().during(Duration.ofSeconds(2)).until(() -> state("node-1") == NodeState.UNKNOWN);
      late.join();

      await().atMost(SOON).until(() -> state("node-1") == NodeState.NOT_READY);
      server.close();
    }
  }

  private NodeState state(String name) {
    return server.find(name).orElseThrow().state();
  }

  @Test
  void aNodeCannotPassOffAnothersRecordAsItsOwn() throws Exception {
    server.save(node("node-2", 1));
    String mine = "\"node\":{\"name\":\"node-1\",\"address\":\"h:1\"}";
    String theirs = "\"node\":{\"name\":\"node-2\",\"address\":\"h:1\"}";
    List<String> questions = List.of(
        "{\"version\":1,\"verb\":\"REMOVE\",\"name\":\"node-2\"," + mine + "}",
        "{\"version\":1,\"verb\":\"REMOVE_IF\",\"revision\":1,\"name\":\"node-2\"," + mine + "}",
        "{\"version\":1,\"verb\":\"SAVE\",\"name\":\"node-1\"," + theirs + "}");
    for (String question : questions) {
      byte[] bytes = question.getBytes(StandardCharsets.UTF_8);
      Reply reply =
          RegistryProtocol.reply(server.answerLater(NODE_1, bytes).get(30, TimeUnit.SECONDS));
      assertThat(reply.failure().orElseThrow().code()).as(question).isEqualTo(Code.PERMISSION);
    }
    assertThat(server.find("node-2")).isPresent();
  }

  @Test
  void changesByRevisionNeedTheRevisionThatIsThere() {
    long first = server.saveIf(node("node-1", 1), 0);

    refused(Code.PRECONDITION, () -> server.saveIf(node("node-1", 2), 0));
    long second = server.saveIf(node("node-1", 2), first);
    refused(Code.PRECONDITION, () -> server.saveIf(node("node-1", 3), first));
    refused(Code.PRECONDITION, () -> server.removeIf("node-1", first));
    assertThat(server.findRevised("node-1")).contains(new Revised(node("node-1", 2), second));
    server.removeIf("node-1", second);
    assertThat(server.findRevised("node-1")).isEmpty();
    refused(Code.INVALID, () -> server.removeIf("../x", 1));
  }

  @Test
  void aWatchTellsOfAllAndThenOfChanges() {
    server.save(node("node-1", 1));
    server.save(node("node-2", 1));
    server.remove("node-2");
    List<NodeEvent> heard = new ArrayList<>();
    Subscription watch = server.watch("", Runnable::run, heard::add);

    server.save(node("node-1", 2));
    server.save(node("node-1", 2));
    server.remove("node-1");
    watch.close();
    server.save(node("node-3", 1));

    assertThat(heard).extracting(NodeEvent::name).containsOnly("node-1");
    assertThat(heard.get(0).now().orElseThrow().state()).isEqualTo(NodeState.UNKNOWN);
    assertThat(heard.get(0).now().orElseThrow().node()).isEqualTo(node("node-1", 1));
    assertThat(heard.get(1).now().orElseThrow().node()).isEqualTo(node("node-1", 2));
    assertThat(heard.get(heard.size() - 1).now()).isEmpty();
    assertThat(heard.get(heard.size() - 1).revision()).isZero();
  }

  @Test
  void aWatchGoesOnAfterThePositionThatItKnows() throws Exception {
    server.save(node("node-1", 1));
    server.save(node("node-2", 1));
    Batch first = ask(NODE_1, Request.watch("")).batch().orElseThrow();
    assertThat(first.follows()).isEqualTo(Follows.NOTHING);
    assertThat(first.events()).extracting(Event::name).containsExactly("node-1", "node-2");

    server.remove("node-1");
    Batch second = ask(NODE_1, Request.watch(first.position())).batch().orElseThrow();

    assertThat(second.follows()).isEqualTo(Follows.POSITION);
    assertThat(second.events()).hasSize(1);
    assertThat(second.events().get(0).now()).isEmpty();
    for (String odd : List.of("x", ":", first.position() + "9", "0".repeat(36) + ":1")) {
      Batch again = ask(NODE_1, Request.watch(odd)).batch().orElseThrow();
      assertThat(again.follows()).isEqualTo(Follows.NOTHING);
      assertThat(again.events()).extracting(Event::name).containsExactly("node-2");
    }
  }

  @Test
  void aWatchWaitsForWhatComesNext() throws Exception {
    Batch empty = ask(NODE_1, Request.watch("")).batch().orElseThrow();
    byte[] request = NodeJson.bytes(Request.watch(empty.position()));
    CompletableFuture<byte[]> waiting = server.answerLater(NODE_1, request);
    assertThat(waiting).isNotDone();

    server.save(node("node-1", 1));

    Batch batch =
        RegistryProtocol.reply(waiting.get(30, TimeUnit.SECONDS)).batch().orElseThrow();
    assertThat(batch.events()).extracting(Event::name).containsExactly("node-1");
    assertThat(batch.rest()).isEqualTo(Rest.NONE);
  }

  @Test
  void watchesOfOnePeerWaitSideBySideUpToALimit() throws Exception {
    String position = ask(NODE_1, Request.watch("")).batch().orElseThrow().position();
    byte[] request = NodeJson.bytes(Request.watch(position));
    List<CompletableFuture<byte[]>> waiting = new ArrayList<>();
    CompletableFuture<byte[]> last = server.answerLater(NODE_1, request);
    while (waiting.size() < 16 || !last.isDone()) {
      waiting.add(last);
      last = server.answerLater(NODE_1, request);
      // What was asked before this was read has been read.
      assertThat(ask(NODE_1, Request.of(Verb.FIND, "node-1")).failure()).isEmpty();
    }

    assertThat(RegistryProtocol.reply(last.get()).failure().orElseThrow().code())
        .isEqualTo(Code.BUSY);
    CompletableFuture<byte[]> another = server.answerLater(Asker.node("node-2"), request);
    server.save(node("node-1", 1));

    waiting.add(another);
    for (CompletableFuture<byte[]> watch : waiting) {
      Reply reply = RegistryProtocol.reply(watch.get(30, TimeUnit.SECONDS));
      assertThat(reply.failure()).isEmpty();
    }
    assertThat(ask(NODE_1, Request.watch(position)).batch()).isPresent(); // there is room again
  }

  @Test
  void longReplaysComeInPartsOfBoundedSize() throws Exception {
    for (int i = 0; i < 40; i++) {
      Node.Builder large = Node.builder("node-" + i, "127.0.0.1:1");
      for (int label = 0; label < 50; label++) {
        large.label("key-" + label, "v".repeat(1000));
      }
      server.save(large.build());
    }
    List<String> names = new ArrayList<>();
    String position = "";
    Batch batch;
    do {
      batch = ask(NODE_1, Request.watch(position)).batch().orElseThrow();
      batch.events().forEach(event -> names.add(event.name()));
      position = batch.position();
    } while (batch.rest() == Rest.MORE);

    assertThat(names).hasSize(40).doesNotHaveDuplicates();
  }

  @Test
  void hostileQuestionsAreRefusedInWords() throws Exception {
    String nested = "{\"version\":1,\"verb\":\"SAVE\",\"node\":" + "[".repeat(10_000);
    List<String> questions = List.of(
        "",
        "[]",
        nested,
        "{\"version\":1,\"verb\":\"SAVE\"}",
        "{\"version\":1,\"verb\":\"SAVE_IF\",\"node\":{\"name\":\"node-1\",\"address\":\"h:1\"}}",
        "{\"version\":1,\"verb\":\"SAVE_IF\",\"revision\":\"1\"}",
        "{\"version\":1,\"verb\":\"REMOVE_IF\",\"name\":\"node-1\"}",
        "{\"version\":1,\"verb\":\"FIND\",\"name\":\"../../etc/passwd\"}",
        "{\"version\":1,\"verb\":\"FIND\"}");
    for (String question : questions) {
      byte[] bytes = question.getBytes(StandardCharsets.UTF_8);
      Reply reply = RegistryProtocol.reply(
          server.answerLater(Asker.api("api-1"), bytes).get(30, TimeUnit.SECONDS));
      assertThat(reply.failure().orElseThrow().code()).as(question).isEqualTo(Code.INVALID);
    }
    byte[] large = new byte[NodeJson.MAX_MESSAGE_BYTES];
    Reply reply = RegistryProtocol.reply(
        server.answerLater(Asker.api("api-1"), large).get(30, TimeUnit.SECONDS));
    assertThat(reply.failure().orElseThrow().message()).contains("must be at most");
    assertThat(server.nodes()).isEmpty();
  }

  private static void refused(Code code, ThrowingCallable call) {
    N0Exception refusal = catchThrowableOfType(N0Exception.class, call);
    assertThat(refusal).as("nothing was refused").isNotNull();
    assertThat(refusal.code()).as(refusal.toString()).isEqualTo(code);
  }
}
