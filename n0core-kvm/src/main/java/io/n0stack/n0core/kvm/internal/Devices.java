package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.network.PortDriver;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.storage.StorageDriver;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.qmp.QmpException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The disks and NICs of a machine. Each is plugged by looking first, so that it does not matter how
 * far an earlier process came.
 */
public final class Devices {
  private static final int NODE_NAME_LENGTH = 31; // block/block_int: char node_name[32]
  private static final int HASH_LENGTH = 12;

  private record Plug(int index, Map<String, Object> backend, Map<String, Object> device) {}

  private final Map<String, Plug> disks = new LinkedHashMap<>();
  private final Map<String, Plug> nics = new LinkedHashMap<>();

  private Devices() {}

  /**
   * Collects what the machine depends on. Changes nothing.
   *
   * @param cx where the statuses come from
   * @param spec the machine
   * @return the devices
   * @throws N0Exception PRECONDITION if a volume or port is not ready
   */
  public static Devices of(Context cx, MachineSpec spec) {
    Devices all = new Devices();
    int index = 0;
    for (Disk disk : spec.disks()) {
      VolumeStatus volume = cx.require(StorageDriver.KIND, disk.volume(), VolumeStatus.class);
      if (volume.encryption().isPresent()) {
        throw new N0Exception(
            N0Exception.Code.UNSUPPORTED,
            "disks",
            "plug volume " + Rules.quote(disk.volume()) + ": it is encrypted");
      }
      all.disks.put(disk.volume(), disk(index++, spec.chipset(), disk, volume));
    }
    for (MachineSpec.Nic nic : spec.nics()) {
      PortStatus port = cx.require(PortDriver.KIND, nic.port(), PortStatus.class);
      all.nics.put(nic.port(), nic(index++, spec.chipset(), nic.port(), port));
    }
    return all;
  }

  /**
   * Plugs in what is missing, each in a step of its own.
   *
   * @param cx progress
   * @param monitor the machine, its guest not yet started
   */
  public void plug(Context cx, Monitor monitor) {
    disks.forEach(
        (name, plug) -> cx.step("plug disk \"" + name + "\"", () -> plugDisk(monitor, plug)));
    nics.forEach(
        (name, plug) -> cx.step("plug nic \"" + name + "\"", () -> plugNic(monitor, plug)));
  }

  private static void plugDisk(Monitor monitor, Plug plug) {
    if (monitor.devices().contains(plug.device().get("id"))) {
      return;
    }
    if (!monitor.blockNodes().contains(plug.backend().get("node-name"))) {
      monitor.execute("blockdev-add", plug.backend());
    }
    monitor.execute("device_add", plug.device());
  }

  private static void plugNic(Monitor monitor, Plug plug) {
    if (monitor.devices().contains(plug.device().get("id"))) {
      return;
    }
    // No query lists netdevs. One without its NIC is ours and half made, so it may be made again.
    try {
      monitor.execute("netdev_del", Map.of("id", plug.backend().get("id")));
    } catch (QmpException e) {
      if (e.code() != N0Exception.Code.NOT_FOUND && !e.errorClass().equals("GenericError")) {
        throw e;
      }
    }
    monitor.execute("netdev_add", plug.backend());
    monitor.execute("device_add", plug.device());
  }

  private static Plug disk(int index, Chipset chipset, Disk disk, VolumeStatus volume) {
    Map<String, Object> file = new LinkedHashMap<>();
    file.put("driver", "file");
    file.put("filename", volume.path().toString());
    file.put("locking", "auto");
    file.put("discard", "unmap");
    Map<String, Object> node = new LinkedHashMap<>();
    String format = volume.format().name().toLowerCase(Locale.ROOT);
    node.put("driver", format);
    node.put("node-name", nodeName(disk.volume()));
    node.put("discard", "unmap");
    node.put("file", file);
    if (format.equals("qcow2") && volume.backingImage().isEmpty()) {
      node.put("backing", null); // a header that names one all the same is not obeyed
    }
    Map<String, Object> device = device("virtio-blk-pci", "disk-" + disk.volume(), index, chipset);
    device.put("drive", nodeName(disk.volume()));
    disk.bootOrder().ifPresent(order -> device.put("bootindex", order));
    return new Plug(index, node, device);
  }

  private static Plug nic(int index, Chipset chipset, String name, PortStatus port) {
    Map<String, Object> netdev = new LinkedHashMap<>();
    netdev.put("type", "tap");
    netdev.put("id", "net-" + name);
    netdev.put("ifname", port.tap());
    netdev.put("script", "no");
    netdev.put("downscript", "no");
    netdev.put("vhost", false);
    Map<String, Object> device = device("virtio-net-pci", "nic-" + name, index, chipset);
    device.put("netdev", "net-" + name);
    device.put("mac", port.mac().toString());
    return new Plug(index, netdev, device);
  }

  private static Map<String, Object> device(String driver, String id, int index, Chipset chipset) {
    Map<String, Object> device = new LinkedHashMap<>();
    device.put("driver", driver);
    device.put("id", id);
    device.put("bus", chipset == Chipset.PC ? "pci.0" : QemuCommandLine.rootPort(index));
    return device;
  }

  /** Derives a block node's name, which QEMU allows 31 characters, from a volume's, of up to 63. */
  static String nodeName(String volume) {
    String plain = "disk-" + volume;
    if (plain.length() <= NODE_NAME_LENGTH) {
      return plain;
    }
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(volume.getBytes(StandardCharsets.UTF_8));
      // A dot is in no volume's name, so this can be no other volume's plain one.
      return plain.substring(0, NODE_NAME_LENGTH - HASH_LENGTH - 1) + "."
          + HexFormat.of().formatHex(hash).substring(0, HASH_LENGTH);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /**
   * Says whether the firmware must be told the order of disks that were plugged in after it looked.
   *
   * @param spec the machine
   * @return true if a disk has a boot order
   */
  public static boolean bootsFromDisk(MachineSpec spec) {
    return spec.disks().stream().map(Disk::bootOrder).anyMatch(Optional::isPresent);
  }
}
