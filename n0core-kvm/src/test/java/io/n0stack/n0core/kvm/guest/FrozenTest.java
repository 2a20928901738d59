package io.n0stack.n0core.kvm.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** File systems are thawed, whatever happens. */
class FrozenTest {
  private static final Duration LONG = Duration.ofSeconds(30);
  private static final Duration SHORT = Duration.ofMillis(200);

  @TempDir
  Path directory;

  private final AtomicBoolean frozen = new AtomicBoolean();
  private final AtomicInteger thaws = new AtomicInteger();
  private final CountDownLatch gate = new CountDownLatch(1);
  private FakeAgent fake;
  private GuestAgent agent;
  private volatile String freezeBy = "answer";
  private volatile int brokenThaws;

  @BeforeEach
  void start() throws IOException {
    fake = new FakeAgent(directory.resolve("agent"), this::behave);
    agent = GuestAgent.connect(
        "web1",
        directory.resolve("agent"),
        GuestAgentOptions.defaults().withSync(LONG).withCommand(LONG));
  }

  @AfterEach
  void stop() throws Exception {
    gate.countDown();
    agent.close();
    fake.close();
    assertThat(frozen).isFalse();
  }

  private void behave(FakeAgent.Peer peer, String command, JsonNode arguments) throws IOException {
    if (peer.sync(command, arguments)) {
      return;
    }
    if (command.equals("guest-fsfreeze-freeze")) {
      frozen.set(true);
      switch (freezeBy) {
        case "answer" -> peer.answer("1");
        case "silence" -> {}
        case "end" -> peer.hangUp();
        default ->
          peer.send("{\"error\": {\"class\": \"GenericError\", \"desc\": \"" + freezeBy + "\"}}\n");
      }
    } else if (thaws.getAndIncrement() < brokenThaws) {
      peer.hangUp();
    } else {
      frozen.set(false);
      peer.answer("1");
    }
  }

  @Test
  void workIsDoneWhileFrozen() {
    assertThat(agent.fileSystems().frozen(LONG, frozen::get)).isTrue();
    assertThat(thaws).hasValue(1);
  }

  @Test
  void failedWorkIsFollowedByThaw() {
    assertThatThrownBy(() -> agent.fileSystems().frozen(LONG, () -> {
          throw new IllegalStateException("no space");
        }))
        .hasMessage("no space");
    assertThat(thaws).hasValue(1);
  }

  @Test
  void unansweredFreezeIsFollowedByThaw() {
    freezeBy = "silence";
    assertThatThrownBy(() -> agent.fileSystems().frozen(SHORT, () -> "never"))
        .isInstanceOf(OperationTimeoutException.class);
    assertThat(thaws).hasValue(1);
  }

  @Test
  void refusedFreezeIsFollowedByThaw() {
    freezeBy = "half of them";
    assertThatThrownBy(() -> agent.fileSystems().frozen(LONG, () -> "never"))
        .isInstanceOf(GuestAgentException.class);
    assertThat(thaws).hasValue(1);
  }

  @Test
  void lostConnectionIsMadeAnewToThaw() {
    freezeBy = "end";
    assertThatThrownBy(() -> agent.fileSystems().frozen(LONG, () -> "never"))
        .isInstanceOf(UnknownOutcomeException.class);
    assertThat(thaws).hasValue(1);
  }

  @Test
  void thawIsRepeatedUntilItIsConfirmed() {
    brokenThaws = 2;
    assertThat(agent.fileSystems().frozen(LONG, () -> "done")).isEqualTo("done");
    assertThat(thaws).hasValue(3);
  }

  @Test
  void thawThatIsNeverConfirmedSaysSo() {
    brokenThaws = 1000;
    assertThatThrownBy(() -> agent.fileSystems().frozen(LONG, () -> "done"))
        .isInstanceOf(N0Exception.class)
        .hasMessageContaining("may still be frozen");
    assertThat(thaws).hasValue(4);
    frozen.set(false);
  }

  @Test
  void tooLongWorkIsThawedAtTheLimitAndToldSo() {
    assertThatThrownBy(() -> agent.fileSystems().frozen(SHORT, () -> {
          await().atMost(LONG).until(() -> !frozen.get());
          return "inconsistent";
        }))
        .isInstanceOf(OperationTimeoutException.class);
    assertThat(thaws).hasValue(1);
  }

  @Test
  void interruptedThreadStillThawsAndStaysInterrupted() throws Exception {
    AtomicBoolean kept = new AtomicBoolean();
    Thread thread = new Thread(() -> {
      agent.fileSystems().frozen(LONG, () -> {
        Thread.currentThread().interrupt();
        return "done";
      });
      kept.set(Thread.currentThread().isInterrupted());
    });
    thread.start();
    thread.join();
    assertThat(kept).isTrue();
    assertThat(thaws).hasValue(1);
  }
}
