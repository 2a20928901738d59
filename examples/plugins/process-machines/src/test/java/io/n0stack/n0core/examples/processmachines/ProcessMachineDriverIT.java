package io.n0stack.n0core.examples.processmachines;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatNoException;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.Power;
import io.n0stack.n0core.api.compute.PowerPolicy;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.DriverTck;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

@Requires(Requirement.ROOT)
class ProcessMachineDriverIT {
  private static final long MIB = 1 << 20;
  private static final MachineSpec SPEC = ProcessMachineDriver.ONLY;

  @TempDir
  Path directory;

  private SmallDisk disk;
  private Path root;
  private final ResourceId web1 = ResourceId.fresh("machine", "web1");

  @BeforeEach
  void mount() throws IOException {
    disk = SmallDisk.at(directory.resolve("disk"));
    root = Files.createDirectory(new ProcessMachines(disk).directory());
  }

  @AfterEach
  void nothingIsLeft() {
    ProcessMachineDriver driver = new ProcessMachineDriver(root);
    driver.list().forEach(id -> driver.delete(new StandaloneContext(), id));
    assertThat(Found.residue(root)).isEmpty();
    disk.close();
  }

  @TestFactory
  Stream<DynamicTest> conforms() {
    return DriverTck.of(new ProcessMachines(disk));
  }

