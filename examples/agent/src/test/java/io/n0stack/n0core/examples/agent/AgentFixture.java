package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.kvm.KvmConfig;
import io.n0stack.n0core.kvm.QemuMachineDriver;
import io.n0stack.n0core.storage.Qcow2DirectoryDriver;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** An agent with a driver of volumes and one of machines, and the ROM of a guest that goes on for ever. */
abstract class AgentFixture {
  static final long MIB = 1 << 20;
  static final Duration LIMIT = Duration.ofMinutes(1);

  Path home;
  Agent agent;

  @BeforeEach
  final void open() throws IOException {
    // Not a @TempDir: the paths of unix sockets below it must stay short.
    home = Files.createTempDirectory(Path.of("/tmp"), "n0k");
    try (InputStream in = Objects.requireNonNull(
        AgentFixture.class.getResourceAsStream("/io/n0stack/n0core/kvm/internal/host/nano.rom"))) {
      Files.copy(in, Setup.rom(home));
    }
    agent = Agent.open(
        home.resolve("agent"),
        List.of(
            new Qcow2DirectoryDriver(home.resolve("volumes"), LIMIT),
            new QemuMachineDriver(
                KvmConfig.of(home.resolve("kvm")).withAccelerator(Accelerator.TCG))));
  }

  /** Deletes by the agent what the test has made. */
  abstract void deleteAll();

  @AfterEach
  final void close() throws IOException, InterruptedException {
    deleteAll();
    agent.close();
    assertThat(new ProcessBuilder("rm", "-rf", home.toString()).start().waitFor())
        .isZero();
  }
}
