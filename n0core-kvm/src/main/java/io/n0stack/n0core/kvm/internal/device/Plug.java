package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.compute.DiskTuning;
import io.n0stack.n0core.api.compute.DiskTuning.Cache;
import io.n0stack.n0core.api.compute.Hardware.Cdrom;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.compute.MachineSpec.Nic;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.network.TapQueues;
import io.n0stack.n0core.api.storage.Encryption;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.internal.record.Addresses;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What QEMU is told to plug in one device.
 *
 * @param key its address' key
 * @param backend the arguments of blockdev-add or netdev_add; empty for a device without a backend
 * @param device the arguments of device_add
 * @param keyFile where the passphrase of an encrypted volume is
 * @param tap who opens the tap of a NIC; empty if QEMU opens it itself
 */
record Plug(
    String key,
    Map<String, Object> backend,
    Map<String, Object> device,
    Optional<Path> keyFile,
    Optional<Tap> tap) {
  private static final int NODE_NAME_LENGTH = 31; // block/block_int: char node_name[32]
  private static final int SERIAL_LENGTH = 20; // both virtio-blk's and NVMe's
  private static final int HASH_LENGTH = 12;
  private static final int LARGEST_KEY = 1024;
  private static final int PLAIN_MTU = 1500;

  /** Opens the tap of a port. */
  interface Tap {
    TapQueues.Descriptors open();
  }

  static Plug disk(Disk disk, VolumeStatus volume, Map<String, Object> place) {
    boolean readOnly = Addresses.model(disk) == DiskModel.CDROM;
    Map<String, Object> node =
        node(disk.volume(), volume, readOnly, disk.tuning().orElseGet(DiskTuning::standard));
    volume
        .encryption()
        .ifPresent(encryption ->
            node.put("encrypt", Map.of("format", "luks", "key-secret", secretId(disk.volume()))));
    Map<String, Object> device = device(driver(disk), Addresses.id(disk), place);
    device.put("drive", nodeName(disk.volume()));
    disk.tuning()
        .flatMap(DiskTuning::cache)
        .ifPresent(cache -> device.put("write-cache", cache.writesLater() ? "on" : "off"));
    if (Addresses.model(disk) == DiskModel.NVME) {
      device.put(
          "serial", shortened(disk.volume(), SERIAL_LENGTH)); // without one it does not start
    }
    disk.bootOrder().ifPresent(order -> device.put("bootindex", order));
    return new Plug(
        Addresses.key(disk),
        node,
        device,
        volume.encryption().map(Encryption::keyFile),
        Optional.empty());
  }

  /** Describes a drive without a medium. */
  static Plug cdrom(Cdrom drive, Map<String, Object> place) {
    return cdrom(drive, Map.of(), place);
  }

  static Plug cdrom(Cdrom drive, VolumeStatus medium, Map<String, Object> place) {
    String volume = drive.volume().orElseThrow();
    return cdrom(drive, node(volume, medium, true, DiskTuning.standard()), place);
  }

  private static Plug cdrom(Cdrom drive, Map<String, Object> node, Map<String, Object> place) {
    Map<String, Object> device = device("scsi-cd", Addresses.id(drive), place);
    if (!node.isEmpty()) {
      device.put("drive", node.get("node-name"));
    }
    drive.bootOrder().ifPresent(order -> device.put("bootindex", order));
    return new Plug(Addresses.key(drive), node, device, Optional.empty(), Optional.empty());
  }

  /** Describes the block nodes of a volume. */
  private static Map<String, Object> node(
      String name, VolumeStatus volume, boolean readOnly, DiskTuning how) {
    Map<String, Object> file = new LinkedHashMap<>();
    file.put("driver", "file");
    file.put("filename", volume.path().toString());
    file.put("locking", "auto");
    Map<String, Object> node = new LinkedHashMap<>();
    String format = word(volume.format());
    node.put("driver", format);
    node.put("node-name", nodeName(name));
    node.put("read-only", readOnly);
    for (Map<String, Object> layer : List.of(file, node)) {
      layer.put("discard", word(how.discard().orElse(DiskTuning.Discard.UNMAP)));
      how.cache()
          .ifPresent(cache -> layer.put(
              "cache", Map.of("direct", cache.direct(), "no-flush", cache == Cache.UNSAFE)));
    }
    how.aio().ifPresent(aio -> file.put("aio", word(aio)));
    how.detectZeroes().ifPresent(detect -> node.put("detect-zeroes", word(detect)));
    node.put("file", file);
    if (format.equals("qcow2") && volume.backingImage().isEmpty()) {
      node.put("backing", null); // a header that names one all the same is not obeyed
    }
    return node;
  }

  private static String word(Enum<?> choice) {
    return choice.name().toLowerCase(Locale.ROOT);
  }

  private static String driver(Disk disk) {
    return switch (Addresses.model(disk)) {
      case VIRTIO_BLK -> "virtio-blk-pci";
      case VIRTIO_SCSI -> "scsi-hd";
      case NVME -> "nvme";
      case CDROM -> "scsi-cd";
    };
  }

  static Plug nic(Nic nic, PortStatus port, Optional<Tap> tap, Map<String, Object> place) {
    String key = Addresses.key(nic);
    int queues = queues(nic);
    Map<String, Object> netdev = new LinkedHashMap<>();
    netdev.put("type", "tap");
    netdev.put("id", netdevId(Addresses.id(key)));
    if (tap.isPresent() && queues > 1) {
      netdev.put("fds", String.join(":", lentNames(netdevId(Addresses.id(key)), queues)));
    } else if (tap.isPresent()) {
      netdev.put("fd", netdev.get("id"));
    } else {
      netdev.put("ifname", port.tap());
      netdev.put("script", "no");
      netdev.put("downscript", "no");
    }
    netdev.put("vhost", false);
    Map<String, Object> device = device("virtio-net-pci", Addresses.id(key), place);
    device.put("netdev", netdev.get("id"));
    device.put("mac", port.mac().toString());
    if (queues > 1) {
      device.put("mq", true);
      device.put(
          "vectors",
          2 * queues + 2); // one for each direction of each, the control queue, the device
    }
    if (port.mtu() != PLAIN_MTU) {
      device.put("host_mtu", port.mtu());
    }
    return new Plug(key, netdev, device, Optional.empty(), tap);
  }

  static int queues(Nic nic) {
    return nic.queues().orElse(1);
  }

  /** Returns what the descriptors of a netdev are called while they are lent. */
  static List<String> lentNames(String netdev, int queues) {
    return queues == 1
        ? List.of(netdev)
        : IntStream.range(0, queues).mapToObj(i -> netdev + "." + i).toList();
  }

  static Plug controller(String key, Map<String, Object> place) {
    return new Plug(
        key,
        Map.of(),
        device("virtio-scsi-pci", Addresses.CONTROLLER, place),
        Optional.empty(),
        Optional.empty());
  }

  private static Map<String, Object> device(String driver, String id, Map<String, Object> place) {
    Map<String, Object> device = new LinkedHashMap<>();
    device.put("driver", driver);
    device.put("id", id);
    device.putAll(place);
    return device;
  }

  String id() {
    return Addresses.id(key);
  }

  /** Returns how many queues the tap of a NIC is to have. */
  int tapQueues() {
    return backend.get("fds") instanceof String fds ? fds.split(":", -1).length : 1;
  }

  /** Returns the arguments of object-add for the passphrase, which is read now. */
  Optional<Map<String, Object>> secret() {
    return keyFile.map(file -> Map.of(
        "qom-type",
        "secret",
        "id",
        secretId(id().substring("disk-".length())),
        "format",
        "base64",
        "data",
        passphrase(file)));
  }

  /** QEMU itself, which may run as another user, need not be able to read the file. */
  private static String passphrase(Path file) {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(LARGEST_KEY + 1);
    } catch (IOException e) {
      throw new N0Exception(
          e instanceof AccessDeniedException
              ? N0Exception.Code.PERMISSION
              : N0Exception.Code.UNAVAILABLE,
          "encryption.keyFile",
          "read key file " + Rules.quote(file.toString()) + ": " + e,
          e);
    }
    if (bytes.length < 1 || bytes.length > LARGEST_KEY) {
      throw N0Exception.invalid(
          "encryption.keyFile", file, "must have 1 to " + LARGEST_KEY + " bytes");
    }
    return Base64.getEncoder().encodeToString(bytes);
  }

  static String secretId(String volume) {
    return "key-" + volume;
  }

  static String netdevId(String nicId) {
    return "net-" + nicId.substring("nic-".length());
  }

  /** Derives a block node's name, which QEMU allows 31 characters, from a volume's, of up to 63. */
  static String nodeName(String volume) {
    return shortened("disk-" + volume, NODE_NAME_LENGTH);
  }

  private static String shortened(String plain, int most) {
    if (plain.length() <= most) {
      return plain;
    }
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(plain.getBytes(StandardCharsets.UTF_8));
      int digits = Math.min(HASH_LENGTH, most / 2);
      // A dot is in no volume's name, so this can be no other volume's plain one.
      return plain.substring(0, most - digits - 1) + "."
          + HexFormat.of().formatHex(hash).substring(0, digits);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
