package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.AgentOptions;
import io.n0stack.n0core.agent.Operation;
import io.n0stack.n0core.api.compute.ComputeDriver;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.KvmConfig;
import io.n0stack.n0core.kvm.QemuMachineDriver;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** How soon a QEMU that is stopped is reported, and what it does to the other machines of the same agent. */
final class StoppedQemu {
  private static final String STUCK = SimulatedMachines.REAL + "-stuck";
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final int MACHINES = 50;
  private static final int TURNS = 6;
  private static final int OPERATIONS_PER_TURN = 20;
  private static final int NEIGHBOURS = 8;
  private static final int LOOKS_PER_TURN = 50;
  private static final double REPORTED_MILLIS = 3000; // as the documents say

  private StoppedQemu() {}

  static List<Figure> measure(Path directory, MachineSpec real) throws Exception {
    QemuMachineDriver qemu = new QemuMachineDriver(KvmConfig.of(directory.resolve("m")));
    AgentOptions often = AgentOptions.defaults().withTick(Duration.ofMillis(200));
    try (Agent agent = Agent.open(
        directory.resolve("agent"), List.of(new SimulatedMachines(Optional.of(qemu))), often)) {
      List<String> made = new ArrayList<>(List.of(STUCK));
      for (int i = 0; i < NEIGHBOURS; i++) {
        made.add(neighbour(i));
      }
      try {
        for (String name : made) {
          agent.apply(ComputeDriver.KIND, name, real).await(LIMIT);
        }
        return turns(agent);
      } finally {
        made.forEach(name -> agent.delete(ComputeDriver.KIND, name).await(LIMIT));
      }
    }
  }

  private static String neighbour(int i) {
    return SimulatedMachines.REAL + "-db" + i;
  }

  private static List<Figure> turns(Agent agent) throws Exception {
    long pid = pid(agent);
    List<Double> undisturbed = new ArrayList<>();
    List<Double> disturbed = new ArrayList<>();
    List<Double> seen = new ArrayList<>();
    List<Double> stillSeen = new ArrayList<>();
    List<Double> reported = new ArrayList<>();
    operate(agent, 0); // to have every class loaded and every record made
    look(agent);
    for (int turn = 1; turn <= TURNS; turn++) {
      undisturbed.addAll(operate(agent, 2 * turn));
      seen.addAll(look(agent));
      signal("STOP", pid);
      try {
        long start = System.nanoTime();
        awaitUnknown(agent);
        reported.add((System.nanoTime() - start) / 1e6);
        disturbed.addAll(operate(agent, 2 * turn + 1));
        stillSeen.addAll(look(agent));
      } finally {
        signal("CONT", pid);
      }
      if (pid(agent) != pid) {
        throw new IllegalStateException("QEMU was replaced");
      }
    }
    return List.of(
        new Figure(
            "kvm: a stopped QEMU is reported",
            Collections.max(reported),
            "ms",
            REPORTED_MILLIS,
            Figure.Direction.AT_MOST,
            "the slowest of " + TURNS),
        ratio("p99 of others while a QEMU is stopped", undisturbed, disturbed),
        ratio("p99 of looks at real others meanwhile", seen, stillSeen));
  }

  private static Figure ratio(String what, List<Double> undisturbed, List<Double> disturbed) {
    double before = hundredth(undisturbed);
    double during = hundredth(disturbed);
    return new Figure(
        "kvm: " + what,
        during / before,
        "x",
        2,
        Figure.Direction.AT_MOST,
        String.format(
            Locale.ROOT,
            "undisturbed %.2f ms, disturbed %.2f ms, %d operations each",
            before,
            during,
            disturbed.size()));
  }

  /** Looks at each of the real others again and again, and tells in milliseconds what each look took. */
  private static List<Double> look(Agent agent) {
    List<Double> millis = new ArrayList<>();
    for (int i = 0; i < LOOKS_PER_TURN; i++) {
      for (int machine = 0; machine < NEIGHBOURS; machine++) {
        long start = System.nanoTime();
        Observed<MachineStatus> seen =
            agent.observe(ComputeDriver.KIND, neighbour(machine), MachineStatus.class);
        millis.add((System.nanoTime() - start) / 1e6);
        if (!(seen instanceof Observed.Present)) {
          throw new IllegalStateException(neighbour(machine) + " is " + seen);
        }
      }
    }
    return millis;
  }

  /** Changes each of the others again and again, and tells in milliseconds what each change took. */
  private static List<Double> operate(Agent agent, int turn) {
    List<Double> millis = new ArrayList<>();
    for (int i = 0; i < OPERATIONS_PER_TURN; i++) {
      for (int machine = 0; machine < MACHINES; machine++) {
        int vcpus = 1 + (turn * OPERATIONS_PER_TURN + i) % 200;
        MachineSpec spec = MachineSpec.builder(vcpus, 16 << 20).build();
        long start = System.nanoTime();
        Operation<ResourceId> change = agent.apply(ComputeDriver.KIND, "web" + machine, spec);
        change.await(LIMIT);
        millis.add((System.nanoTime() - start) / 1e6);
      }
    }
    return millis;
  }

  private static double hundredth(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).toArray();
    Arrays.sort(sorted);
    return sorted[sorted.length * 99 / 100];
  }

  private static long pid(Agent agent) {
    long end = System.nanoTime() + LIMIT.toNanos();
    while (System.nanoTime() < end) {
      if (agent.observe(ComputeDriver.KIND, STUCK, MachineStatus.class)
          instanceof Observed.Present<MachineStatus> present) {
        return present.status().pid().orElseThrow();
      }
    }
    throw new IllegalStateException("the machine is not seen again");
  }

  private static void awaitUnknown(Agent agent) {
    if (!(agent.observe(ComputeDriver.KIND, STUCK, MachineStatus.class)
        instanceof Observed.Unknown)) {
      throw new IllegalStateException("a stopped QEMU is not unknown");
    }
  }

  private static void signal(String name, long pid) throws IOException, InterruptedException {
    Process kill =
        new ProcessBuilder("sh", "-c", "kill -" + name + " " + pid).inheritIO().start();
    if (kill.waitFor() != 0) {
      throw new IOException("kill -" + name + " " + pid + " failed");
    }
  }
}
