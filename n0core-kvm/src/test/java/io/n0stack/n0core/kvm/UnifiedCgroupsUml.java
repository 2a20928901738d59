package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec.Limits;
import io.n0stack.n0core.kvm.internal.launch.Cgroups;
import io.n0stack.n0core.tck.child.InUserModeLinux;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Control groups of version 2 as the kernel has them. */
@InUserModeLinux
class UnifiedCgroupsUml {
  private static final Path ROOT = Path.of("/sys/fs/cgroup");
  private static final UUID MACHINE = UUID.fromString("00000000-0000-4000-8000-000000000001");
  private static final Limits LIMITS =
      new Limits(Optional.of(1500), Optional.of(256L << 20), Optional.of(64), Optional.empty());

  private final Path group = ROOT.resolve("agents/n0core").resolve(MACHINE.toString());
  private final Cgroups cgroups =
      new Cgroups(Path.of("/proc/self/mountinfo"), Path.of("/agents/n0core"));

  @AfterEach
  void remove() throws IOException {
    for (Path left : new Path[] {group, group.getParent(), ROOT.resolve("agents")}) {
      Files.deleteIfExists(left);
    }
  }

  @Test
  void limitsAreDelegatedAndWritten() throws IOException {
    cgroups.require(LIMITS);
    assertThat(cgroups.create(MACHINE, LIMITS)).containsExactly(group.resolve("cgroup.procs"));

    assertThat(group.resolve("cpu.max")).hasContent("150000 100000");
    assertThat(group.resolve("memory.max")).hasContent("268435456");
    assertThat(group.resolve("pids.max")).hasContent("64");
    for (Path above : new Path[] {ROOT, ROOT.resolve("agents"), group.getParent()}) {
      assertThat(
              Files.readString(above.resolve("cgroup.subtree_control")).strip().split(" "))
          .as("delegated by " + above)
          .contains("cpu", "memory", "pids");
    }
  }

  @Test
  void aLimitThatTheKernelDoesNotHaveIsRefusedByItsFile() {
    Limits weighted =
        new Limits(Optional.of(1500), Optional.empty(), Optional.empty(), Optional.of(5000));

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> cgroups.require(weighted))
        .withMessageContaining("io (blkio)")
        .withMessageContaining("the kernel has no io.weight")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED));
    assertThat(ROOT.resolve("agents")).doesNotExist();
  }

  @Test
  void aGroupStaysWhileItsMachineIsLaunchedAndWhileAProcessIsInIt() throws Exception {
    Path procs = cgroups.create(MACHINE, LIMITS).get(0);
    assertThat(cgroups.remove(MACHINE)).as("nothing to be removed now").isTrue();
    assertThat(group).exists();

    Process process = new ProcessBuilder("sleep", "1000").start();
    try {
      Files.writeString(procs, String.valueOf(process.pid()));
      cgroups.launched(MACHINE);
      assertThat(cgroups.remove(MACHINE)).isFalse();
      assertThat(group).exists();
    } finally {
      process.destroyForcibly().waitFor();
    }
    assertThat(cgroups.remove(MACHINE)).isTrue();
    assertThat(group).doesNotExist();
  }
}
