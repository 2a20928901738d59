package io.n0stack.n0core.kvm.qapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.kvm.qmp.QmpListener;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.kvm.qmp.Results;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class QapiTest {
  private static final String MOST = "18446744073709551615";

  private final List<String> sent = new ArrayList<>();
  private String answer = "{}";

  private final Qapi qapi = new Qapi(new Call(
      new Call.Wire() {
        @Override
        public QmpResult execute(String command, Map<String, ?> arguments, Duration deadline) {
          sent.add(command + arguments);
          if (answer.equals("end")) {
            throw new UnknownOutcomeException(command, new IOException("end"));
          }
          return Results.of(answer);
        }

        @Override
        public QmpResult lend(
            String command, Map<String, ?> arguments, int descriptor, Duration deadline) {
          sent.add(command + arguments + descriptor);
          return Results.of(answer);
        }

        @Override
        public QmpResult urge(String command, Map<String, ?> arguments, Duration deadline) {
          return execute(command, arguments, deadline);
        }

        @Override
        public Subscription subscribe(Executor executor, QmpListener listener) {
          throw new UnsupportedOperationException();
        }
      },
      Duration.ofSeconds(1)));

  @Test
  void whatIsNotSetIsNotSent() {
    qapi.machine().setAction(Actions.unchanged().withPanic(PanicAction.EXIT_FAILURE));
    qapi.blockJob().commit(BlockCommit.builder("top").waitForDismiss().build());
    qapi.block().setLatencyHistogram("disk0", List.of());
    qapi.migration().setParameters(MigrationSettings.builder().maxBandwidth(5).build());
    qapi.descriptor().give("tap0", 9);

    assertThat(sent)
        .containsExactly(
            "set-action{panic=exit-failure}",
            "block-commit{device=top, auto-dismiss=false}",
            "block-latency-histogram-set{id=disk0}",
            "migrate-set-parameters{max-bandwidth=5}",
            "getfd{fdname=tap0}9");
  }

  @Test
  void brokenRulesSendNothing() {
    assertThatThrownBy(() -> qapi.memory().balloon(-1)).isInstanceOf(N0Exception.class);
    assertThatThrownBy(() -> qapi.block().resize("root", -1)).isInstanceOf(N0Exception.class);
    assertThatThrownBy(() -> qapi.memory().measureDirtyRate(Duration.ofSeconds(61)))
        .isInstanceOf(N0Exception.class);
    assertThatThrownBy(() -> qapi.display().sendKeys(List.of(), Duration.ZERO))
        .isInstanceOf(N0Exception.class);
    assertThatThrownBy(() -> Announcement.builder(0, 1, 1, 1).build())
        .isInstanceOf(N0Exception.class);
    assertThatThrownBy(() -> SocketAddress.Unix.of(Path.of("relative")))
        .isInstanceOf(N0Exception.class);
    assertThatThrownBy(() -> qapi.migration().yank(List.of(new YankInstance.Other("new"))))
        .isInstanceOf(N0Exception.class)
        .hasMessageContaining("instance");
    assertThat(sent).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"a,b", "a\nb", "", "[::1]", "a b"})
  void hostThatCouldBeMoreThanAHostIsRefused(String host) {
    assertThatThrownBy(() -> new MigrationChannel.Tcp(host, 1)).isInstanceOf(N0Exception.class);
  }

  @Test
  void unsignedNumbersAreExactAndTheUnreportedIsEmpty() {
    answer = "[{\"provider\": \"kvm\", \"stats\": [{\"name\": \"exits\", \"value\": " + MOST
        + "}, {\"name\": \"halted\", \"value\": true}, {\"name\": \"wait\", \"value\": [1, 2]}]}]";
    assertThat(qapi.cpu().stats(StatsTarget.VM).get(0).values())
        .containsExactly(
            new Stat.Amount("exits", new BigInteger(MOST)),
            new Stat.Flag("halted", true),
            new Stat.Histogram("wait", List.of(BigInteger.ONE, BigInteger.TWO)));
    answer = "{\"stats\": {\"stat-free-memory\": " + MOST
        + ", \"stat-total-memory\": 18446744073709551614}, \"last-update\": 0}";
    BalloonStats stats = qapi.memory().balloonStats("/machine/peripheral/balloon0");
    assertThat(stats.freeBytes()).isEmpty();
    assertThat(stats.swapInBytes()).isEmpty();
    assertThat(stats.totalBytes()).contains(new BigInteger("18446744073709551614"));
  }

  @Test
  void wordOfTheFutureKeepsItsText() {
    answer = "{\"running\": false, \"status\": \"hibernated\"}";
    Term<RunState> status = qapi.machine().status().status();
    assertThat(status.known()).isEmpty();
    assertThat(status).hasToString("hibernated");
    assertThat(Term.of(RunState.class, "io-error").is(RunState.IO_ERROR)).isTrue();
    assertThat(Term.of(RunState.class, "IO_ERROR").known()).isEmpty();
  }

  @Test
  void answerOfAnotherFormIsAnErrorNotANothing() {
    answer = "{\"status\": 1}";
    assertThatThrownBy(() -> qapi.machine().status())
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INTERNAL));
    answer = "{\"UUID\": \"none\"}";
    assertThatThrownBy(() -> qapi.machine().uuid()).isInstanceOf(N0Exception.class);
    answer = "\"%%\"";
    assertThatThrownBy(() -> qapi.chardev().readRing("ring0", 1)).isInstanceOf(N0Exception.class);
  }

  @Test
  void quitIsDoneWhenQemuHangsUpInsteadOfAnswering() {
    answer = "end";
    assertThatCode(() -> qapi.machine().quit()).doesNotThrowAnyException();
    assertThatThrownBy(() -> qapi.machine().stop()).isInstanceOf(UnknownOutcomeException.class);
  }

  @Test
  void eventsAreDecoded() {
    assertThat(Event.of(
            Results.event("SHUTDOWN", "{\"guest\": true, \"reason\": \"guest-shutdown\"}")))
        .isEqualTo(new RunEvent.Shutdown(
            true, Term.of(ShutdownCause.class, "guest-shutdown"), Instant.EPOCH));
    assertThat(Event.of(Results.event("DEVICE_DELETED", "{\"path\": \"/a\", \"of-tomorrow\": 1}")))
        .isInstanceOf(DeviceEvent.DeviceDeleted.class);
    assertThat(Event.of(Results.event("OF_TOMORROW", "{\"a\": 1}")))
        .isInstanceOfSatisfying(
            Event.Other.class, other -> assertThat(other.data().number("/a")).isOne());
    assertThat(Event.of(Results.event("SHUTDOWN", "{\"guest\": \"yes\"}")))
        .isInstanceOf(Event.Other.class);
  }

  static Stream<byte[]> anyEventNeverThrows() {
    return Stream.of(
            "STOP {}",
            "GUEST_PANICKED {\"action\": \"pause\", \"info\": {\"type\": \"hyper-v\", \"arg1\": 1}}",
            "DUMP_COMPLETED {\"result\": []}",
            "VNC_CONNECTED {\"server\": {\"host\": 1}}",
            "BALLOON_CHANGE {\"actual\": 1e999}")
        .map(text -> text.getBytes(StandardCharsets.UTF_8));
  }

  @MethodSource
  @FuzzTest(maxDuration = "5m")
  void anyEventNeverThrows(byte[] input) {
    String text = new String(input, StandardCharsets.UTF_8);
    int space = text.indexOf(' ');
    if (space < 0) {
      return;
    }
    try {
      Results.of(text.substring(space));
    } catch (IllegalArgumentException e) {
      return; // not JSON: no client makes an event of it
    }
    for (String name : EventDecoder.names()) {
      assertThat(Event.of(Results.event(name, text.substring(space)))).isNotNull();
    }
    assertThat(Event.of(Results.event(text.substring(0, space), text.substring(space))))
        .isNotNull();
  }
}
