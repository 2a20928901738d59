package io.n0stack.n0core.kvm.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@SuppressWarnings("try") // the fake monitor only has to be there
class SubmitTest {
  private static final Duration SOON = Duration.ofSeconds(20);
  private static final FakeMonitor.Script ECHO = monitor -> {
    monitor.welcome();
    while (true) {
      String id = monitor.request();
      monitor.send("{\"event\": \"STOP\"}\n");
      monitor.answer(id, "\"" + id + "\"");
    }
  };

  @TempDir
  Path directory;

  @Test
  void manyAreOnTheirWayAndEachGetsItsOwnAnswer() throws Exception {
    FakeMonitor.Script backwards = monitor -> {
      monitor.welcome();
      List<String> ids = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        ids.add(monitor.request());
      }
      for (int i = 7; i >= 0; i--) {
        monitor.answer(ids.get(i), String.valueOf(i));
      }
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), backwards);
        QmpClient client = connect()) {
      List<CompletableFuture<QmpResult>> answers = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        answers.add(client.submit("x", Map.of(), SOON));
      }
      for (int i = 0; i < 8; i++) {
        assertThat(answers.get(i).get().number("")).isEqualTo(i);
      }
    }
  }

  @Test
  void whatIsChainedNeverRunsOnTheThreadThatReads() throws Exception {
    try (FakeMonitor monitor = new FakeMonitor(socket(), ECHO);
        QmpClient client = connect()) {
      for (int i = 0; i < 200; i++) {
        CompletableFuture<String> thread = client
            .submit("x", Map.of(), SOON)
            .thenApply(result -> Thread.currentThread().getName());
        assertThat(thread.get())
            .isIn("n0core-qmp-qmp-out", Thread.currentThread().getName());
      }
    }
  }

  @Test
  void whatIsChainedAndWaitsDoesNotStopTheClient() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    FakeMonitor.Script late = monitor -> {
      monitor.welcome();
      String first = monitor.request();
      String second = monitor.request(); // by now the first has something chained to it
      monitor.answer(first, "1");
      monitor.answer(second, "2");
      while (true) {
        monitor.answer(monitor.request(), "3");
      }
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), late);
        QmpClient client = connect()) {
      CompletableFuture<Void> waiting =
          client.submit("x", Map.of(), SOON).thenAccept(result -> awaitIt(go));
      assertThat(client.execute("y", SOON).number("")).isEqualTo(2);
      for (int i = 0; i < 20; i++) {
        assertThat(client.execute("y", SOON).number("")).isEqualTo(3);
        assertThat(client.submit("z", Map.of(), SOON).get().number("")).isEqualTo(3);
      }
      assertThat(waiting).isNotDone();
      go.countDown();
      waiting.get();
    }
  }

  @Test
  void anExecutorThatWaitsDoesNotStopTheClient() throws IOException {
    CountDownLatch go = new CountDownLatch(1);
    QmpListener silent = new QmpListener() {
      @Override
      public void event(QmpEvent event) {}

      @Override
      public void lost(long count) {}
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), ECHO);
        QmpClient client = connect();
        Subscription subscription = client.subscribe(work -> awaitIt(go), silent)) {
      for (int i = 0; i < 20; i++) {
        assertThat(client.execute("y", SOON).text("")).isNotEmpty();
      }
    } finally {
      go.countDown();
    }
  }

  @Test
  void anAnswerThatDoesNotComeIsATimeoutThoughNobodyWaits() throws Exception {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      CompletableFuture<Throwable> failure =
          client.submit("x", Map.of(), Duration.ofMillis(50)).handle((result, thrown) -> thrown);
      assertThat(failure.get()).isInstanceOf(OperationTimeoutException.class);

      CompletableFuture<QmpResult> awaited = client.submit("x", Map.of(), Duration.ofMillis(50));
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(awaited::get)
          .withCauseInstanceOf(OperationTimeoutException.class);
    }
  }

  @Test
  void theEndOfTheLineLeavesAllOutcomesUnknown() throws Exception {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      monitor.request();
      monitor.request();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script);
        QmpClient client = connect()) {
      List<CompletableFuture<QmpResult>> answers =
          List.of(client.submit("x", Map.of(), SOON), client.submit("y", Map.of(), SOON));
      for (CompletableFuture<QmpResult> answer : answers) {
        assertThatExceptionOfType(ExecutionException.class)
            .isThrownBy(answer::get)
            .withCauseInstanceOf(UnknownOutcomeException.class);
      }
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> client.submit("z", Map.of(), SOON))
          .withMessageContaining("not sent");
    }
  }

  @Test
  void closingFailsWhatIsOnItsWay() throws Exception {
    FakeMonitor.Script script = monitor -> {
      monitor.welcome();
      monitor.untilItGoes();
    };
    try (FakeMonitor monitor = new FakeMonitor(socket(), script)) {
      QmpClient client = connect();
      CompletableFuture<QmpResult> answer = client.submit("x", Map.of(), SOON);
      client.close();
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(answer::get)
          .withCauseInstanceOf(UnknownOutcomeException.class);
    }
  }

  private static void awaitIt(CountDownLatch latch) {
    try {
      assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
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
