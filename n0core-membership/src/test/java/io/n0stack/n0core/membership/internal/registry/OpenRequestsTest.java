package io.n0stack.n0core.membership.internal.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.membership.internal.registry.OpenRequests.Kind;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class OpenRequestsTest {
  private final OpenRequests open = new OpenRequests();
  private final AtomicInteger begun = new AtomicInteger();

  private CompletableFuture<String> ask(String peer, Kind kind, CompletableFuture<String> answer) {
    return open.begin(peer, kind, () -> {
      begun.incrementAndGet();
      return answer;
    });
  }

  @Test
  void whatIsTooMuchIsRefusedBeforeItIsBegunAndOnlyToTheOneWhoAsks() {
    List<CompletableFuture<String>> answers = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      answers.add(new CompletableFuture<>());
      assertThat(ask("node-1", Kind.CHANGE, answers.get(i))).isNotDone();
    }

    assertThat(ask("node-1", Kind.CHANGE, new CompletableFuture<>()))
        .isCompletedExceptionally()
        .failsWithin(Duration.ZERO)
        .withThrowableThat()
        .havingCause()
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(Code.BUSY))
        .withMessageContaining("\"node-1\" has 4 requests of kind change open");
    assertThat(begun).hasValue(4);
    assertThat(ask("node-1", Kind.QUESTION, new CompletableFuture<>())).isNotDone();
    assertThat(ask("node-2", Kind.CHANGE, new CompletableFuture<>())).isNotDone();
  }

  @Test
  void whatIsAnsweredOrFailsMakesRoom() {
    CompletableFuture<String> first = new CompletableFuture<>();
    CompletableFuture<String> second = new CompletableFuture<>();
    Supplier<CompletableFuture<String>> another =
        () -> ask("node-1", Kind.CHANGE, new CompletableFuture<>());
    CompletableFuture<String> told = ask("node-1", Kind.CHANGE, first);
    CompletableFuture<String> failed = ask("node-1", Kind.CHANGE, second);
    assertThat(another.get()).isNotDone();
    assertThat(another.get()).isNotDone();
    assertThat(another.get()).isCompletedExceptionally();

    first.complete("done");
    second.completeExceptionally(new IllegalStateException("failed"));

    assertThat(told).isCompletedWithValue("done");
    assertThat(failed).isCompletedExceptionally();
    assertThat(another.get()).isNotDone();
    assertThat(another.get()).isNotDone();
    assertThat(another.get()).isCompletedExceptionally();
  }

  @Test
  void whatCannotBeBegunMakesRoomToo() {
    for (int i = 0; i < 100; i++) {
      CompletableFuture<String> refused = open.begin("node-1", Kind.CHANGE, () -> {
        throw new IllegalStateException("closing");
      });
      assertThat(refused).isCompletedExceptionally();
    }

    assertThat(ask("node-1", Kind.CHANGE, new CompletableFuture<>())).isNotDone();
  }
}
