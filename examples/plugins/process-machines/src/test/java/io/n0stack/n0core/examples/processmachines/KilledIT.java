package io.n0stack.n0core.examples.processmachines;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KilledIT {
  private static final int KILLS = 16;
  private static final int MOST_KILLS = 100; // until one leaves something
  private static final MachineSpec SPEC = ProcessMachineDriver.ONLY;

  @TempDir
  Path root;

  @AfterEach
  void deleteWhatIsLeft() {
    ProcessMachineDriver driver = new ProcessMachineDriver(root);
    driver.list().forEach(id -> driver.delete(new StandaloneContext(), id));
  }

  @Test
  void whatAKilledAgentLeavesIsAdoptedOrFinishedOrDeleted() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    ProcessMachineDriver driver = new ProcessMachineDriver(root);
    ResourceId bystander = ResourceId.fresh("machine", "bystander");
    driver.apply(new StandaloneContext(), bystander, SPEC);
    long pid = Found.complete(driver, bystander).pid().orElseThrow();
    int halfMade = 0;
    int left = 0;

    for (int kill = 0; kill < KILLS || (left == 0 && kill < MOST_KILLS); kill++) {
      runAndKill(random);
      for (ResourceId id : driver.list()) {
        if (!id.equals(bystander)) {
          left++;
          halfMade += settle(driver, id, random);
        }
      }
      assertThat(Found.complete(driver, bystander).pid()).as("seed " + seed).hasValue(pid);
    }

    System.out.println(
        "the kills left " + left + " machines, " + halfMade + " half made, seed " + seed);
    assertThat(left).as("seed " + seed).isPositive();
    driver.delete(new StandaloneContext(), bystander);
    // What was forked at the moment of a kill and fenced since may take a moment to notice.
    await("seed " + seed).untilAsserted(() -> assertThat(Found.residue(root)).isEmpty());
  }

  /** Returns 1 if it was half made. */
  private static int settle(ProcessMachineDriver driver, ResourceId id, Random random) {
    Observed<?> seen = driver.observe(id);
    assertThat(seen).isInstanceOf(Observed.Present.class);
    boolean complete = ((Observed.Present<?>) seen).complete();
    if (complete || random.nextBoolean()) {
      driver.apply(new StandaloneContext(), id, SPEC);
      Object applied = Found.complete(driver, id);
      if (complete) {
        assertThat(applied)
            .as("adopted, not replaced")
            .isEqualTo(((Observed.Present<?>) seen).status());
      }
    }
    driver.delete(new StandaloneContext(), id);
    assertThat(driver.observe(id)).isInstanceOf(Observed.Absent.class);
    return complete ? 0 : 1;
  }

  private void runAndKill(Random random) throws Exception {
    String modules = System.getProperty("jdk.module.path", "");
    String classPath = System.getProperty("java.class.path") + ":" + modules;
    Process agent = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-cp",
            classPath,
            Churn.class.getName(),
            root.toString())
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
    try (BufferedReader out =
        new BufferedReader(new InputStreamReader(agent.getInputStream(), StandardCharsets.UTF_8))) {
      assertThat(out.lines().anyMatch("ready"::equals)).isTrue();
      agent.waitFor(random.nextInt(400), TimeUnit.MILLISECONDS);
      agent.destroyForcibly();
      assertThat(agent.waitFor(10, TimeUnit.SECONDS)).isTrue();
      assertThat(agent.exitValue()).as("killed, not failed").isEqualTo(137);
    }
  }
}
