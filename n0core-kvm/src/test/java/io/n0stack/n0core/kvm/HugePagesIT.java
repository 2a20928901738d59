package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Memory;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Guests whose memory is in huge pages. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class HugePagesIT {
  private static final long MIB = 1 << 20;
  private static final long PAGE = 2 * MIB;
  private static final int RESERVED = 16;
  private static final Path POOL = Path.of("/sys/kernel/mm/hugepages/hugepages-2048kB");
  private static final Path SIZE = POOL.resolve("nr_hugepages");

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;
  private QemuMachineDriver driver;
  private long before;

  @BeforeEach
  void prepare() throws Exception {
    assumeTrue(Files.isWritable(SIZE), "this host has no huge pages of 2 MiB");
    host = new Host(directory);
    driver = host.open();
    before = number("nr_hugepages");
    Files.writeString(SIZE, String.valueOf(before + RESERVED));
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    if (driver == null) {
      return;
    }
    try {
      driver.delete(Host.context(), id);
      host.cleanUp();
    } finally {
      Files.writeString(SIZE, String.valueOf(before));
    }
    assertThat(host.residue()).isEmpty();
    assertThat(number("nr_hugepages")).isEqualTo(before);
  }

  private static long number(String file) throws Exception {
    return Long.parseLong(Files.readString(POOL.resolve(file)).strip());
  }

  private MachineSpec inHugePages(long mebibytes) {
    return host.nano(Chipset.PC).build().toBuilder(1, mebibytes * MIB)
        .hardware(Hardware.standard().withMemory(new Memory(Optional.empty(), Optional.of(PAGE))))
        .build();
  }

  @Test
  void theGuestsMemoryIsInHugePagesAndGivenBack() throws Exception {
    assumeTrue(
        number("free_hugepages") >= RESERVED, "this host has too little memory in one piece");
    long free = number("free_hugepages");

    driver.apply(Host.context(), id, inHugePages(16));

    assertThat(Host.state(driver, id)).isEqualTo(MachineState.RUNNING);
    String maps = Files.readString(Path.of("/proc", String.valueOf(Host.pid(driver, id)), "smaps"));
    assertThat(maps)
        .containsPattern("memory-backend-memfd[^\n]*\nSize: *16384 kB\nKernelPageSize: *2048 kB");
    assertThat(number("free_hugepages") - number("resv_hugepages"))
        .as("taken or promised")
        .isEqualTo(free - 16 / 2);
    driver.delete(Host.context(), id);
    assertThat(number("free_hugepages")).isEqualTo(free);
  }

  @Test
  void tooFewAreAnErrorThatSaysSoAndLeavesNothing() {
    MachineSpec greedy = inHugePages((before + RESERVED) * 2 + 64);

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.apply(Host.context(), id, greedy))
        .withMessageContaining("annot allocate memory")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.EXHAUSTED));
    assertThat(host.processes()).isEqualTo(List.of());
  }
}
