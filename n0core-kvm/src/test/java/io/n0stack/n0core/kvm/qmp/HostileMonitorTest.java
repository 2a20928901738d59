package io.n0stack.n0core.kvm.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@SuppressWarnings("try") // the fake monitor only has to be there
class HostileMonitorTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final String NOT_NEGOTIATED =
      "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Expecting capabilities negotiation"
          + " with 'qmp_capabilities'\"}, \"id\": \"ID\"}\r\n";
  private static final String ALREADY =
      "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Capabilities negotiation is already"
          + " complete, command ignored\"}, \"id\": \"ID\"}\r\n";
  private static final String NAMELESS =
      "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}\r\n";

  @TempDir
  Path directory;

  @Test
  void aReplyThatComesTwiceIsTakenOnce() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      String id = monitor.request();
      monitor.answer(id, "1");
      String second = monitor.request();
      monitor.answer(id, "1");
      monitor.answer(second, "2");
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThat(client.execute("x", SOON).number("")).isEqualTo(1);
      assertThat(client.execute("y", SOON).number("")).isEqualTo(2);
    }
  }

  @Test
  void aReplyIsFoundWhereverItsIdStands() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      String first = monitor.request();
      monitor.send("{\"id\":\"" + first + "\",\"return\":{\"id\": \"other\"}}\n");
      String second = monitor.request();
      monitor.send("{\"return\": {\"a\": \"x\\\"id\\\": \\\"" + second
          + "\\\"}\"}, \"id\": \"stale\"}\n{\"return\": 2, \"id\": \"" + second + "\"}  \r\n");
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThat(client.execute("x", SOON).text("/id")).isEqualTo("other");
      assertThat(client.execute("y", SOON).number("")).isEqualTo(2);
    }
  }

  @Test
  void anEventWithAnIdAtItsEndIsNoReply() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      String id = monitor.request();
      monitor.send(
          "{\"event\": \"VSERPORT_CHANGE\", \"data\": {\"open\": true, \"id\": \"" + id + "\"}}\n");
      monitor.answer(id, "\"mine\"");
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThat(client.execute("x", SOON).text("")).isEqualTo("mine");
    }
  }

  @Test
  void aMonitorThatIsInCommandModeAlreadyIsReady() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.send(FakeMonitor.GREETING);
      monitor.send(ALREADY.replace("ID", monitor.request()));
      monitor.answer(monitor.request(), "7");
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThat(client.execute("x", SOON).number("")).isEqualTo(7);
    }
  }

  @Test
  void aMonitorThatForgotTheNegotiationIsAskedAgain() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      monitor.send(NOT_NEGOTIATED.replace("ID", monitor.request()));
      monitor.answer(monitor.request(), "{}");
      monitor.answer(monitor.request(), "7");
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThat(client.execute("x", SOON).number("")).isEqualTo(7);
    }
  }

  @Test
  void aPredecessorsParseErrorDoesNotFailTheHandshake() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.send(NAMELESS + FakeMonitor.GREETING + NAMELESS);
      monitor.answer(monitor.request(), "{}");
      monitor.answer(monitor.request(), "7");
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThat(client.execute("x", SOON).number("")).isEqualTo(7);
    }
  }

  @Test
  void anErrorWithoutIdIsNotBlamedOnOneOfTwo() throws Exception {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      String first = monitor.request();
      String second = monitor.request();
      monitor.send(NAMELESS + NAMELESS);
      monitor.answer(second, "2");
      monitor.answer(first, "1");
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      CompletableFuture<QmpResult> first = client.submit("x", Map.of(), SOON);
      CompletableFuture<QmpResult> second = client.submit("y", Map.of(), SOON);
      assertThat(first.get().number("")).isEqualTo(1);
      assertThat(second.get().number("")).isEqualTo(2);
    }
  }

  @Test
  void aReplyTooDeepToReadLeavesTheOutcomeUnknownAndTheNextOneWhole() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      monitor.answer(monitor.request(), "[".repeat(100_000) + "]".repeat(100_000));
      monitor.answer(monitor.request(), "7");
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThatExceptionOfType(UnknownOutcomeException.class)
          .isThrownBy(() -> client.execute("x", SOON));
      assertThat(client.execute("y", SOON).number("")).isEqualTo(7);
    }
  }

  @Test
  void aReplyOfMoreThanSixtyFourMebibytesLeavesTheOutcomeUnknown() throws IOException {
    String piece = "x".repeat(1 << 20);
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      monitor.request();
      monitor.send("{\"return\": \"");
      for (int i = 0; i < 65; i++) {
        monitor.send(piece);
      }
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThatExceptionOfType(UnknownOutcomeException.class)
          .isThrownBy(() -> client.execute("x", Duration.ofMinutes(1)))
          .withMessageContaining("longer than");
    }
  }

  @Test
  void aMonitorThatHangsUpIsNotBusy() throws IOException {
    FakeMonitor.Script script = monitor -> monitor.send("{\"QMP\": {");
    try (FakeMonitor monitor = new FakeMonitor(socket(), script)) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(this::connect)
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
    }
  }

  @Test
  void aMonitorThatGreetsAndThenSaysNothingIsNotBusy() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.send(FakeMonitor.GREETING);
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script)) {
      QmpOptions options = QmpOptions.defaults().withTimes(SOON, Duration.ofMillis(100));
      assertThatExceptionOfType(OperationTimeoutException.class)
          .isThrownBy(() -> QmpClient.connect("web1", socket(), options))
          .withMessageContaining("qmp_capabilities")
          .withMessageContaining("100 ms");
    }
  }

  @Test
  void aRequestThatTheMonitorDoesNotReadIsGivenUpInTime() throws IOException {
    CountDownLatch over = new CountDownLatch(1);
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      awaitIt(over);
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      Map<String, String> large = Map.of("text", "x".repeat(8 << 20));
      assertThatExceptionOfType(OperationTimeoutException.class)
          .isThrownBy(() -> client.execute("x", large, Duration.ofMillis(200)));
      // Half of it is in the stream, so that nothing can follow.
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> client.execute("y", SOON))
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
      over.countDown();
    }
  }

  @Test
  void anInterruptedCallerIsToldSo() throws Exception {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      CompletableFuture<N0Exception.Code> told = new CompletableFuture<>();
      Thread caller = new Thread(() -> {
        try {
          client.execute("x", SOON);
        } catch (N0Exception e) {
          told.complete(e.code());
        }
      });
      caller.start();
      caller.interrupt();
      assertThat(told.get()).isEqualTo(N0Exception.Code.CANCELLED);
      caller.join();
    }
  }

  @Test
  void aSocketPathThatCannotBeOneIsInvalid() {
    Path path = directory.resolve("x".repeat(120));
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> QmpClient.connect(path, SOON))
        .withMessageContaining("107 bytes")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
  }

  private static void awaitIt(CountDownLatch latch) {
    try {
      latch.await(20, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Path socket() {
    return directory.resolve("qmp");
  }

  private QmpClient connect() {
    return QmpClient.connect(socket(), SOON);
  }
}
