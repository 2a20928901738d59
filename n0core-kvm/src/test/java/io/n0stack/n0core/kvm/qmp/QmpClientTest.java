package io.n0stack.n0core.kvm.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@SuppressWarnings("try") // the fake monitor only has to be there
class QmpClientTest {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final String EVENT =
      "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"STOP\"}\r\n";

  @TempDir
  Path directory;

  @Test
  void aPredecessorsReplyIsNotTakenForOnesOwn() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.send(FakeMonitor.GREETING);
      String id = monitor.request();
      monitor.answer("old1", "{\"stale\": true}");
      monitor.send(
          "{\"error\": {\"class\": \"GenericError\", \"desc\": \"x\"}, \"id\": \"old2\"}\n");
      monitor.answer(id, "{}");
      String second = monitor.request();
      monitor.answer("old3", "{\"status\": \"wrong\"}");
      monitor.answer(second, "{\"status\": \"right\"}");
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThat(client.execute("query-status", SOON).text("/status")).isEqualTo("right");
    }
  }

  @Test
  void eventsMayComeBeforeTheGreetingAndInTheHandshake() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.send(EVENT + EVENT + FakeMonitor.GREETING + EVENT);
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
  void messagesAreWholeWhereverTheyWereSplit() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      String id = monitor.request();
      String reply = "{\"return\": \"h\u00e4\u20ac\", \"id\": \"" + id + "\"}\r\n";
      for (int i = 0; i < reply.length(); i++) {
        monitor.send(reply.substring(i, i + 1));
      }
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThat(client.execute("x", SOON).text("")).isEqualTo("h\u00e4\u20ac");
    }
  }

  @Test
  void aReplyMayHaveSixteenMebibytes() throws IOException {
    String large = "x".repeat(16 << 20);
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      monitor.answer(monitor.request(), "\"" + large + "\"");
      monitor.answer(monitor.request(), "\"small\"");
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThat(client.execute("x", SOON).text("")).hasSize(16 << 20);
      assertThat(client.execute("y", SOON).text("")).isEqualTo("small");
    }
  }

  @Test
  void aLineThatIsNotJsonIsDropped() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      String id = monitor.request();
      monitor.send("{]garbage\n\n\u0000\n[1,2]\n");
      monitor.answer(id, "{}");
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThat(client.execute("x", SOON).find("/a")).isEmpty();
    }
  }

  @Test
  void silenceInsteadOfAGreetingIsABusyMonitor() throws IOException {
    try (FakeMonitor monitor = new FakeMonitor(socket(), FakeMonitor::untilItGoes)) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> QmpClient.connect(socket(), Duration.ofMillis(200)))
          .withMessageContaining("busy")
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
    }
  }

  @Test
  void silenceInsteadOfAReplyIsATimeoutAndTheLateReplyIsDropped() throws Exception {
    CountDownLatch late = new CountDownLatch(1);
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      String first = monitor.request();
      String second = monitor.request();
      monitor.answer(first, "\"late\"");
      monitor.answer(second, "\"second\"");
      late.countDown();
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThatExceptionOfType(OperationTimeoutException.class)
          .isThrownBy(() -> client.execute("x", Duration.ofMillis(100)));
      assertThat(client.execute("y", SOON).text("")).isEqualTo("second");
      assertThat(late.await(SOON.toMillis(), TimeUnit.MILLISECONDS)).isTrue();
    }
  }

  @Test
  void theEndInTheMiddleOfALineLeavesTheOutcomeUnknown() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      monitor.request();
      monitor.send("{\"return\": {");
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThatExceptionOfType(UnknownOutcomeException.class)
          .isThrownBy(() -> client.execute("x", SOON));
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> client.execute("y", SOON))
          .withMessageContaining("not sent");
    }
  }

  @Test
  void anErrorWithoutIdBelongsToTheOnlyRequest() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      monitor.request();
      monitor.send("{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}\n");
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThatExceptionOfType(QmpException.class)
          .isThrownBy(() -> client.execute("x", SOON))
          .satisfies(e -> {
            assertThat(e.errorClass()).isEqualTo("GenericError");
            assertThat(e.command()).isEqualTo("x");
          });
    }
  }

  @Test
  void numbersAreUnsigned() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      monitor.answer(monitor.request(), "{\"n\": 18446744073709551615}");
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      QmpResult result = client.execute("x", SOON);
      assertThat(result.unsigned("/n")).isEqualTo(BigInteger.TWO.pow(64).subtract(BigInteger.ONE));
      assertThatExceptionOfType(N0Exception.class).isThrownBy(() -> result.number("/n"));
    }
  }

  @Test
  void aSlowListenerLosesEventsAndIsToldHowMany() throws IOException {
    int sent = 3 * Events.LIMIT;
    CountDownLatch slow = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      String first = monitor.request();
      monitor.send(EVENT);
      monitor.answer(first, "{}");
      String id = monitor.request();
      monitor.send(EVENT.repeat(sent - 1));
      monitor.answer(id, "{}");
      monitor.untilItGoes();
    };
    List<Long> heard = new CopyOnWriteArrayList<>();
    QmpListener listener = new QmpListener() {
      @Override
      public void event(QmpEvent event) {
        slow.countDown();
        try {
          go.await();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
        heard.add(1L);
      }

      @Override
      public void lost(long count) {
        heard.add(count);
      }
    };
    ExecutorService executor = Executors.newSingleThreadExecutor();
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect();
        Subscription subscription = client.subscribe(executor, listener)) {
      client.execute("first", SOON);
      await().until(() -> slow.getCount() == 0);
      client.execute("x", SOON);
      go.countDown();
      await().until(() -> heard.stream().mapToLong(Long::longValue).sum() == sent);
      assertThat(heard.stream().filter(count -> count > 1).count()).isEqualTo(1);
    } finally {
      executor.shutdownNow();
    }
  }

  @Test
  void closingEndsTheReaderAlsoTwice() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script)) {
      QmpClient client = QmpClient.connect("closing", socket(), SOON);
      assertThat(threads()).contains("n0core-qmp-closing");

      client.close();
      client.close();

      assertThat(threads()).doesNotContain("n0core-qmp-closing");
    }
  }

  @Test
  void noSocketIsUnavailable() {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(this::connect)
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
  }

  private static List<String> threads() {
    return Thread.getAllStackTraces().keySet().stream().map(Thread::getName).toList();
  }

  private Path socket() {
    return directory.resolve("qmp");
  }

  private QmpClient connect() {
    return QmpClient.connect(socket(), SOON);
  }

  @Test
  void aResultWithoutIdIsAPredecessorsForOursAllHaveOne() throws IOException {
    FakeMonitor.Script script = monitor -> {
      monitor.send(FakeMonitor.GREETING);
      String id = monitor.request();
      monitor.send("{\"return\": {}}\n");
      monitor.answer(id, "{}");
      String second = monitor.request();
      monitor.send("{\"return\": {\"status\": \"wrong\"}}\n");
      monitor.answer(second, "{\"status\": \"right\"}");
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      assertThat(client.execute("query-status", SOON).text("/status")).isEqualTo("right");
    }
  }
}
