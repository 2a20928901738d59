package io.n0stack.n0core.kvm.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@SuppressWarnings("try") // a fake is used by being there
class GuestAgentTest {
  private static final Duration SHORT = Duration.ofMillis(300);
  private static final GuestAgentOptions OPTIONS = GuestAgentOptions.defaults()
      .withSync(Duration.ofSeconds(20))
      .withCommand(Duration.ofSeconds(20));

  @TempDir
  Path directory;

  private Path socket;

  @BeforeEach
  void nameSocket() {
    socket = directory.resolve("agent");
  }

  private FakeAgent agent(FakeAgent.Behaviour behaviour) throws IOException {
    return new FakeAgent(socket, (peer, command, arguments) -> {
      if (!peer.sync(command, arguments)) {
        behaviour.request(peer, command, arguments);
      }
    });
  }

  private GuestAgent connect() {
    return GuestAgent.connect("web1", socket, OPTIONS);
  }

  private static void isCode(Throwable thrown, N0Exception.Code code) {
    assertThat(thrown).isInstanceOf(N0Exception.class);
    assertThat(((N0Exception) thrown).code()).isEqualTo(code);
  }

  @Test
  void answersOfPredecessorAndGarbageAreSkipped() throws Exception {
    String left =
        "text without end {{{ \u0000\u001b[31m\n{\"return\": 1}\n\u00ff{\"return\": 4711}\n"
            + "\u00ff{\"ret\u00ff\n\n{\"return\": {}}";
    try (FakeAgent fake = agent((peer, command, arguments) -> peer.answer("\"web1\""))
            .saying(left.getBytes(StandardCharsets.ISO_8859_1));
        GuestAgent agent = connect()) {
      assertThat(agent.execute("guest-get-host-name", Map.of()).text("")).isEqualTo("web1");
    }
  }

  @Test
  void lateAnswerIsNotTakenForTheNextCommands() throws Exception {
    AtomicInteger count = new AtomicInteger();
    CountDownLatch slow = new CountDownLatch(1);
    try (FakeAgent fake = agent((peer, command, arguments) -> {
          if (count.incrementAndGet() == 1) {
            try {
              slow.await();
            } catch (InterruptedException e) {
              throw new IOException(e);
            }
            peer.answer("\"late\"");
          } else {
            peer.answer("\"mine\"");
          }
        });
        GuestAgent agent = connect()) {
      assertThatThrownBy(() -> agent.execute("guest-one", Map.of(), SHORT))
          .isInstanceOf(OperationTimeoutException.class);
      slow.countDown();

      assertThat(agent.execute("guest-two", Map.of()).text("")).isEqualTo("mine");
      assertThat(fake.commands()).containsExactly("guest-one", "guest-two");
    }
  }

  @Test
  void whatIsSentUnaskedIsNotTakenForAnAnswer() throws Exception {
    try (FakeAgent fake = agent((peer, command, arguments) -> {
          String more = command.equals("guest-one") ? "{\"return\": \"unasked\"}\n" : "";
          peer.send("{\"return\": \"" + command + "\"}\n" + more);
        });
        GuestAgent agent = connect()) {
      for (int i = 0; i < 20; i++) {
        assertThat(agent.execute("guest-one", Map.of()).text("")).isEqualTo("guest-one");
        assertThat(agent.execute("guest-two", Map.of()).text("")).isEqualTo("guest-two");
      }
    }
  }

  @Test
  void silentAgentIsBusyAndClosedPortIsNone() throws Exception {
    AtomicBoolean open = new AtomicBoolean(true);
    GuestAgentOptions options = OPTIONS.withSync(SHORT).withPort(open::get);
    try (FakeAgent fake = new FakeAgent(socket, (peer, command, arguments) -> {})) {
      assertThatThrownBy(() -> GuestAgent.connect("web1", socket, options))
          .satisfies(e -> isCode(e, N0Exception.Code.BUSY));
      open.set(false);
      assertThatThrownBy(() -> GuestAgent.connect("web1", socket, options))
          .satisfies(e -> isCode(e, N0Exception.Code.UNAVAILABLE))
          .hasMessageContaining("no agent in the guest");
    }
  }

