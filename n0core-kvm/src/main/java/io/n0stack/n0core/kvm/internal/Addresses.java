package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.compute.MachineSpec.Nic;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where devices are. A device keeps its address for life, and a machine that comes from another host has the
 * same: the guest names its disks and NICs by it.
 *
 * <p>A key is the bus and the device's id in QEMU: {@code pci:disk-root}, {@code scsi:disk-data}, {@code
 * pci:nic-eth0}, {@code pci:scsi0}. On pc the number of {@code pci:} counts slots, elsewhere root
 * ports; that of {@code scsi:} is the target. {@code cpu:} are processors that were
 * plugged while the guest ran, in the order of plugging; {@code dimm:} is memory that was, in MiB.
 */
final class Addresses {
  static final String PCI = "pci:";
  static final String SCSI = "scsi:";
  static final String CPU = "cpu:";
  static final String DIMM = "dimm:";
  static final String CONTROLLER = "scsi0";
  private static final int PC_SLOTS = 28;
  private static final int PCIE_PORTS = 204; // 26 slots of 8 functions, less 4 spare ones
  private static final int SCSI_TARGETS = 255; // hw/scsi/virtio-scsi.c: max_target
  private static final int FIRST_SLOT = 4; // those before are the board's own

  private Addresses() {}

  static String id(Disk disk) {
    return "disk-" + disk.volume();
  }

  static String id(Nic nic) {
    return "nic-" + nic.port();
  }

  /** Returns a device's id from its key. */
  static String id(String key) {
    return key.substring(key.indexOf(':') + 1);
  }

  static DiskModel model(Disk disk) {
    return disk.model().orElse(DiskModel.VIRTIO_BLK);
  }

  static boolean onScsi(Disk disk) {
    return model(disk) == DiskModel.VIRTIO_SCSI || model(disk) == DiskModel.CDROM;
  }

  static String key(Disk disk) {
    return (onScsi(disk) ? SCSI : PCI) + id(disk);
  }

  static String key(Nic nic) {
    return PCI + id(nic);
  }

  /** Lists what the spec needs addresses for, what others are plugged into first. */
  static List<String> wanted(MachineSpec spec) {
    Map<String, Boolean> keys = new LinkedHashMap<>();
    if (spec.disks().stream().anyMatch(Addresses::onScsi)) {
      keys.put(PCI + CONTROLLER, true);
    }
    spec.disks().forEach(disk -> keys.put(key(disk), true));
    spec.nics().forEach(nic -> keys.put(key(nic), true));
    return List.copyOf(keys.keySet());
  }

  /** Adds what is missing, each at the lowest address that nothing has. */
  static Map<String, Integer> of(Map<String, Integer> known, MachineSpec spec) {
    Map<String, Integer> all = new HashMap<>(known);
    for (String key : wanted(spec)) {
      if (!all.containsKey(key)) {
        all.put(key, free(all, key.substring(0, key.indexOf(':') + 1), spec.chipset()));
      }
    }
    return all;
  }

  private static int free(Map<String, Integer> taken, String bus, Chipset chipset) {
    int most = bus.equals(SCSI) ? SCSI_TARGETS : chipset == Chipset.PC ? PC_SLOTS : PCIE_PORTS;
    for (int index = 0; index < most; index++) {
      if (!holds(taken, bus, index)) {
        return index;
      }
    }
    throw new N0Exception(
        N0Exception.Code.EXHAUSTED,
        "disks and nics",
        "find an address on bus " + bus + " for another device: all " + most + " are taken");
  }

  private static boolean holds(Map<String, Integer> taken, String bus, int index) {
    return taken.entrySet().stream()
        .anyMatch(entry -> entry.getKey().startsWith(bus) && entry.getValue() == index);
  }

  /** Leaves out what the spec does not want. */
  static Map<String, Integer> only(Map<String, Integer> known, MachineSpec spec) {
    Map<String, Integer> kept = new HashMap<>(known);
    kept.keySet().retainAll(wanted(spec));
    return kept;
  }

  /** Counts the PCI addresses up to the highest in use. */
  static int slots(Map<String, Integer> known) {
    return known.entrySet().stream()
        .filter(entry -> entry.getKey().startsWith(PCI))
        .mapToInt(entry -> entry.getValue() + 1)
        .max()
        .orElse(0);
  }

  /** Returns the properties of a device that say where it is. */
  static Map<String, Object> properties(String key, int index, Chipset chipset) {
    if (key.startsWith(SCSI)) {
      return Map.of("bus", CONTROLLER + ".0", "scsi-id", index, "lun", 0);
    }
    return chipset == Chipset.PC
        ? Map.of("bus", "pci.0", "addr", Integer.toHexString(FIRST_SLOT + index))
        : Map.of("bus", QemuCommandLine.rootPort(index), "addr", "0");
  }
}
