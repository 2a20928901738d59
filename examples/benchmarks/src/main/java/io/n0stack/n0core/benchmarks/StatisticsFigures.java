package io.n0stack.n0core.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.Operation;
import io.n0stack.n0core.api.compute.ComputeDriver;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineStatistics;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.MachineUsage;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.benchmarks.Figure.Direction;
import io.n0stack.n0core.kvm.KvmConfig;
import io.n0stack.n0core.kvm.QemuMachineDriver;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * The statistics of twenty machines, polled: against a program in C that stays connected and asks each
 * QEMU the same, but reads nothing of /proc and understands nothing of the answers.
 */
final class StatisticsFigures {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int MACHINES = 20;
  private static final int WARM_UP = 150;
  private static final int ROUNDS = 20;
  // Long enough for the driver to hang up, so that it has to connect for each poll.
  private static final int PAUSE_MILLIS = 600;
  // A hundred machines that are polled every ten seconds then cost 3 % of a processor.
  private static final double CPU_MILLIS = 3;
  private static final OperatingSystemMXBean PROCESS =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  private StatisticsFigures() {}

  static List<Figure> measure(Path directory, MachineSpec spec, Path c) throws Exception {
    QemuMachineDriver driver = new QemuMachineDriver(KvmConfig.of(directory.resolve("m")));
    try (Agent agent = Agent.open(directory.resolve("agent"), List.of(driver))) {
      try {
        List<Operation<ResourceId>> made = new ArrayList<>();
        for (int i = 0; i < MACHINES; i++) {
          made.add(agent.apply(ComputeDriver.KIND, "polled" + i, spec));
        }
        made.forEach(operation -> operation.await(LIMIT));
        return polled(driver, c);
      } finally {
        List<Operation<ResourceId>> gone = new ArrayList<>();
        for (int i = 0; i < MACHINES; i++) {
          gone.add(agent.delete(ComputeDriver.KIND, "polled" + i));
        }
        gone.forEach(operation -> operation.await(LIMIT));
      }
    }
  }

  private static List<Figure> polled(QemuMachineDriver driver, Path c) throws Exception {
    MachineStatistics statistics = driver.capability(MachineStatistics.class).orElseThrow();
    List<ResourceId> machines = List.copyOf(driver.list());
    List<String> command = new ArrayList<>(List.of(c.toString(), "poll"));
    machines.forEach(machine -> command.add(monitor(driver, machine)));
    try (QmpPeer peer = QmpPeer.start("C", command)) {
      for (int i = 0; i < WARM_UP; i++) {
        poll(statistics, machines);
      }
      double[] wall = new double[ROUNDS];
      double[] otherWall = new double[ROUNDS];
      double cpu = 0; // summed up, because the kernel counts it in ticks
      double otherCpu = 0;
      for (int round = 0; round < ROUNDS; round++) {
        QmpPeer.Pace theirs = peer.times("poll", 1);
        otherWall[round] = theirs.micros() / 1e3;
        otherCpu += theirs.medianMicros() / 1e3; // it prints its CPU here
        long busy = PROCESS.getProcessCpuTime();
        long start = System.nanoTime();
        poll(statistics, machines);
        wall[round] = (System.nanoTime() - start) / 1e6;
        TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS); // hanging up is part of the cost
        cpu += (PROCESS.getProcessCpuTime() - busy) / 1e6;
      }
      return List.of(
          new Figure(
              "kvm: statistics polled, CPU of the agent a machine",
              cpu / ROUNDS / MACHINES,
              "ms",
              CPU_MILLIS,
              Direction.AT_MOST,
              String.format(
                  Locale.ROOT,
                  "%d machines, a connection for each poll; C on kept connections %.2f ms",
                  MACHINES,
                  otherCpu / ROUNDS / MACHINES)),
          new Figure(
              "kvm: statistics polled, time over C",
              Rounds.median(wall) / Rounds.median(otherWall),
              "x",
              4,
              Direction.AT_MOST,
              String.format(
                  Locale.ROOT,
                  "%d machines one after another: ours %.1f ms with connecting, C %.1f ms without",
                  MACHINES,
                  Rounds.median(wall),
                  Rounds.median(otherWall))));
    }
  }

  private static void poll(MachineStatistics statistics, List<ResourceId> machines) {
    for (ResourceId machine : machines) {
      MachineUsage usage = statistics.usage(machine);
      if (usage.vcpuTimes().isEmpty()) {
        throw new IllegalStateException(machine + " has no processors");
      }
    }
  }

  /** The one for changes: that for looking is the driver's. */
  private static String monitor(QemuMachineDriver driver, ResourceId machine) {
    if (driver.observe(machine) instanceof Observed.Present<MachineStatus> present) {
      return present.status().serialLog().resolveSibling("qmp").toString();
    }
    throw new IllegalStateException(machine + " is not there");
  }
}
