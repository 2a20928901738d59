package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.DiskLimits;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.kvm.internal.monitor.BlockDevices;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.internal.record.Addresses;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Limits what guests ask of their disks. A limit is the device's and not a block node's: it stays when live
 * snapshots and copies change the nodes below, and does not slow these down.
 */
final class Throttles {
  private static final List<String> NAMES =
      List.of("bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr");

  private final Monitor monitor;

  Throttles(Monitor monitor) {
    this.monitor = monitor;
  }

  /** Says whether any disk is to be limited. */
  static boolean wanted(MachineSpec spec) {
    return spec.disks().stream().anyMatch(disk -> disk.limits().isPresent());
  }

  /** Makes the limits of all disks that are plugged in what the spec wants. */
  void adjust(Context cx, MachineSpec spec) {
    List<QmpResult> blocks = monitor.execute("query-block").list("");
    for (Disk disk : spec.disks()) {
      blocks.stream()
          .filter(block -> BlockDevices.belongs(block, Addresses.id(disk)))
          .filter(block -> block.find("/inserted").isPresent())
          .findFirst()
          .ifPresent(block -> adjust(cx, disk, block));
    }
  }

  private void adjust(Context cx, Disk disk, QmpResult block) {
    Map<String, Long> wanted = limits(disk);
    Map<String, Long> present = new LinkedHashMap<>();
    NAMES.forEach(name -> present.put(name, block.number("/inserted/" + name)));
    if (present.equals(wanted)) {
      return;
    }
    if (new Found(monitor).moving()) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          "disk.limits",
          "limit disk \"" + disk.volume() + "\": the machine is being moved or saved");
    }
    Map<String, Object> arguments = new LinkedHashMap<>(wanted);
    arguments.put("id", block.text("/qdev"));
    cx.step("limit disk \"" + disk.volume() + "\"", () -> {
      monitor.execute("block_set_io_throttle", arguments);
    });
  }

  private static Map<String, Long> limits(Disk disk) {
    DiskLimits most = disk.limits().orElseGet(DiskLimits::none);
    List<Optional<Long>> values = List.of(
        most.bytesPerSecond(),
        most.readBytesPerSecond(),
        most.writtenBytesPerSecond(),
        most.requestsPerSecond(),
        most.readsPerSecond(),
        most.writesPerSecond());
    Map<String, Long> limits = new LinkedHashMap<>();
    for (int i = 0; i < NAMES.size(); i++) {
      limits.put(NAMES.get(i), values.get(i).orElse(0L));
    }
    return limits;
  }
}
