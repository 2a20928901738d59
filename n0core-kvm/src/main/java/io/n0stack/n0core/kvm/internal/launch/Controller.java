package io.n0stack.n0core.kvm.internal.launch;

import io.n0stack.n0core.api.compute.MachineSpec;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** A part of the kernel that enforces one limit, under its names in both versions of control groups. */
enum Controller {
  /** Processor time. */
  CPU("cpu", "cpu"),
  /** Memory. */
  MEMORY("memory", "memory"),
  /** Number of threads. */
  PIDS("pids", "pids"),
  /** Share of the disks. */
  IO("blkio", "io");

  private static final int PERIOD_MICROS = 100_000;
  private static final int MICROS_PER_MILLI_CORE = PERIOD_MICROS / 1000;

  private final String first;
  private final String second;

  Controller(String first, String second) {
    this.first = first;
    this.second = second;
  }

  String name(boolean unified) {
    return unified ? second : first;
  }

  /** Returns the limit's value, empty for no limit. */
  Optional<Long> value(MachineSpec.Limits limits) {
    return switch (this) {
      case CPU -> limits.cpuMilliCores().map(Integer::longValue);
      case MEMORY -> limits.memoryBytes();
      case PIDS -> limits.maxTasks().map(Integer::longValue);
      case IO -> limits.ioWeight().map(Integer::longValue);
    };
  }

  /** Returns what is written to which files of a group, in this order. */
  Map<String, String> settings(boolean unified, long value) {
    Map<String, String> files = new LinkedHashMap<>();
    switch (this) {
      case CPU -> {
        long quota = value * MICROS_PER_MILLI_CORE;
        if (unified) {
          files.put("cpu.max", quota + " " + PERIOD_MICROS);
        } else {
          files.put("cpu.cfs_period_us", String.valueOf(PERIOD_MICROS));
          files.put("cpu.cfs_quota_us", String.valueOf(quota));
        }
      }
      case MEMORY -> files.put(unified ? "memory.max" : "memory.limit_in_bytes", value + "");
      case PIDS -> files.put("pids.max", String.valueOf(value));
      case IO -> files.put(unified ? "io.weight" : "blkio.bfq.weight", String.valueOf(value));
    }
    return files;
  }

  /** Returns the property of a scope of systemd. */
  String property(long value) {
    return switch (this) {
      case CPU -> "CPUQuota=" + value / 10 + "." + value % 10 + "%";
      case MEMORY -> "MemoryMax=" + value;
      case PIDS -> "TasksMax=" + value;
      case IO -> "IOWeight=" + value;
    };
  }
}
