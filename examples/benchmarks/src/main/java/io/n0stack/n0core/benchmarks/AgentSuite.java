package io.n0stack.n0core.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.AgentOptions;
import io.n0stack.n0core.agent.Operation;
import io.n0stack.n0core.agent.Recovery;
import io.n0stack.n0core.agent.Resource;
import io.n0stack.n0core.api.compute.ComputeDriver;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** The runtime alone, on machines that are simulated. */
final class AgentSuite implements Suite {
  private static final int SPECS = 1000;
  private static final int ROUNDS = 5;
  private static final Duration LIMIT = Duration.ofMinutes(5);
  private static final Duration IDLE = Duration.ofSeconds(30);

  @Override
  public List<Figure> measure(Path scratch) throws InterruptedException {
    SimulatedMachines driver = new SimulatedMachines(Optional.empty());
    Path state = scratch.resolve("agent");
    try (Agent agent = open(state, driver, Duration.ofHours(1))) {
      List<Operation<ResourceId>> operations = new ArrayList<>();
      for (int i = 0; i < SPECS; i++) {
        MachineSpec spec = MachineSpec.of(1 + i % 8, 512L << 20, "root-" + i, "eth0-" + i);
        operations.add(agent.apply(ComputeDriver.KIND, "web" + i, spec));
      }
      operations.forEach(operation -> operation.await(LIMIT));
    }
    return List.of(recovery(state, driver), listing(state, driver), idle(state, driver));
  }

  private static Agent open(Path state, SimulatedMachines driver, Duration tick) {
    return Agent.open(state, List.of(driver), AgentOptions.defaults().withTick(tick));
  }

  private static Figure recovery(Path state, SimulatedMachines driver) {
    double[] seconds = new double[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
      long start = System.nanoTime();
      try (Agent agent = open(state, driver, Duration.ofHours(1))) {
        Recovery recovery = agent.recovery();
        seconds[i] = (System.nanoTime() - start) / 1e9;
        if (recovery.adopted().size() != SPECS) {
          throw new IllegalStateException("adopted " + recovery.adopted().size() + " of " + SPECS);
        }
      }
    }
    return new Figure(
        "agent: recovery of 1000 machines",
        Rounds.median(seconds),
        "s",
        5,
        Figure.Direction.AT_MOST,
        "median of " + ROUNDS);
  }

  /** Lists as a program does that shows them: what is on record, and what each is like now. */
  private static Figure listing(Path state, SimulatedMachines driver) {
    double[] millis = new double[ROUNDS];
    try (Agent agent = open(state, driver, Duration.ofHours(1))) {
      agent.recovery();
      for (int i = 0; i < ROUNDS; i++) {
        long start = System.nanoTime();
        int present = 0;
        for (Resource resource : agent.resources()) {
          Observed<MachineStatus> seen =
              agent.observe(ComputeDriver.KIND, resource.id().name(), MachineStatus.class);
          present += seen instanceof Observed.Present ? 1 : 0;
        }
        millis[i] = (System.nanoTime() - start) / 1e6;
        if (present != SPECS) {
          throw new IllegalStateException("saw " + present + " of " + SPECS);
        }
      }
    }
    return new Figure(
        "agent: list 1000 machines with status",
        Rounds.median(millis),
        "ms",
        100,
        Figure.Direction.AT_MOST,
        "median of " + ROUNDS);
  }

  private static Figure idle(Path state, SimulatedMachines driver) throws InterruptedException {
    OperatingSystemMXBean process =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    try (Agent agent = open(state, driver, AgentOptions.defaults().tick())) {
      agent.recovery();
      long before = process.getProcessCpuTime();
      TimeUnit.SECONDS.sleep(IDLE.toSeconds());
      double used = (process.getProcessCpuTime() - before) / 1e9;
      return new Figure(
          "agent: idle with 1000 machines, of a core",
          100 * used / IDLE.toSeconds(),
          "%",
          5,
          Figure.Direction.AT_MOST,
          String.format(
              Locale.ROOT,
              "%.2f s of processor time in %d s, a look each 10 s",
              used,
              IDLE.toSeconds()));
    }
  }
}
