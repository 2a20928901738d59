package io.n0stack.n0core.kvm.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.QEMU)
class RealMonitorIT {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  @TempDir
  Path directory;

  private Process qemu;
  private Path socket;

  @BeforeEach
  void startQemu() throws IOException {
    socket = directory.resolve("qmp");
    qemu = new ProcessBuilder(
            "qemu-system-x86_64",
            "-M",
            "none",
            "-display",
            "none",
            "-S",
            "-nodefaults",
            "-qmp",
            "unix:" + socket + ",server=on,wait=off")
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start();
    await().until(() -> Files.exists(socket));
  }

  @AfterEach
  void stopQemu() throws InterruptedException {
    qemu.destroyForcibly().waitFor();
  }

  @Test
  void theWholeSchemaComesInOneReply() {
    try (QmpClient client = QmpClient.connect(socket, LIMIT)) {
      assertThat(client.execute("query-qmp-schema", LIMIT).list("")).hasSizeGreaterThan(500);
      assertThat(client.execute("query-status", LIMIT).text("/status")).isEqualTo("prelaunch");
    }
  }

  @Test
  void aRefusalNamesClassAndCommand() {
    try (QmpClient client = QmpClient.connect(socket, LIMIT)) {
      assertThatExceptionOfType(QmpException.class)
          .isThrownBy(() -> client.execute("no-such-command", LIMIT))
          .satisfies(e -> assertThat(e.errorClass()).isEqualTo("CommandNotFound"));
    }
  }

  @Test
  void commandsFromManyThreadsGetTheirOwnReplies() {
    try (QmpClient client = QmpClient.connect(socket, LIMIT)) {
      assertThat(java.util.stream.IntStream.range(0, 400)
              .parallel()
              .allMatch(i -> i % 2 == 0
                  ? client.execute("query-status", LIMIT).find("/status").isPresent()
                  : client.execute("query-name", LIMIT).find("/status").isEmpty()))
          .isTrue();
    }
  }
}
