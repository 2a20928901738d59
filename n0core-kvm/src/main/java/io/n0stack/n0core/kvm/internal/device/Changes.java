package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.compute.DiskTuning;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.Nic;
import io.n0stack.n0core.api.driver.Driver.Change;
import io.n0stack.n0core.kvm.internal.record.Addresses;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/** How each component of a machine's spec can be changed. */
public final class Changes {
  /** In what steps memory grows: Linux takes no less, mm/memory_hotplug.c. */
  static final long DIMM_STEP = 128L << 20;

  private static final List<String> SINCE_LAUNCH = List.of("vcpus", "memoryBytes", "disks", "nics");

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
      case "powerPolicy" -> true;
      case "nics" -> sameQueues(from, to);
      case "disks" -> sameDevices(from, to);
      case "hardware" -> !from.hardware().equals(to.hardware()) && fixed(from).equals(fixed(to));
      case "vcpus" -> to.vcpus() >= from.vcpus() && to.vcpus() <= mostVcpus(from);
      case "memoryBytes" -> growsBySteps(from, to.memoryBytes());
      default -> false; // the board, and what is new to this version
    };
    return live ? Change.LIVE : Change.RESTART;
  }

  /** The guest must not see a disk turn into another kind of device, and a file is opened once. */
  private static boolean sameDevices(MachineSpec from, MachineSpec to) {
    return agree(
            keyed(from.disks(), Disk::volume, Addresses::model),
            to.disks(),
            Disk::volume,
            Addresses::model)
        && agree(
            keyed(from.disks(), Disk::volume, Changes::tuning),
            to.disks(),
            Disk::volume,
            Changes::tuning);
  }

  private static DiskTuning tuning(Disk disk) {
    return disk.tuning().orElseGet(DiskTuning::standard);
  }

  /** A NIC has its queues from the moment when it is plugged in. */
  private static boolean sameQueues(MachineSpec from, MachineSpec to) {
    return agree(keyed(from.nics(), Nic::port, Plug::queues), to.nics(), Nic::port, Plug::queues);
  }

  private static <T, V> Map<String, V> keyed(
      List<T> all, Function<T, String> name, Function<T, V> value) {
    return all.stream().collect(Collectors.toMap(name, value));
  }

  /** Says whether what is in both has the same value. */
  private static <T, V> boolean agree(
      Map<String, V> before, List<T> all, Function<T, String> name, Function<T, V> value) {
    return all.stream().allMatch(one -> {
      V now = value.apply(one);
      return before.getOrDefault(name.apply(one), now).equals(now);
    });
  }

  /** Returns what of the board stays while the guest runs. */
  private static Hardware fixed(MachineSpec spec) {
    Hardware board = spec.hardware().orElseGet(Hardware::standard).withCdroms(List.of());
    Hardware.Memory memory = board.memory().orElseGet(Hardware.Memory::standard);
    return board.withMemory(new Hardware.Memory(memory.mostBytes(), memory.hugePageBytes()));
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
    for (String component : SINCE_LAUNCH) {
      if (record.unfinished() != MachineRecord.Unfinished.RESTART
          && of(component, record.spec(), desired) == Change.RESTART) {
        found.add(component);
      }
    }
    return List.copyOf(found);
  }
}
