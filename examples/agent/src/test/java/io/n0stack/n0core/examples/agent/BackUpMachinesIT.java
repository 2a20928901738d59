package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.Bundle;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.Power;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.api.storage.VolumeBackups.Backup;
import io.n0stack.n0core.api.storage.VolumeBackups.Checkpoint;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.KvmConfig;
import io.n0stack.n0core.kvm.LaunchConfig;
import io.n0stack.n0core.kvm.LaunchConfig.RunAs;
import io.n0stack.n0core.kvm.QemuMachineDriver;
import io.n0stack.n0core.storage.Qcow2DirectoryDriver;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The lines of the how-to do what it says, with the disk of a machine of ours. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class BackUpMachinesIT {
  private static final long MIB = 1 << 20;
  private static final int USER = 62001;
  private static final Duration LIMIT = Duration.ofMinutes(2);

  private Path home;
  private Path kept;
  private Agent agent;
  private BackUpMachines backups;

  @BeforeEach
  void open() throws Exception {
    // Not a @TempDir: the paths of unix sockets below it must stay short.
    home = Files.createTempDirectory(Path.of("/tmp"), "n0k");
    kept = Files.createDirectory(home.resolve("backups"));
    try (InputStream in = Objects.requireNonNull(BackUpMachinesIT.class.getResourceAsStream(
        "/io/n0stack/n0core/kvm/internal/host/nano.rom"))) {
      Files.copy(in, Setup.rom(home));
    }
    run("qemu-img", "create", "-q", "-f", "qcow2", image().toString(), "16M");
    run("qemu-io", "-f", "qcow2", "-c", "write -P 7 1M 1M", image().toString());
    start(LaunchConfig.standard());
  }

  private void start(LaunchConfig launch) {
    KvmConfig machines =
        KvmConfig.of(home.resolve("kvm")).withAccelerator(Accelerator.TCG).withLaunch(launch);
    agent = Agent.open(
        home.resolve("agent"),
        List.of(
            new Qcow2DirectoryDriver(home.resolve("volumes"), LIMIT),
            new QemuMachineDriver(machines)));
    backups = new BackUpMachines(agent, kept);
    agent.apply(bundle());
  }

  private Path image() {
    return home.resolve("image.qcow2");
  }

  @AfterEach
  void close() throws Exception {
    agent.delete(bundle());
    agent.close();
    run("rm", "-rf", home.toString());
  }

  private Bundle bundle() {
    return Bundle.empty()
        .with(
            "machine",
            "web1",
            MachineSpec.builder(1, 24 * MIB)
                .firmware(new Firmware.Rom(Setup.rom(home)))
                .disk("root")
                .build())
        .with("volume", "root", VolumeSpec.from(new ImageSource.Copy(image(), ImageFormat.QCOW2)));
  }

  private MachineStatus machine() {
    return ((Observed.Present<MachineStatus>) agent.observe("machine", "web1", MachineStatus.class))
        .status();
  }

  private Path disk() {
    Observed.Present<VolumeStatus> seen =
        (Observed.Present<VolumeStatus>) agent.observe("volume", "root", VolumeStatus.class);
    assertThat(seen.complete()).isTrue();
    return seen.status().path();
  }

  private void power(PowerAction action) {
    Agent.Action<Power, Boolean> power = (machines, cx, id) -> {
      machines.power(cx, id, action);
      return true;
    };
    boolean unused =
        agent.act("machine", "web1", action.name(), Power.class, power).await(LIMIT);
  }

  /** Writes to the disk of the machine that is off. */
  private void write(int pattern, int megabyte) throws Exception {
    run(
        "qemu-io",
        "-f",
        "qcow2",
        "-c",
        "write -P " + pattern + " " + megabyte + "M 64k",
        disk().toString());
  }

  private void assertIsTheDisk(Backup backup) throws Exception {
    assertThat(run("qemu-img", "compare", backup.path().toString(), disk().toString()))
        .contains("identical");
  }

  @Test
  void aMachineIsBackedUpNightAfterNightAndRestored() throws Exception {
    long pid = machine().pid().orElseThrow();

    Backup sunday = backups.full("root", "sunday");
    Backup monday = backups.next("root", "monday", "sunday");

    assertThat(sunday.consistency()).isEqualTo(SnapshotConsistency.CRASH);
    assertThat(machine().state()).isEqualTo(MachineState.RUNNING);
    assertThat(machine().pid()).hasValue(pid);
    assertThat(backups.checkpoints("root")).extracting(Checkpoint::name).containsExactly("monday");
    power(PowerAction.HARD_SHUTDOWN);
    assertIsTheDisk(monday);
    write(33, 3);
    Backup tuesday = backups.next("root", "tuesday", "monday");
    assertThat(tuesday.consistency()).isEqualTo(SnapshotConsistency.EXACT);
    assertIsTheDisk(tuesday);
    write(44, 4);
    power(PowerAction.BOOT);
    Backup wednesday = backups.next("root", "wednesday", "tuesday");
    assertThat(Qcow2Header.read(wednesday.path()).backingFile())
        .contains(tuesday.path().toString());
    power(PowerAction.HARD_SHUTDOWN);
    assertIsTheDisk(wednesday);
    assertThat(backups.checkpoints("root"))
        .containsExactly(new Checkpoint("wednesday", true, true));

    Path whole = kept.resolve("restored.qcow2");
    run("qemu-img", "convert", "-O", "qcow2", wednesday.path().toString(), whole.toString());
    agent
        .apply(
            "volume", "restored", VolumeSpec.from(new ImageSource.Copy(whole, ImageFormat.QCOW2)))
        .await(LIMIT);
    Path restored = ((Observed.Present<VolumeStatus>)
            agent.observe("volume", "restored", VolumeStatus.class))
        .status()
        .path();
    assertThat(run("qemu-img", "compare", restored.toString(), disk().toString()))
        .contains("identical");
    agent.delete("volume", "restored").await(LIMIT);
  }

  @Test
  void afterAKillTheNextBackupIsAFullOne() throws Exception {
    Backup sunday = backups.full("root", "sunday");
    power(PowerAction.HARD_SHUTDOWN);
    power(PowerAction.BOOT);
    ProcessHandle qemu = ProcessHandle.of(machine().pid().orElseThrow()).orElseThrow();
    assertThat(qemu.destroyForcibly()).isTrue();
    qemu.onExit().join();
    assertThat(backups.checkpoints("root"))
        .extracting(Checkpoint::consistent)
        .containsExactly(false);

    Backup monday = backups.next("root", "monday", "sunday");

    assertThat(Qcow2Header.read(monday.path()).backingFile()).isEmpty();
    assertThat(monday.lengthBytes()).isGreaterThanOrEqualTo(sunday.lengthBytes() / 2);
    assertThat(backups.checkpoints("root")).containsExactly(new Checkpoint("monday", true, true));
  }

  /** Who broke into such a QEMU could not read backups, and not write to them. */
  @Test
  void backupsOfAMachineOfAnotherUserAreTheAgents() throws Exception {
    agent.delete(bundle());
    agent.close();
    Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwx--x--x"));
    Files.setPosixFilePermissions(Setup.rom(home), PosixFilePermissions.fromString("rw-r--r--"));
    start(LaunchConfig.standard().withRunAs(RunAs.user(USER, USER)));
    Path process = Path.of("/proc", String.valueOf(machine().pid().orElseThrow()));
    assertThat(Files.getAttribute(process, "unix:uid")).isEqualTo(USER);

    Backup sunday = backups.full("root", "sunday");
    Backup monday = backups.next("root", "monday", "sunday");

    for (Backup backup : List.of(sunday, monday)) {
      assertThat(Files.getAttribute(backup.path(), "unix:uid")).isEqualTo(0);
      assertThat(Files.getPosixFilePermissions(backup.path()))
          .isEqualTo(PosixFilePermissions.fromString("rw-------"));
    }
    power(PowerAction.HARD_SHUTDOWN);
    assertIsTheDisk(monday);
  }

  private static String run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(said).isZero();
    assertThat(said).doesNotContain("failed");
    return said;
  }
}
