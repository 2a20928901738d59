package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Memory;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineStatistics;
import io.n0stack.n0core.api.driver.Driver.Change;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How much of their memory guests are asked to keep. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class BalloonIT {
  private static final long MIB = 1 << 20;
  private static final Duration FOLLOWS = Duration.ofMinutes(1);

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;
  private QemuMachineDriver driver;

  @BeforeEach
  void prepare() throws Exception {
    host = new Host(directory);
    driver = host.open();
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    driver.delete(Host.context(), id);
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  private static MachineSpec keeping(MachineSpec all, long mebibytes) {
    Memory memory = Memory.standard().withTargetBytes(mebibytes * MIB);
    return all.toBuilder(all.vcpus(), all.memoryBytes())
        .hardware(Hardware.standard().withMemory(memory))
        .build();
  }

  private static StandaloneContext cx() {
    return new StandaloneContext(LinuxGuest.BOOT);
  }

  private void awaitKept(long bytes) {
    await("balloon")
        .atMost(FOLLOWS)
        .untilAsserted(() -> assertThat(driver
                .capability(MachineStatistics.class)
                .orElseThrow()
                .usage(id)
                .balloonBytes())
            .contains(bytes));
  }

  @Test
  void aGuestGivesMemoryBackAndGetsItAgainWhateverBecomesOfTheAgent() throws Exception {
    MachineSpec all = LinuxGuest.build().spec("").build();
    MachineSpec less = keeping(all, 192);
    driver.apply(cx(), id, less);
    long pid = Host.pid(driver, id);
    LinuxGuest.awaitSaid(driver, id, "N0: READY");
    awaitKept(192 * MIB);
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);

    driver.close();
    driver = host.open();
    StandaloneContext again = cx();
    driver.apply(again, id, less);
    assertThat(again.steps()).as("what was told is known to another agent").isEmpty();

    assertThat(driver.change("hardware", less, keeping(all, 160))).isEqualTo(Change.LIVE);
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      crashed = false;
      try {
        driver.apply(cx().crashAt(point), id, keeping(all, 160 + point % 2));
      } catch (SimulatedCrash e) {
        crashed = true;
        driver.apply(cx(), id, keeping(all, 160 + point % 2));
      }
      awaitKept((160 + point % 2) * MIB);
    }

    driver.apply(cx(), id, all);
    awaitKept(LinuxGuest.BOARD_BYTES);
    assertThat(Host.pid(driver, id)).isEqualTo(pid);
  }

  @Test
  void aGuestThatHasNotFollowedIsNotAskedForWhatIsNotWantedAnyMore() throws Exception {
    MachineSpec all = LinuxGuest.build().spec("").build();
    driver.apply(cx(), id, all);
    driver.apply(cx(), id, keeping(all, 128)); // it has no driver for its balloon yet
    driver.apply(cx(), id, all);

    LinuxGuest.awaitShell(driver, id); // its modules are loaded before

    LinuxGuest.type(driver, id, "echo INFL''ATED $(grep balloon_inflate /proc/vmstat)");
    LinuxGuest.awaitSaid(driver, id, "INFLATED balloon_inflate 0");
    awaitKept(LinuxGuest.BOARD_BYTES);
  }

  @Test
  void aGuestWithoutADriverIsToldOnce() throws Exception {
    MachineSpec all = host.nano(MachineSpec.Chipset.PC).build();
    driver.apply(Host.context(), id, keeping(all, 8));

    StandaloneContext again = Host.context();
    driver.apply(again, id, keeping(all, 8));

    assertThat(again.steps()).isEmpty();
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
    StandaloneContext other = Host.context();
    driver.apply(other, id, all);
    assertThat(other.steps()).contains("ask the guest to keep 16 MiB of memory");
  }

  @Test
  void moreThanThereIsCannotBeKept() {
    MachineSpec all = host.nano(MachineSpec.Chipset.PC).build();

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> keeping(all, 17))
        .withMessageContaining("hardware.memory.targetBytes")
        .withMessageContaining(String.valueOf(17 * MIB))
        .withMessageContaining("must be at most memoryBytes, " + 16 * MIB);
  }
}
