package io.n0stack.n0core.examples.processmachines;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.DriverFixture;
import io.n0stack.n0core.tck.DriverTck;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class ProcessMachineDriverIT {
  private static final long MIB = 1 << 20;
  private static final MachineSpec SPEC = MachineSpec.builder(1, 16 * MIB).build();

  @TempDir
  Path root;

  private final ResourceId web1 = ResourceId.fresh("machine", "web1");

  @AfterEach
  void nothingIsLeft() {
    ProcessMachineDriver driver = new ProcessMachineDriver(root);
    driver.list().forEach(id -> driver.delete(new StandaloneContext(), id));
    assertThat(Found.residue(root)).isEmpty();
  }

  @TestFactory
  Stream<DynamicTest> conforms() {
    return DriverTck.of(new DriverFixture<MachineSpec, MachineStatus>() {
      @Override
      public Driver<MachineSpec, MachineStatus> open() {
        return new ProcessMachineDriver(root);
      }

      @Override
      public MachineSpec spec() {
        return SPEC;
      }

      @Override
      public List<String> residue() {
        return Found.residue(root);
      }
    });
  }

  @Test
  void theProcessHasItsOwnSessionAndTheMemoryOfItsSpec() throws IOException {
    long pid = applied().pid().orElseThrow();

    Path stat = Path.of("/proc/" + pid + "/stat");
    await("the shell becomes the machine")
        .untilAsserted(() -> assertThat(Files.readString(stat)).contains("(sleep)"));
    assertThat(Files.readString(stat).split(" ", -1)[5])
        .as("session")
        .isEqualTo(String.valueOf(pid));
    assertThat(Files.readString(Path.of("/proc/" + pid + "/limits")))
        .containsPattern("Max address space +" + 16 * MIB + " ");
  }

  @Test
  void pausedAndResumedAndPausedItIsStillAlive() {
    ProcessMachineDriver driver = new ProcessMachineDriver(root);
    long pid = applied().pid().orElseThrow();

    driver.power(new StandaloneContext(), web1, PowerAction.PAUSE);
    MachineStatus paused = Found.complete(new ProcessMachineDriver(root), web1);
    driver.power(new StandaloneContext(), web1, PowerAction.RESUME);
    MachineStatus resumed = Found.complete(new ProcessMachineDriver(root), web1);
    driver.power(new StandaloneContext(), web1, PowerAction.PAUSE);
    driver.delete(new StandaloneContext(), web1);

    assertThat(paused.state()).isEqualTo(MachineState.PAUSED);
    assertThat(resumed.state()).isEqualTo(MachineState.RUNNING);
    assertThat(paused.pid()).isEqualTo(resumed.pid()).hasValue(pid);
    assertThat(Found.residue(root)).as("a paused machine is deleted too").isEmpty();
  }

  @Test
  void switchedOffItStaysOffUntilItIsBooted() {
    ProcessMachineDriver driver = new ProcessMachineDriver(root);
    applied();

    driver.power(new StandaloneContext(), web1, PowerAction.HARD_SHUTDOWN);
    assertThat(applied().state()).isEqualTo(MachineState.SHUTDOWN);
    driver.power(new StandaloneContext(), web1, PowerAction.HARD_SHUTDOWN);
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.power(new StandaloneContext(), web1, PowerAction.PAUSE))
        .matches(e -> e.code() == N0Exception.Code.PRECONDITION);

    driver.power(new StandaloneContext(), web1, PowerAction.BOOT);
    MachineStatus booted = Found.complete(driver, web1);
    assertThat(booted.state()).isEqualTo(MachineState.RUNNING);
    driver.power(new StandaloneContext(), web1, PowerAction.BOOT);
    assertThat(Found.complete(driver, web1)).isEqualTo(booted);
  }

  @Test
  void aProcessThatDiedIsNoticedAndStartedAgain() {
    ProcessMachineDriver driver = new ProcessMachineDriver(root);
    long pid = applied().pid().orElseThrow();
    ProcessHandle process = ProcessHandle.of(pid).orElseThrow();
    process.destroyForcibly();
    process.onExit().join();

    assertThat(driver.observe(web1)).isInstanceOfSatisfying(Observed.Present.class, seen -> {
      assertThat(seen.complete()).isFalse();
      assertThat(((MachineStatus) seen.status()).state()).isEqualTo(MachineState.CRASHED);
    });
    assertThat(applied().pid()).isPresent().isNotEqualTo(pid);
    assertThat(Found.processes(root)).hasSize(1);
  }

  @Test
  void aProcessThatWasForkedButHadNotLockedIsFencedByApply() throws Exception {
    Process late = forkedButNotLocked();
    assertThat(new ProcessMachineDriver(root).observe(web1))
        .isInstanceOfSatisfying(
            Observed.Present.class, seen -> assertThat(seen.complete()).isFalse());

    long pid = applied().pid().orElseThrow();
    letGo();

    assertThat(late.waitFor(10, TimeUnit.SECONDS)).isTrue();
    assertThat(late.exitValue()).isNotZero();
    assertThat(Found.processes(root)).containsExactly(pid);
    Files.delete(root.resolve("go"));
    Files.delete(root.resolve("flock"));
  }

  @Test
  void aProcessThatWasForkedButHadNotLockedIsFencedByDelete() throws Exception {
    Process late = forkedButNotLocked();

    new ProcessMachineDriver(root).delete(new StandaloneContext(), web1);
    letGo();

    assertThat(late.waitFor(10, TimeUnit.SECONDS)).isTrue();
    assertThat(late.exitValue()).isNotZero();
    assertThat(Found.processes(root)).isEmpty();
    Files.delete(root.resolve("go"));
    Files.delete(root.resolve("flock"));
  }

  /** What an agent leaves that died right after the fork, the process being slow to lock. */
  private Process forkedButNotLocked() throws IOException {
    Path slow = root.resolve("flock");
    Files.writeString(
        slow,
        "#!/bin/sh\nuntil [ -e '" + root.resolve("go")
            + "' ]; do sleep 0.02; done\nPATH=${PATH#*:}\nexec flock \"$@\"\n");
    assertThat(slow.toFile().setExecutable(true)).isTrue();
    MachineDirectory directory = new MachineDirectory(root, web1);
    directory.create();
    ProcessBuilder command = directory.freshLaunch().prepare();
    command.environment().put("PATH", root + ":" + System.getenv("PATH"));
    return command.start();
  }

  private void letGo() throws IOException {
    Files.createFile(root.resolve("go"));
  }

  @Test
  void whatAProcessCannotBeIsRefusedByField() {
    Map<String, MachineSpec> refused = Map.of(
        "vcpus", MachineSpec.builder(2, 16 * MIB).build(),
        "memoryBytes", MachineSpec.builder(1, 32 * MIB).build(),
        "disks", MachineSpec.builder(1, 16 * MIB).bootDisk("root").build(),
        "nics", MachineSpec.builder(1, 16 * MIB).nic("eth0").build(),
        "firmware", plain().firmware(new Firmware.Rom(Path.of("/rom"))).build(),
        "chipset", plain().chipset(MachineSpec.Chipset.MICROVM).build(),
        "accelerator", plain().accelerator(Accelerator.KVM).build(),
        "display", plain().display(MachineSpec.Display.VNC).build(),
        "powerPolicy", plain().powerPolicy(PowerPolicy.ALWAYS_ON).build(),
        "cloudInit",
            plain()
                .cloudInit(new MachineSpec.CloudInit("web1", "admin", List.of()))
                .build());
    ProcessMachineDriver driver = new ProcessMachineDriver(root);

    refused.forEach((field, spec) -> assertThatExceptionOfType(N0Exception.class)
        .as(field)
        .isThrownBy(() -> driver.apply(new StandaloneContext(), web1, spec))
        .matches(e -> e.code() == N0Exception.Code.UNSUPPORTED && e.subject().equals(field)));
    for (PowerAction action :
        EnumSet.of(PowerAction.SHUTDOWN, PowerAction.REBOOT, PowerAction.HARD_REBOOT)) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> driver.power(new StandaloneContext(), web1, action))
          .matches(e -> e.code() == N0Exception.Code.UNSUPPORTED);
    }
    assertThat(Found.residue(root)).isEmpty();
  }

  @Test
  void withoutItsDirectoryNothingIsCalledAbsent() {
    ProcessMachineDriver driver = new ProcessMachineDriver(root.resolve("not-mounted"));

    assertThat(driver.observe(web1)).isInstanceOf(Observed.Unknown.class);
    assertThat(driver.probe().health()).isEqualTo(Fingerprint.Health.UNHEALTHY);
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(driver::list)
        .matches(e -> e.code() == N0Exception.Code.UNAVAILABLE);
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> driver.delete(new StandaloneContext(), web1))
        .matches(e -> e.code() == N0Exception.Code.UNAVAILABLE);
  }

  private static MachineSpec.Builder plain() {
    return MachineSpec.builder(1, 16 * MIB);
  }

  private MachineStatus applied() {
    ProcessMachineDriver driver = new ProcessMachineDriver(root);
    driver.apply(new StandaloneContext(), web1, SPEC);
    return Found.complete(driver, web1);
  }
}
