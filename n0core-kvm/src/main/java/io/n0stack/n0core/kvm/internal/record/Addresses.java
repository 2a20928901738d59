package io.n0stack.n0core.kvm.internal.record;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Cdrom;
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
public final class Addresses {
  /** The bus of a key that counts slots or root ports. */
  public static final String PCI = "pci:";
  /** The bus of a key that counts the SCSI controller's targets. */
  public static final String SCSI = "scsi:";
  /** The beginning of a key of a plugged processor. */
  public static final String CPU = "cpu:";
  /** The beginning of a key of plugged memory. */
  public static final String DIMM = "dimm:";
  /** The id of the SCSI controller, which is there if a disk needs it. */
  public static final String CONTROLLER = "scsi0";

  private static final int PC_SLOTS = 28;
  private static final int PCIE_PORTS = 204; // 26 slots of 8 functions, less 4 spare ones
  private static final int SCSI_TARGETS = 255; // hw/scsi/virtio-scsi.c: max_target
  private static final int FIRST_SLOT = 4; // those before are the board's own

  private Addresses() {}

  /**
   * Derives a disk's id in QEMU from its volume.
   *
   * @param disk the disk
   * @return such as {@code disk-root}
   */
  public static String id(Disk disk) {
    return "disk-" + disk.volume();
  }

  /**
   * Derives a NIC's id in QEMU from its port.
   *
   * @param nic the NIC
   * @return such as {@code nic-eth0}
   */
  public static String id(Nic nic) {
    return "nic-" + nic.port();
  }

  /**
   * Names a drive in QEMU.
   *
   * @param drive the drive
   * @return its device's id
   */
  public static String id(Cdrom drive) {
    return "cd-" + drive.name();
  }

  /**
   * Takes the id out of a key.
   *
   * @param key such as {@code pci:disk-root}
   * @return what is after the bus
   */
  public static String id(String key) {
    return key.substring(key.indexOf(':') + 1);
  }

  /**
   * Says what a disk looks like to the guest.
   *
   * @param disk the disk
   * @return its model, VIRTIO_BLK if the spec does not say
   */
  public static DiskModel model(Disk disk) {
    return disk.model().orElse(DiskModel.VIRTIO_BLK);
  }

  static boolean onScsi(Disk disk) {
    return model(disk) == DiskModel.VIRTIO_SCSI || model(disk) == DiskModel.CDROM;
  }

  /**
   * Derives a disk's key, whose bus depends on its model.
   *
   * @param disk the disk
   * @return such as {@code scsi:disk-data}
   */
  public static String key(Disk disk) {
    return (onScsi(disk) ? SCSI : PCI) + id(disk);
  }

  /**
   * Derives a NIC's key.
   *
   * @param nic the NIC
   * @return such as {@code pci:nic-eth0}
   */
  public static String key(Nic nic) {
    return PCI + id(nic);
  }

  /**
   * Names the address of a drive.
   *
   * @param drive the drive
   * @return its key
   */
  public static String key(Cdrom drive) {
    return SCSI + id(drive);
  }

  /**
   * Lists the drives of a spec.
   *
   * @param spec the spec
   * @return all of them
   */
  public static List<Cdrom> drives(MachineSpec spec) {
    return spec.hardware().map(Hardware::cdroms).orElse(List.of());
  }

  /**
   * Lists what a spec needs addresses for, what others are plugged into first.
   *
   * @param spec the spec
   * @return the keys, each once
   */
  public static List<String> wanted(MachineSpec spec) {
    Map<String, Boolean> keys = new LinkedHashMap<>();
    List<Cdrom> drives = drives(spec);
    if (!drives.isEmpty() || spec.disks().stream().anyMatch(Addresses::onScsi)) {
      keys.put(PCI + CONTROLLER, true);
    }
    spec.disks().forEach(disk -> keys.put(key(disk), true));
    drives.forEach(drive -> keys.put(key(drive), true));
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

  /**
   * Counts the PCI addresses up to the highest in use, those between that are free included.
   *
   * @param known all addresses by their keys
   * @return how many the board must have
   */
  public static int slots(Map<String, Integer> known) {
    return known.entrySet().stream()
        .filter(entry -> entry.getKey().startsWith(PCI))
        .mapToInt(entry -> entry.getValue() + 1)
        .max()
        .orElse(0);
  }

  /**
   * Names the n-th PCI Express root port, to which a device is plugged.
   *
   * @param index counted from zero
   * @return its id in QEMU
   */
  public static String rootPort(int index) {
    return "port" + index;
  }

  /**
   * Says in QEMU's words where a device is.
   *
   * @param key its key
   * @param index its address
   * @param chipset the board
   * @return the properties of device_add
   */
  public static Map<String, Object> properties(String key, int index, Chipset chipset) {
    if (key.startsWith(SCSI)) {
      return Map.of("bus", CONTROLLER + ".0", "scsi-id", index, "lun", 0);
    }
    return chipset == Chipset.PC
        ? Map.of("bus", "pci.0", "addr", Integer.toHexString(FIRST_SLOT + index))
        : Map.of("bus", rootPort(index), "addr", "0");
  }
}
