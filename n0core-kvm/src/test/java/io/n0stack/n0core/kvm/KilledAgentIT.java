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
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Requires({Requirement.ROOT, Requirement.QEMU})
class KilledAgentIT {
  private static final int KILLS = 20;
  private static final int SAVES = 12;
  private static final int SIDES = 4;
  private static final int LONGEST_CALL_MILLIS = 900;

  @TempDir
  Path directory;

  private interface Side {
    /** Kills agents of machines in a directory of its own; returns how many calls were cut short. */
    int run(Path directory, long seed) throws Exception;
  }

  /** Most of the time is spent waiting for agents to start, and for the moment to kill them. */
  private void sideBySide(Side side) throws Exception {
    long seed = System.nanoTime();
    ExecutorService sides = Executors.newFixedThreadPool(SIDES);
    try {
      List<Future<Integer>> running = new ArrayList<>();
      for (int i = 0; i < SIDES; i++) {
        Path own = Files.createDirectory(directory.resolve("side" + i));
        long its = seed + i;
        running.add(sides.submit(() -> side.run(own, its)));
      }
      int cutShort = 0;
      for (Future<Integer> one : running) {
        cutShort += one.get();
      }
      assertThat(cutShort).as("calls that were cut short, seed " + seed).isPositive();
    } finally {
      sides.shutdownNow();
      assertThat(sides.awaitTermination(1, TimeUnit.MINUTES)).isTrue();
    }
  }

  @Test
  void aKilledAgentLeavesWhatApplyFinishesAndDeleteRemoves() throws Exception {
    sideBySide(KilledAgentIT::appliedAndDeleted);
  }

  private static int appliedAndDeleted(Path directory, long seed) throws Exception {
    Host host = new Host(directory);
    Random random = new Random(seed);
    ResourceId bystander = ResourceId.fresh("machine", "bystander");
    MachineSpec spec = host.nano(Chipset.PC).build();
    int cutShort = 0;
    try (QemuMachineDriver driver = host.open()) {
      driver.apply(context(), bystander, spec);
      long pid = pid(driver, bystander);
      for (int kill = 0; kill < KILLS / SIDES; kill++) {
        String at = "seed " + seed + ", kill " + kill;
        ResourceId id = ResourceId.fresh("machine", "web" + kill);
        if (killed(directory, "apply", id, random)) {
          cutShort++;
        }
        if (kill % 2 == 0) {
          driver.apply(context(), id, spec);
          assertThat(state(driver, id)).as(at).isEqualTo(MachineState.RUNNING);
          assertOnly(host, at, pid, pid(driver, id));
          if (killed(directory, "delete", id, random)) {
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
    return cutShort;
  }

  @Test
  void anAgentKilledWhileItSavesOrRestoresLeavesTheGuestInOnePlace() throws Exception {
    sideBySide(KilledAgentIT::savedAndRestored);
  }

  private static int savedAndRestored(Path directory, long seed) throws Exception {
    Host host = new Host(directory);
    Random random = new Random(seed);
    ResourceId id = ResourceId.fresh("machine", "web1");
    MachineSpec spec = host.nano(Chipset.PC).build();
    int cutShort = 0;
    try (QemuMachineDriver driver = host.open()) {
      driver.apply(context(), id, spec);
      for (int kill = 0; kill < Math.max(1, Repetition.of(SAVES) / SIDES); kill++) {
        String at = "seed " + seed + ", kill " + kill;
        boolean running = state(driver, id) == MachineState.RUNNING;
        if (killed(directory, running ? "SAVE" : "BOOT", id, random)) {
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
    return cutShort;
  }

  private static void assertOnly(Host host, String at, Long... pids) {
    // A QEMU that was fenced before it had its lock takes a moment to find that out.
    await(at)
        .atMost(Duration.ofSeconds(10))
        .until(() -> Set.copyOf(host.processes()).equals(Set.of(pids)));
  }

  private static boolean killed(Path directory, String call, ResourceId id, Random random)
      throws Exception {
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
        "-XX:+UseSerialGC",
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
