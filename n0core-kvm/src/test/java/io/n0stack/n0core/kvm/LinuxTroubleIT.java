package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What stops a Linux guest, and how it goes on. All tests share one machine, which is booted once. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class LinuxTroubleIT {
  private static final Duration GUEST = Duration.ofMinutes(3);
  private static final ResourceId ID = ResourceId.fresh("machine", "web1");

  @TempDir
  static Path directory;

  private static Host host;
  private static QemuMachineDriver driver;
  private static int tests;
  private static long pid;

  @BeforeAll
  static void boot() throws Exception {
    LinuxGuest guest = LinuxGuest.build();
    host = new Host(directory);
    driver = host.open();
    // A disk whose first write fails, and only that one.
    Hardware hardware = Hardware.standard()
        .withWatchdog(Hardware.Watchdog.PAUSE)
        .withRawArguments(List.of(
            "-blockdev",
            "{\"driver\":\"blkdebug\",\"node-name\":\"bad\","
                + "\"image\":{\"driver\":\"null-co\",\"size\":1048576,\"read-zeroes\":true},"
                + "\"inject-error\":[{\"event\":\"none\",\"iotype\":\"write\",\"errno\":5,"
                + "\"once\":true}]}",
            "-device",
            "{\"driver\":\"virtio-blk-pci\",\"id\":\"bad0\",\"drive\":\"bad\","
                + "\"werror\":\"stop\",\"rerror\":\"stop\"}"));
    driver.apply(context(), ID, guest.spec("n0.noagent=1").hardware(hardware).build());
    pid = pid(driver, ID);
  }

  @AfterAll
  static void nothingIsLeft() {
    driver.delete(context(), ID);
    driver.close();
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  @BeforeEach
  void awaitShell() throws Exception {
    String word = "shell" + ++tests;
    await(word).atMost(GUEST).pollInterval(Duration.ofMillis(500)).until(() -> {
      type("echo sh''" + word.substring(2));
      return Host.said(present(driver, ID), word);
    });
  }

  @AfterEach
  void itRunsAndIsTheSame() {
    assertThat(state(driver, ID)).isEqualTo(MachineState.RUNNING);
    assertThat(present(driver, ID).reason()).isEmpty();
    assertThat(pid(driver, ID)).isEqualTo(pid);
  }

  @Test
  void aPanicIsFailedAndAResetBringsTheGuestBack() throws Exception {
    type("echo c > /proc/sysrq-trigger");
    awaitFailed();

    assertThat(present(driver, ID).reason()).contains("guest-panicked");
    driver.power(context(), ID, PowerAction.HARD_REBOOT);
    awaitShell();
  }

  @Test
  void aWatchdogThatBitesIsFailedAndAResetBringsTheGuestBack() throws Exception {
    // The kernels of clouds have no driver for it. Two registers set it to bite in two seconds, and
    // on.
    type("for d in /sys/bus/pci/devices/*; do grep -q 25ab $d/device && W=$d/config; done");
    type("printf '\\004\\000' | dd of=$W bs=2 seek=48 count=1 conv=notrunc");
    type("printf '\\002' | dd of=$W bs=1 seek=104 count=1 conv=notrunc");
    awaitFailed();

    assertThat(present(driver, ID).reason()).contains("watchdog");
    driver.power(context(), ID, PowerAction.HARD_REBOOT); // it would bite again
    awaitShell();
  }

  @Test
  void aWriteThatFailsStopsTheGuestWhichTriesAgainWhenResumed() throws Exception {
    type("echo x > /dev/vda; sync; echo wri''tten");
    awaitFailed();

    assertThat(present(driver, ID).reason()).contains("io-error: bad");
    driver.power(context(), ID, PowerAction.RESUME);
    await().atMost(GUEST).until(() -> Host.said(present(driver, ID), "written"));
  }

  private static void awaitFailed() {
    await().atMost(GUEST).until(() -> state(driver, ID) == MachineState.FAILED);
    // It is what it is to be: nothing starts it again by itself.
    assertThat(driver.observe(ID))
        .isInstanceOfSatisfying(
            Observed.Present.class, seen -> assertThat(seen.complete()).isTrue());
  }

  private static void type(String line) throws Exception {
    LinuxGuest.type(driver, ID, line);
  }
}
