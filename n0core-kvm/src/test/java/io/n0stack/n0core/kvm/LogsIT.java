package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.present;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Logs that grow while nobody calls but an agent that looks now and then. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class LogsIT {
  private static final int MOST = 1024;

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;
  private QemuMachineDriver driver;

  @BeforeEach
  void start() throws IOException {
    host = new Host(directory);
    driver = new QemuMachineDriver(KvmConfig.of(host.root)
        .withAccelerator(Accelerator.TCG)
        .withLaunch(LaunchConfig.standard().withLogBytes(MOST, MOST)));
    driver.apply(context(), id, host.nano(Chipset.PC).build());
    await().until(() -> Host.said(present(driver, id), "N0: READY nano\r\n"));
  }

  @AfterEach
  void nothingIsLeft() {
    driver.delete(context(), id);
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  private static void grow(Path log) throws IOException {
    String much = "x".repeat(5 * MOST) + "end\n";
    Files.writeString(log, much, StandardCharsets.US_ASCII, StandardOpenOption.APPEND);
  }

  @Test
  void logsOfAMachineThatCannotBeAskedAreCutAllTheSame() throws Exception {
    Path serial = present(driver, id).serialLog();
    Path log = serial.resolveSibling("qemu.log");

    // All its monitors are in other hands.
    try (QmpClient one = QmpClient.connect(serial.resolveSibling("qmp"), Board.LIMIT);
        QmpClient other = QmpClient.connect(serial.resolveSibling("rescue"), Board.LIMIT)) {
      grow(serial);
      grow(log);
      assertThat(driver.observe(id)).isInstanceOf(Observed.Unknown.class);
      assertThat(List.of(one, other)).hasSize(2);
    }

    for (Path file : List.of(serial, log)) {
      assertThat(file).isEmptyFile();
      assertThat(Files.readString(file.resolveSibling(file.getFileName() + ".1")))
          .hasSize(MOST)
          .endsWith("end\n");
    }
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> driver.observe(id) instanceof Observed.Present);
  }
}