  @Test
  void theProcessHasItsOwnSessionAndTheMemoryOfItsSpec() throws IOException {
    long pid = applied().pid().orElseThrow();

    assertThat(Files.readString(Path.of("/proc/" + pid + "/stat")))
        .contains("(tail)")
        .satisfies(stat -> assertThat(stat.split(" ", -1)[5]).as("session").isEqualTo("" + pid));
    assertThat(Files.readString(Path.of("/proc/" + pid + "/limits")))
        .containsPattern("Max address space +" + SPEC.memoryBytes() + " ");
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
  void aProcessThatComesLateToItsFileIsFencedByApply() throws Exception {
    Process late = forkedByAnAgentThatDied();
    assertThat(new ProcessMachineDriver(root).observe(web1))
        .isInstanceOfSatisfying(
            Observed.Present.class, seen -> assertThat(seen.complete()).isFalse());

    long pid = applied().pid().orElseThrow();
    letGo(late);

    assertThat(Found.processes(root)).containsExactly(pid);
  }

  @Test
  void aProcessThatComesLateToItsFileIsFencedByDelete() throws Exception {
    Process late = forkedByAnAgentThatDied();

    new ProcessMachineDriver(root).delete(new StandaloneContext(), web1);
    letGo(late);

    assertThat(Found.processes(root)).isEmpty();
  }

  /** What an agent leaves that died right after the fork, the process being slow. */
  private Process forkedByAnAgentThatDied() throws IOException {
    Path file = Files.createFile(root.resolve("web1." + web1.uid() + "." + UUID.randomUUID()));
    return new ProcessBuilder(
            "sh", "-c", "read -r go; exec setsid tail -qfs86400 \"$0\"", "" + file)
        .redirectErrorStream(true)
        .start();
  }

  private static void letGo(Process late) throws Exception {
    try (OutputStream go = late.getOutputStream()) {
      go.write('\n');
    }
    assertThat(late.waitFor(10, TimeUnit.SECONDS)).isTrue();
    assertThat(late.exitValue()).isNotZero();
  }

  @Test
  void aProcessOnItsWayIsSeenAndWaitedFor() throws Exception {
    Files.writeString(disk.mount().resolve("prlimit"), "read -r go; exit 1"); // a slow one
    Path file = Files.createFile(root.resolve("web1." + web1.uid() + "." + UUID.randomUUID()));
    Process late = new ProcessBuilder(
            "bash",
            "-c",
            "exec -a setsid sh prlimit --as=16777216 tail -qfs86400 \"$0\"",
            file.toString())
        .directory(disk.mount().toFile())
        .start();
    await().until(() -> commandOf(late).startsWith("setsid"));
    ProcessMachineDriver driver = new ProcessMachineDriver(root);
    assertThat(driver.observe(web1))
        .isInstanceOfSatisfying(
            Observed.Present.class, seen -> assertThat(seen.complete()).isFalse());

    CompletableFuture<Void> go = CompletableFuture.runAsync(() -> {
      await().until(() -> Files.notExists(file));
      assertThatNoException().isThrownBy(() -> letGo(late));
    });
    driver.delete(new StandaloneContext(), web1);

    assertThat(Found.residue(root)).isEmpty();
    go.join();
  }

  private static String commandOf(Process process) throws IOException {
    return Files.readString(Path.of("/proc/" + process.pid() + "/cmdline"));
  }

  @Test
  void aProcessWhoseFileIsGoneIsSeenAndDeleted() throws IOException {
    long pid = applied().pid().orElseThrow();
    Files.delete(Found.files(root).get(0));
    ProcessMachineDriver driver = new ProcessMachineDriver(root);

    assertThat(driver.list()).containsExactly(web1);
    assertThat(driver.observe(web1)).isInstanceOfSatisfying(Observed.Present.class, seen -> {
      assertThat(seen.complete()).isFalse();
      assertThat(((MachineStatus) seen.status()).pid()).hasValue(pid);
    });
    driver.delete(new StandaloneContext(), web1);
    assertThat(Found.residue(root)).isEmpty();
  }

  @Test
  void aMachineWhoseDirectoryWasRenamedIsNotStartedTwice() throws IOException {
    Path before = Files.createDirectory(root.resolve("before"));
    new ProcessMachineDriver(before).apply(new StandaloneContext(), web1, SPEC);
    Path after = Files.move(before, root.resolve("after"));
    ProcessMachineDriver driver = new ProcessMachineDriver(after);

    assertThat(driver.list()).containsExactly(web1);
    driver.apply(new StandaloneContext(), web1, SPEC);

    assertThat(Found.processes(root))
        .containsExactly(Found.complete(driver, web1).pid().orElseThrow());
    driver.delete(new StandaloneContext(), web1);
    Files.delete(after);
    assertThat(Found.residue(root)).isEmpty();
  }

  @Test
  void whoeverWatchesTheLogIsNeitherListedNorEnded() throws Exception {
    Path log = Files.createFile(root.resolve("web2." + UUID.randomUUID()));
    Process watcher = new ProcessBuilder("tail", "-f", "" + log).start();
    try {
      ProcessMachineDriver driver = new ProcessMachineDriver(root);
      Path mine = applied().serialLog();
      Process other = new ProcessBuilder("tail", "-f", "" + mine).start();
      try {
        assertThat(driver.list()).containsExactly(web1);
        driver.delete(new StandaloneContext(), web1);
        assertThat(watcher.isAlive()).isTrue();
        assertThat(other.isAlive()).isTrue();
      } finally {
        other.destroyForcibly().waitFor();
      }
    } finally {
      watcher.destroyForcibly().waitFor();
      Files.delete(log);
    }
  }

  @Test
  void whatAProcessCannotBeIsRefusedBeforeAnythingIsTouched() {
    ProcessMachineDriver driver = new ProcessMachineDriver(root);
    for (MachineSpec spec : List.of(
        MachineSpec.builder(2, 16 * MIB).build(),
        MachineSpec.builder(1, 32 * MIB).build(),
        plain().bootDisk("root").build(),
        plain().nic("eth0").build(),
        plain().firmware(new Firmware.Rom(Path.of("/rom"))).build(),
        plain().powerPolicy(PowerPolicy.ALWAYS_ON).build())) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> driver.apply(new StandaloneContext(), web1, spec))
          .withMessageContaining(spec.toString())
          .matches(e -> e.code() == N0Exception.Code.UNSUPPORTED);
    }
    assertThat(driver.capability(Power.class)).isEmpty();
    assertThat(Found.residue(root)).isEmpty();
  }

  @Test
  void whereItCannotWriteItIsNotHealthy() {
    disk.remount("ro");
    Fingerprint seen = new ProcessMachineDriver(root).probe();
    disk.remount("rw");

    assertThat(seen.health()).isEqualTo(Fingerprint.Health.UNHEALTHY);
    assertThat(seen.message()).contains(root.toString());
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
