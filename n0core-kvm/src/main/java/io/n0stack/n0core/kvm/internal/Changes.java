package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.driver.Driver.Change;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** How each component of a machine's spec can be changed. */
public final class Changes {
  /** In what steps memory grows: Linux takes no less, mm/memory_hotplug.c. */
  static final long DIMM_STEP = 128L << 20;

  private static final List<String> COUNTED = List.of("vcpus", "memoryBytes");

  private Changes() {}

  /**
   * Judges one component.
   *
   * @param component its name
   * @param from the spec that the machine has
   * @param to the spec that it is to have
   * @return LIVE, or RESTART; nothing is refused for good
   */
  public static Change of(String component, MachineSpec from, MachineSpec to) {
    boolean live = switch (component) {
      case "powerPolicy", "nics" -> true;
      case "disks" -> sameModels(from, to);
      case "vcpus" -> to.vcpus() >= from.vcpus() && to.vcpus() <= mostVcpus(from);
      case "memoryBytes" -> growsBySteps(from, to.memoryBytes());
      default -> false; // the board, and what is new to this version
    };
    return live ? Change.LIVE : Change.RESTART;
  }

  /** The guest must not see a disk turn into another kind of device. */
  private static boolean sameModels(MachineSpec from, MachineSpec to) {
    Map<String, DiskModel> before = models(from);
    return to.disks().stream()
        .allMatch(disk ->
            before.getOrDefault(disk.volume(), Addresses.model(disk)) == Addresses.model(disk));
  }

  private static Map<String, DiskModel> models(MachineSpec spec) {
    return spec.disks().stream().collect(Collectors.toMap(Disk::volume, Addresses::model));
  }

  /** Returns how many processors can be plugged. */
  static int mostVcpus(MachineSpec spec) {
    return spec.hardware()
        .flatMap(Hardware::cpu)
        .flatMap(Hardware.Cpu::mostVcpus)
        .orElse(spec.vcpus());
  }

  private static boolean growsBySteps(MachineSpec from, long wanted) {
    return wanted >= from.memoryBytes()
        && wanted <= mostBytes(from)
        && (wanted - from.memoryBytes()) % DIMM_STEP == 0;
  }

  /** Returns how much memory can be plugged. */
  static long mostBytes(MachineSpec spec) {
    return spec.hardware()
        .flatMap(Hardware::memory)
        .flatMap(Hardware.Memory::mostBytes)
        .orElse(spec.memoryBytes());
  }

  /**
   * Names what of a spec cannot come true while the guest runs.
   *
   * @param record what the machine is
   * @param desired what it is to be
   * @return the components, sorted; empty if all can be changed live
   */
  public static List<String> restarts(MachineRecord record, MachineSpec desired) {
    TreeSet<String> found = new TreeSet<>();
    for (String component : MachineRecord.differences(record.running(), desired)) {
      if (of(component, record.running(), desired) == Change.RESTART) {
        found.add(component);
      }
    }
    // More may have been plugged since it was launched than is wanted now.
    for (String component : COUNTED) {
      if (record.unfinished() != MachineRecord.Unfinished.RESTART
          && of(component, record.spec(), desired) == Change.RESTART) {
        found.add(component);
      }
    }
    return List.copyOf(found);
  }
}
