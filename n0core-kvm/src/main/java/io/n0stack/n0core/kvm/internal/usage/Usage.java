package io.n0stack.n0core.kvm.internal.usage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineStatistics;
import io.n0stack.n0core.api.compute.MachineUsage;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.monitor.BlockDevices;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.monitor.Monitors;
import io.n0stack.n0core.kvm.internal.monitor.Silence;
import io.n0stack.n0core.kvm.internal.record.MachineDirectory;
import io.n0stack.n0core.kvm.internal.record.Run;
import io.n0stack.n0core.kvm.qmp.QmpException;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What machines use: three or four short commands, and a few files of /proc. Thread-safe. */
public final class Usage implements MachineStatistics {
  // What QEMU says of a number that the guest has not told.
  private static final BigInteger UNTOLD = BigInteger.TWO.pow(64).subtract(BigInteger.ONE);
  private static final int POLL = 10; // seconds
  private static final String BALLOON = "/machine/peripheral/balloon0";

  private final Path machines;
  private final Monitors monitors;
  private final Duration limit;

  /**
   * Creates it.
   *
   * @param machines where all machines are
   * @param monitors the connections
   * @param limit the time allowed to a monitor
   */
  public Usage(Path machines, Monitors monitors, Duration limit) {
    this.machines = machines;
    this.monitors = monitors;
    this.limit = limit;
  }

  @Override
  public MachineUsage usage(ResourceId machine) {
    MachineDirectory directory = new MachineDirectory(machines, machine.uid());
    directory.require(machine);
    for (Run run : directory.runs()) {
      Optional<Long> pid = run.alive();
      if (pid.isPresent()) {
        return usage(machine, run, pid.get());
      }
    }
    throw new N0Exception(
        N0Exception.Code.PRECONDITION,
        machine.toString(),
        "look what " + machine + " uses: it is off");
  }

  private MachineUsage usage(ResourceId machine, Run run, long pid) {
    if (Silence.stopped(pid)) {
      throw Silence.stopped(machine.name(), pid);
    }
    ProcessUsage process = new ProcessUsage(pid);
    try (Monitor monitor = monitors.toLook(machine.name(), run, limit)) {
      List<Duration> vcpus = monitor.execute("query-cpus-fast").list("").stream()
          .map(cpu -> process.threadTime(cpu.number("/thread-id")))
          .toList();
      List<MachineUsage.Disk> disks = monitor.execute("query-blockstats").list("").stream()
          .filter(Usage::pluggedIn)
          .map(Usage::disk)
          .toList();
      Optional<Long> balloon = balloon(monitor);
      return new MachineUsage(
          process.time(),
          vcpus,
          process.residentBytes(),
          balloon,
          balloon.isPresent() ? guestMemory(monitor) : Map.of(),
          disks,
          process.nics());
    }
  }

  private static boolean pluggedIn(QmpResult disk) {
    return disk.find("/node-name").isPresent() && BlockDevices.disk(disk);
  }

  private static MachineUsage.Disk disk(QmpResult disk) {
    return new MachineUsage.Disk(
        disk.text("/node-name"),
        counter(disk, "rd_bytes"),
        counter(disk, "wr_bytes"),
        counter(disk, "rd_operations"),
        counter(disk, "wr_operations"),
        counter(disk, "flush_operations"),
        Duration.ofNanos(counter(disk, "rd_total_time_ns")),
        Duration.ofNanos(counter(disk, "wr_total_time_ns")));
  }

  private static long counter(QmpResult disk, String name) {
    return disk.unsigned("/stats/" + name).longValue(); // the bits of the unsigned number
  }

  private static Optional<Long> balloon(Monitor monitor) {
    try {
      return Optional.of(monitor.execute("query-balloon").unsigned("/actual").longValue());
    } catch (QmpException e) {
      return Optional.empty(); // there is none, or the guest has no driver for it
    }
  }

  private static Map<String, Long> guestMemory(Monitor monitor) {
    Map<String, Long> told = new HashMap<>();
    try {
      QmpResult stats =
          monitor.execute("qom-get", Map.of("path", BALLOON, "property", "guest-stats"));
      if (stats.unsigned("/last-update").signum() == 0) {
        // The guest is asked from now on; the next look will tell.
        monitor.execute(
            "qom-set",
            Map.of("path", BALLOON, "property", "guest-stats-polling-interval", "value", POLL));
      }
      for (String name : List.of(
          "stat-total-memory",
          "stat-free-memory",
          "stat-available-memory",
          "stat-disk-caches",
          "stat-swap-in",
          "stat-swap-out",
          "stat-major-faults",
          "stat-minor-faults")) {
        stats
            .find("/stats/" + name)
            .map(value -> value.unsigned(""))
            .filter(value -> !value.equals(UNTOLD))
            .ifPresent(value -> told.put(name, value.longValue()));
      }
    } catch (QmpException e) {
      return Map.of(); // a balloon of another name
    }
    return Map.copyOf(told);
  }
}
