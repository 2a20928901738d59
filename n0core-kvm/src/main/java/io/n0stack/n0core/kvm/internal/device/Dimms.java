package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.kvm.internal.monitor.Monitor;
import io.n0stack.n0core.kvm.qmp.QmpException;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Plugs memory: one DIMM for each time that it grows. None is ever taken out while the guest runs. */
final class Dimms {
  private static final long MIB = 1 << 20;

  private final Monitor monitor;

  Dimms(Monitor monitor) {
    this.monitor = monitor;
  }

  /** Returns the sizes of the DIMMs that were plugged, by their ids. */
  Map<String, Long> sizes() {
    Map<String, Long> sizes = new TreeMap<>();
    for (QmpResult device : monitor.execute("query-memory-devices").list("")) {
      if (device.text("/type").equals("dimm")) {
        sizes.put(
            device.find("/data/id").map(id -> id.text("")).orElse(""), device.number("/data/size"));
      }
    }
    return sizes;
  }

  /** Returns how much is missing; zero if there is enough. */
  long missing(MachineSpec spec) {
    QmpResult now = monitor.execute("query-memory-size-summary");
    long present = now.number("/base-memory") / MIB * MIB // a little more where it is emulated
        + now.find("/plugged-memory").map(plugged -> plugged.number("")).orElse(0L);
    return Math.max(0, spec.memoryBytes() - present);
  }

  /** Plugs what is missing: first those DIMMs that were recorded, then one for all the rest. */
  void plug(MachineSpec spec, Map<String, Long> recorded) {
    Map<String, Long> taken = new TreeMap<>(sizes());
    recorded.forEach((id, bytes) -> {
      if (!taken.containsKey(id) && bytes <= missing(spec)) {
        plug(spec, id, bytes);
        taken.put(id, bytes);
      }
    });
    long rest = missing(spec);
    if (rest > 0) {
      int number = 0;
      while (taken.containsKey("dimm" + number)) {
        number++;
      }
      plug(spec, "dimm" + number, rest);
    }
  }

  private void plug(MachineSpec spec, String id, long bytes) {
    String memory = "mem-" + id;
    if (new Found(monitor).objects().contains(memory)) {
      monitor.execute("object-del", Map.of("id", memory)); // of another size, as like as not
    }
    monitor.execute("object-add", backend(spec, memory, bytes));
    try {
      monitor.execute("device_add", Map.of("driver", "pc-dimm", "id", id, "memdev", memory));
    } catch (QmpException e) {
      Devices.undo(e, () -> monitor.execute("object-del", Map.of("id", memory)));
      throw e;
    }
  }

  private static Map<String, Object> backend(MachineSpec spec, String id, long bytes) {
    Optional<Long> huge =
        spec.hardware().flatMap(Hardware::memory).flatMap(Hardware.Memory::hugePageBytes);
    boolean shared = spec.hardware().filter(h -> !h.shares().isEmpty()).isPresent();
    Map<String, Object> memory = new LinkedHashMap<>();
    memory.put(
        "qom-type", huge.isPresent() || shared ? "memory-backend-memfd" : "memory-backend-ram");
    memory.put("id", id);
    memory.put("size", bytes);
    memory.put("share", shared);
    huge.ifPresent(size -> {
      memory.put("hugetlb", true);
      memory.put("hugetlbsize", size);
    });
    return memory;
  }
}
