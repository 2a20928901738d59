package io.n0stack.n0core.kvm.internal.launch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec.Limits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What hosts differ in; see UnifiedCgroupsUml and ConfinementIT for what a kernel makes of it. */
class CgroupsTest {
  private static final UUID MACHINE = UUID.fromString("00000000-0000-4000-8000-000000000001");
  private static final Limits ALL =
      new Limits(Optional.of(1500), Optional.of(256L << 20), Optional.of(64), Optional.of(5000));

  @TempDir
  Path directory;

  private Path unified;
  private Path table;
  private Cgroups cgroups;

  @BeforeEach
  void prepare() throws IOException {
    unified = Files.createDirectory(directory.resolve("uni fied"));
    Files.createDirectories(unified.resolve("agents/n0core"));
    for (String level : List.of("", "agents", "agents/n0core")) {
      Files.writeString(unified.resolve(level).resolve("cgroup.subtree_control"), "cpu\n");
    }
    table = directory.resolve("mountinfo");
    Files.writeString(
        table,
        "23 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
            + "31 23 0:28 / " + unified.toString().replace(" ", "\\040")
            + " rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
    cgroups = new Cgroups(table, Path.of("/agents/n0core"));
  }

  @Test
  void aMountPointMayHaveASpace() throws IOException {
    Files.writeString(unified.resolve("cgroup.controllers"), "cpuset cpu io memory pids\n");

    List<Path> procs = cgroups.create(MACHINE, ALL);

    Path group = unified.resolve("agents/n0core").resolve(MACHINE.toString());
    assertThat(procs).containsExactly(group.resolve("cgroup.procs"));
    assertThat(group.resolve("io.weight")).hasContent("5000");
  }

  @Test
  void aLimitWithoutItsControllerIsRefusedByTheControllersName() throws IOException {
    Files.writeString(unified.resolve("cgroup.controllers"), "cpu memory pids\n");
    Limits weighted =
        new Limits(Optional.empty(), Optional.empty(), Optional.empty(), Optional.of(5000));

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> cgroups.require(weighted))
        .withMessageContaining("io (blkio)")
        .withMessageContaining("no mounted hierarchy has it")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED));
    assertThat(unified.resolve("agents/n0core").resolve(MACHINE.toString())).doesNotExist();
  }

  @Test
  void groupsOfTrialsWhoseAgentsWereKilledAreRemoved() throws IOException {
    Files.writeString(unified.resolve("cgroup.controllers"), "cpu memory pids\n");
    Path old = Files.createDirectory(unified.resolve("n0core-trial-old"));
    Path fresh = Files.createDirectory(unified.resolve("n0core-trial-fresh"));
    Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofMinutes(2))));
    Limits few =
        new Limits(Optional.of(1500), Optional.empty(), Optional.empty(), Optional.empty());

    // In what is no kernel's, a new group has no files.
    assertThatExceptionOfType(N0Exception.class).isThrownBy(() -> cgroups.require(few));

    assertThat(old).doesNotExist();
    assertThat(fresh).exists();
    try (Stream<Path> trials = Files.list(unified)) {
      assertThat(trials.filter(file -> file.toString().contains("trial"))).containsExactly(fresh);
    }
  }

  @Test
  void aScopeOfSystemdHasTheLimitsAsProperties() {
    assertThat(Confinement.scope(MACHINE, "run.1", ALL))
        .containsExactly(
            "systemd-run",
            "--scope",
            "--quiet",
            "--collect",
            "--unit=n0core-" + MACHINE + "-run.1.scope",
            "--property=CPUQuota=150.0%",
            "--property=MemoryMax=268435456",
            "--property=TasksMax=64",
            "--property=IOWeight=5000",
            "--");
  }
}
