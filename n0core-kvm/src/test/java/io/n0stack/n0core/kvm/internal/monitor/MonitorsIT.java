package io.n0stack.n0core.kvm.internal.monitor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.kvm.WaitingQemu;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which connections there are to a real QEMU, by what the kernel says. */
@Requires(Requirement.QEMU)
class MonitorsIT {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Limits LIMITS = new Limits(LIMIT, LIMIT, LIMIT, LIMIT);
  // Columns of /proc/net/unix, unix(7)
  private static final int STATE = 5;
  private static final int INODE = 6;
  private static final int PATH = 7;
  private static final String CONNECTED = "03";

  @TempDir
  Path directory;

  private final Monitors monitors = new Monitors();
  private Run run;
  private Process qemu;

  @BeforeEach
  void start() throws IOException {
    run = new Run(UUID.randomUUID(), Files.createDirectory(directory.resolve("run.0")));
    qemu = WaitingQemu.start(run, "-machine", "none");
    // QEMU answers when it has made all that it was told to.
    await().atMost(LIMIT).ignoreExceptions().until(() -> {
      try (Monitor monitor = monitors.toLook("web1", run, LIMIT)) {
        return monitor.status().equals("prelaunch");
      }
    });
  }

  @AfterEach
  void end() throws InterruptedException {
    monitors.close();
    qemu.destroyForcibly().waitFor();
  }

  /** Lists the connections that QEMU has taken at a socket. */
  private static List<String> connections(Path socket) {
    try (var lines = Files.lines(Path.of("/proc/net/unix"))) {
      return lines
          .map(line -> line.strip().split("\\s+", -1))
          .filter(words -> words.length > PATH
              && words[STATE].equals(CONNECTED)
              && words[PATH].equals(socket.toString()))
          .map(words -> words[INODE])
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** More than once, as one that is made ahead is given up soon if nobody comes. */
  private void takesTheOneMadeAhead(Path socket, Runnable ahead, Supplier<Monitor> then) {
    await().atMost(LIMIT).untilAsserted(() -> {
      await().atMost(LIMIT).until(() -> connections(socket).isEmpty());
      ahead.run();
      await().atMost(LIMIT).until(() -> connections(socket).size() == 1);
      List<String> made = connections(socket);
      try (Monitor monitor = then.get()) {
        assertThat(monitor.status()).isEqualTo("prelaunch");
        assertThat(connections(socket)).isEqualTo(made).hasSize(1);
      }
    });
  }

  @Test
  void whoLooksTakesTheConnectionThatWasMadeAhead() {
    takesTheOneMadeAhead(
        run.rescueMonitor(),
        () -> monitors.expectLook("web1", run, LIMIT),
        () -> monitors.toLook("web1", run, LIMIT));
    assertThat(connections(run.monitor())).isEmpty();
  }

  @Test
  void whoUrgesTakesTheConnectionThatWasMadeAhead() {
    takesTheOneMadeAhead(
        run.monitor(), () -> monitors.expectUrge("web1", run, LIMITS), this::urgent);
  }

  private Monitor urgent() {
    Monitor monitor = monitors.toUrge("web1", run, LIMITS);
    assertThat(monitor.urgent()).isTrue();
    assertThat(monitor.urge("query-yank", Map.of(), LIMIT).list("")).hasSize(2); // its monitors
    return monitor;
  }

  @Test
  void whatIsConnectedForOtherPurposesGivesWayToUrgentCommandsOnlyIfNobodyUsesIt() {
    try (Monitor usual = monitors.toChange("web1", run, LIMITS);
        Monitor tooLate = monitors.toUrge("web1", run, LIMITS)) {
      assertThat(usual.status()).isEqualTo("prelaunch");
      assertThat(tooLate.urgent()).isFalse();
      assertThat(connections(run.monitor())).hasSize(1);
    }
    try (Monitor urgent = urgent();
        Monitor usual = monitors.toChange("web1", run, LIMITS)) {
      assertThat(urgent.status()).isEqualTo("prelaunch");
      assertThat(usual.urgent()).isTrue();
      assertThat(connections(run.monitor())).hasSize(1);
    }
  }

  @Test
  void thatNobodyCouldConnectAheadIsForHimToFindOutWhoConnects() throws InterruptedException {
    qemu.destroyForcibly().waitFor();
    monitors.ended(run);

    monitors.expectLook("web1", run, LIMIT);
    monitors.expectUrge("web1", run, LIMITS);

    await()
        .atMost(LIMIT)
        .until(() -> Thread.getAllStackTraces().keySet().stream()
            .noneMatch(thread -> thread.getName().equals("n0core-monitor-ahead")));
    assertThat(connections(run.monitor())).isEmpty();
    assertThat(connections(run.rescueMonitor())).isEmpty();
  }
}