  @Test
  void portThatCannotBeSeenIsNotTakenForClosed() throws Exception {
    GuestAgentOptions options = OPTIONS.withSync(SHORT).withPort(() -> {
      throw new N0Exception(N0Exception.Code.UNAVAILABLE, "monitor", "monitor is gone");
    });
    try (FakeAgent fake = new FakeAgent(socket, (peer, command, arguments) -> {})) {
      assertThatThrownBy(() -> GuestAgent.connect("web1", socket, options))
          .satisfies(e -> isCode(e, N0Exception.Code.BUSY));
    }
  }

  @Test
  void absentSocketIsUnavailable() {
    assertThatThrownBy(this::connect).satisfies(e -> isCode(e, N0Exception.Code.UNAVAILABLE));
  }

  @ParameterizedTest
  @ValueSource(strings = {"x", "\u00ff", "\u00ff{\"return\":1", "\n", "\u00ff\n"})
  void endlessStreamInsteadOfSyncEndsAtTheDeadline(String noise) throws Exception {
    byte[] block = noise.repeat(8192).getBytes(StandardCharsets.ISO_8859_1);
    try (FakeAgent fake = new FakeAgent(socket, (peer, command, arguments) -> {
      while (true) {
        peer.send(block);
      }
    })) {
      assertThatThrownBy(() -> GuestAgent.connect("web1", socket, OPTIONS.withSync(SHORT)))
          .satisfies(e -> isCode(e, N0Exception.Code.BUSY));
    }
  }

  @Test
  void endlessAnswerEndsAtTheLimitAndTheLineRecovers() throws Exception {
    try (FakeAgent fake = agent((peer, command, arguments) -> {
          if (command.equals("guest-long")) {
            peer.send("{\"return\": \"" + "x".repeat(20_000) + "\"}\n");
          } else {
            peer.answer("7");
          }
        });
        GuestAgent agent = GuestAgent.connect("web1", socket, OPTIONS.withAnswerBytes(8192))) {
      assertThatThrownBy(() -> agent.execute("guest-long", Map.of()))
          .isInstanceOf(UnknownOutcomeException.class)
          .hasRootCauseMessage("the answer is longer than 8192 bytes");
      assertThat(agent.execute("guest-short", Map.of()).number("")).isEqualTo(7);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"return\": \"\u00c3(\"}", // not UTF-8
        "{\"return\": ",
        "[]",
        "null",
        "17",
        "{}",
        "{\"error\": 1}",
        "{\"return\": 1} {\"return\": 2",
        "DEEP",
        "MANY",
      })
  void malformedAnswerIsAnUnknownOutcomeAndTheLineRecovers(String answer) throws Exception {
    String text = answer
        .replace("DEEP", "{\"return\": " + "[".repeat(100) + "]".repeat(100) + "}")
        .replace("MANY", "{\"return\": [" + "1,".repeat(1 << 20) + "1]}");
    try (FakeAgent fake = agent((peer, command, arguments) -> {
          if (command.equals("guest-bad")) {
            peer.send((text + "\n").getBytes(StandardCharsets.ISO_8859_1));
          } else {
            peer.answer("7");
          }
        });
        GuestAgent agent = connect()) {
      if (answer.startsWith("{\"return\": 1}")) {
        assertThat(agent.execute("guest-bad", Map.of()).number("")).isEqualTo(1);
      } else {
        assertThatThrownBy(() -> agent.execute("guest-bad", Map.of()))
            .isInstanceOf(UnknownOutcomeException.class);
      }
      assertThat(agent.execute("guest-good", Map.of()).number("")).isEqualTo(7);
    }
  }

  @Test
  void wrongTypesAreErrorsOfTheAnswer() throws Exception {
    try (FakeAgent fake = agent((peer, command, arguments) -> peer.answer(
            "[{\"name\": 1, \"logical-id\": \"x\", \"online\": 18446744073709551616}]"));
        GuestAgent agent = connect()) {
      assertThatThrownBy(() -> agent.system().networkInterfaces())
          .satisfies(e -> isCode(e, N0Exception.Code.INTERNAL));
      assertThatThrownBy(() -> agent.system().vcpus())
          .satisfies(e -> isCode(e, N0Exception.Code.INTERNAL));
      assertThatThrownBy(() -> agent.system().osInfo().id().orElseThrow())
          .isInstanceOf(RuntimeException.class);
      assertThatThrownBy(() -> agent.system().time())
          .satisfies(e -> isCode(e, N0Exception.Code.INTERNAL));
    }
  }

