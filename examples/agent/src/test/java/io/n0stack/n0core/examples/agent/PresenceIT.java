package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the node says that its host offers, with real drivers. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class PresenceIT {
  @TempDir
  Path home;

  private Path pool;

  @BeforeEach
  void putThePoolOnAnotherFileSystem() throws Exception {
    pool = Files.createTempDirectory(Path.of("/dev/shm"), "n0core-pool");
    assertThat(Files.getFileStore(pool)).isNotEqualTo(Files.getFileStore(home));
  }

  @AfterEach
  void removeThePool() throws Exception {
    Files.delete(pool);
  }

  private Resources offered(Path directory) {
    List<Driver<?, ?>> drivers = DriverPlugin.drivers(Map.of(
        "net.directory",
        home.resolve("net").toString(),
        "storage.directory",
        directory.toString(),
        "kvm.directory",
        home.resolve("kvm").toString()));
    try {
      return Presence.capacity(drivers);
    } finally {
      drivers.forEach(Driver::close);
    }
  }

  @Test
  void storageIsThatOfThePoolAndAllElseThatOfTheHost() throws Exception {
    Resources offered = offered(pool);

    assertThat(offered.storageBytes()).isEqualTo(Files.getFileStore(pool).getTotalSpace());
    assertThat(offered.cpuMilliCores())
        .isEqualTo(Runtime.getRuntime().availableProcessors() * 1000L);
    String memory = Files.readString(Path.of("/proc/meminfo"));
    assertThat(memory.replaceAll(" +", " "))
        .startsWith("MemTotal: " + offered.memoryBytes() / 1024 + " kB");
  }

  @Test
  void aPoolThatCannotBeUsedOffersNothing() throws Exception {
    Resources offered = offered(Files.createFile(home.resolve("no-directory")));

    assertThat(offered.storageBytes()).isZero();
    assertThat(offered.cpuMilliCores()).isPositive();
  }
}
