package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.kvm.KvmConfig;
import io.n0stack.n0core.kvm.QemuMachineDriver;
import io.n0stack.n0core.storage.Qcow2DirectoryDriver;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.QEMU)
class PresenceTest {
  @TempDir
  private Path directory;

  @Test
  void aNodeOffersWhatItsDriversSay() throws Exception {
    try (Driver<?, ?> machines =
            new QemuMachineDriver(KvmConfig.of(directory.resolve("machines")));
        Driver<?, ?> volumes =
            new Qcow2DirectoryDriver(directory.resolve("pool"), Duration.ofSeconds(30))) {
      Resources offered = Presence.capacity(List.of(machines, volumes));

      assertThat(offered.cpuMilliCores())
          .isEqualTo(Runtime.getRuntime().availableProcessors() * 1000L);
      assertThat(offered.memoryBytes()).isGreaterThan(64 << 20);
      assertThat(offered.storageBytes()).isEqualTo(Files.getFileStore(directory).getTotalSpace());
    }
  }

  @Test
  void aDriverThatCannotWorkOffersNothing() throws Exception {
    Path file = Files.createFile(directory.resolve("file"));
    try (Driver<?, ?> volumes =
        new Qcow2DirectoryDriver(file.resolve("pool"), Duration.ofSeconds(30))) {
      assertThat(Presence.capacity(List.of(volumes))).isEqualTo(Resources.NONE);
    }
  }
}