  @Test
  void refusalIsEscapedInMessages() throws Exception {
    try (FakeAgent fake = agent(
            (peer, command, arguments) -> peer.send(
                "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\\n\\u001b[2Jroot logged in\"}}\n"));
        GuestAgent agent = connect()) {
      assertThatThrownBy(agent::ping)
          .isInstanceOfSatisfying(
              GuestAgentException.class, e -> assertThat(e.description()).contains("\n"))
          .hasMessageContaining("guest-ping")
          .hasMessageNotContainingAny("\n", "\u001b");
    }
  }

  @Test
  void lostConnectionIsUnknownForTheCommandAndUnavailableAfterwards() throws Exception {
    try (FakeAgent fake = agent((peer, command, arguments) -> peer.hangUp());
        GuestAgent agent = connect()) {
      assertThatThrownBy(agent::ping).isInstanceOf(UnknownOutcomeException.class);
      assertThatThrownBy(agent::ping).satisfies(e -> isCode(e, N0Exception.Code.UNAVAILABLE));
    }
  }

  @Test
  void closeEndsTheCommandOfAnotherThread() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    var executor = Executors.newSingleThreadExecutor();
    try (FakeAgent fake = agent((peer, command, arguments) -> asked.countDown());
        GuestAgent agent = connect()) {
      var running = executor.submit(agent::ping);
      asked.await();
      agent.close();
      assertThatThrownBy(running::get).hasCauseInstanceOf(UnknownOutcomeException.class);
    } finally {
      executor.shutdownNow();
    }
  }

  @Test
  void shutdownNeedsNoAnswerButHearsARefusal() throws Exception {
    AtomicBoolean refuse = new AtomicBoolean();
    try (FakeAgent fake = agent((peer, command, arguments) -> {
          if (refuse.get()) {
            peer.send("{\"error\": {\"class\": \"GenericError\", \"desc\": \"disabled\"}}\n");
          }
        });
        GuestAgent agent = connect()) {
      agent.system().shutdown(GuestSystem.Ending.POWERDOWN);
      agent.system().shutdown(GuestSystem.Ending.REBOOT);
      refuse.set(true);
      assertThatThrownBy(() -> agent.system().shutdown(GuestSystem.Ending.HALT))
          .isInstanceOf(GuestAgentException.class);
    }
  }

  @Test
  void timeBefore1970IsReadAndRefusedToBeSet() throws Exception {
    try (FakeAgent fake = agent((peer, command, arguments) -> peer.answer("-1"));
        GuestAgent agent = connect()) {
      assertThat(agent.system().time()).isEqualTo(Instant.ofEpochSecond(-1, 999_999_999));
      assertThatThrownBy(() -> agent.system().setTime(Instant.ofEpochSecond(-1)))
          .satisfies(e -> isCode(e, N0Exception.Code.INVALID));
    }
  }

  @Test
  void threadsTakeTurns() throws Exception {
    try (FakeAgent fake = agent((peer, command, arguments) -> peer.answer("\"" + command + "\""));
        GuestAgent agent = connect()) {
      assertThat(java.util.stream.IntStream.range(0, 200)
              .parallel()
              .allMatch(i -> agent.execute("guest-" + i, Map.of()).text("").equals("guest-" + i)))
          .isTrue();
    }
  }

  @Test
  void interruptedThreadStopsWaiting() throws Exception {
    AtomicBoolean flag = new AtomicBoolean();
    try (FakeAgent fake = agent((peer, command, arguments) -> {});
        GuestAgent agent = connect()) {
      Thread thread = new Thread(() -> {
        try {
          agent.ping();
        } catch (N0Exception e) {
          flag.set(
              e.code() == N0Exception.Code.CANCELLED && Thread.currentThread().isInterrupted());
        }
      });
      thread.start();
      await().until(() -> fake.commands().contains("guest-ping"));
      thread.interrupt();
      thread.join();
      assertThat(flag).isTrue();
    }
  }
}
