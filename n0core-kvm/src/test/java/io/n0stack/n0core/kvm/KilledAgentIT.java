package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires({Requirement.ROOT, Requirement.QEMU})
class KilledAgentIT {
  private static final int KILLS = 20;
  private static final int SAVES = 12;
  private static final int LONGEST_CALL_MILLIS = 900;

  @TempDir
  Path directory;

  @Test
  void aKilledAgentLeavesWhatApplyFinishesAndDeleteRemoves() throws Exception {
    Host host = new Host(directory);
    long seed = System.nanoTime();
    Random random = new Random(seed);
    ResourceId bystander = ResourceId.fresh("machine", "bystander");
    MachineSpec spec = host.nano(Chipset.PC).build();
    int cutShort = 0;
    try (QemuMachineDriver driver = host.open()) {
      driver.apply(context(), bystander, spec);
      long pid = pid(driver, bystander);
      for (int kill = 0; kill < KILLS; kill++) {
        String at = "seed " + seed + ", kill " + kill;
        ResourceId id = ResourceId.fresh("machine", "web" + kill);
        if (killed("apply", id, random)) {
          cutShort++;
        }
        if (kill % 2 == 0) {
          driver.apply(context(), id, spec);
          assertThat(state(driver, id)).as(at).isEqualTo(MachineState.RUNNING);
          assertOnly(host, at, pid, pid(driver, id));
          if (killed("delete", id, random)) {
            cutShort++;
          }
        }
        driver.delete(context(), id);
        assertThat(driver.observe(id)).as(at).isInstanceOf(Observed.Absent.class);
        assertOnly(host, at, pid);
        assertThat(driver.list()).as(at).containsExactly(bystander);
        assertThat(pid(driver, bystander)).as(at).isEqualTo(pid);
      }
      driver.delete(context(), bystander);
      assertThat(host.residue()).isEmpty();
    } finally {
      host.cleanUp();
    }
    assertThat(cutShort).as("calls that were cut short, seed " + seed).isPositive();
  }

  @Test
  void anAgentKilledWhileItSavesOrRestoresLeavesTheGuestInOnePlace() throws Exception {
    Host host = new Host(directory);
    long seed = System.nanoTime();
    Random random = new Random(seed);
    ResourceId id = ResourceId.fresh("machine", "web1");
    MachineSpec spec = host.nano(Chipset.PC).build();
    int cutShort = 0;
    try (QemuMachineDriver driver = host.open()) {
      driver.apply(context(), id, spec);
      for (int kill = 0; kill < Repetition.of(SAVES); kill++) {
        String at = "seed " + seed + ", kill " + kill;
        boolean running = state(driver, id) == MachineState.RUNNING;
        if (killed(running ? "SAVE" : "BOOT", id, random)) {
          cutShort++;
        }
        driver.apply(context(), id, spec);
        MachineState now = state(driver, id);
        assertThat(now).as(at).isIn(MachineState.RUNNING, MachineState.SAVED);
        assertThat(driver.observe(id)).as(at).extracting("complete").isEqualTo(true);
        await(at)
            .atMost(Duration.ofSeconds(10))
            .until(() -> host.processes().size() == (now == MachineState.RUNNING ? 1 : 0));
      }
      driver.power(context(), id, PowerAction.BOOT);
      assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
      driver.delete(context(), id);
      assertThat(host.residue()).isEmpty();
    } finally {
      host.cleanUp();
    }
    assertThat(cutShort).as("calls that were cut short, seed " + seed).isPositive();
  }

  private static void assertOnly(Host host, String at, Long... pids) {
    // A QEMU that was fenced before it had its lock takes a moment to find that out.
    await(at)
        .atMost(Duration.ofSeconds(10))
        .until(() -> Set.copyOf(host.processes()).equals(Set.of(pids)));
  }

  private boolean killed(String call, ResourceId id, Random random) throws Exception {
    Process agent =
        java(OneCall.class, directory.toString(), call, id.name(), id.uid().toString());
    assertThat(agent.getInputStream().read()).isEqualTo('r');
    boolean ended = agent.waitFor(random.nextInt(LONGEST_CALL_MILLIS), TimeUnit.MILLISECONDS);
    agent.destroyForcibly().waitFor();
    return !ended;
  }

  /** Runs a class of these tests in a process of its own. */
  static Process java(Class<?> main, String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:TieredStopAtLevel=1",
        "-cp",
        classPath(),
        main.getName()));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command)
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
  }

  static String classPath() {
    return Stream.of("java.class.path", "jdk.module.path", "surefire.test.class.path")
        .map(System::getProperty)
        .filter(path -> path != null && !path.isEmpty())
        .collect(Collectors.joining(
            File.pathSeparator,
            Path.of("target", "test-classes").toAbsolutePath()
                + File.pathSeparator
                + Path.of("target", "classes").toAbsolutePath()
                + File.pathSeparator,
            ""));
  }
}
