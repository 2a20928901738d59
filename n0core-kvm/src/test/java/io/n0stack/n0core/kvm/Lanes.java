package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;

/**
 * Machines that are changed side by side, each with volumes of its own and a tap on either of two hosts, the taps
 * in a network namespace.
 */
final class Lanes {
  /** What machines can have: a to c are disks on SCSI, d and e on PCI. */
  static final List<String> PARTS = List.of("a", "b", "c", "d", "e", "eth0");

  /** What they have only more of until they are started anew: a vCPU and a DIMM each. */
  static final List<String> MORE = List.of("more1", "more2", "more3", "more4");

  static final long MEMORY_BYTES = 16 << 20;
  static final long DIMM_BYTES = 128 << 20;

  /** What they always have, since memory is kept in a disk. */
  static final String FIRST = "a";

  /** A guest that takes no notice releases nothing: waiting for it would be all that is killed. */
  private static final Duration PATIENCE = Duration.ofMillis(100);

  private static final long VOLUME_BYTES = 8 << 20;

  /** The hosts by their names. */
  final Map<String, Host> hosts = new TreeMap<>();

  private final Path directory;
  private final String netns;

  private Lanes(Path directory, String netns) {
    this.directory = directory;
    this.netns = netns;
  }

  static Lanes make(Path directory, int count) throws Exception {
    String netns = "n0kvm-" + UUID.randomUUID().toString().substring(0, 8);
    Lanes lanes = new Lanes(directory, netns);
    Files.writeString(directory.resolve("netns"), netns);
    for (String name : List.of("left", "right")) {
      lanes.hosts.put(name, new Host(Files.createDirectory(directory.resolve(name))));
    }
    Path empty = directory.resolve("empty.qcow2");
    Host.run(
        "qemu-img", "create", "-q", "-f", "qcow2", empty.toString(), String.valueOf(VOLUME_BYTES));
    StringBuilder taps = new StringBuilder();
    for (int lane = 0; lane < count; lane++) {
      for (String volume : PARTS.subList(0, PARTS.size() - 1)) {
        Files.copy(empty, lanes.file(lane, volume));
      }
      for (String host : lanes.hosts.keySet()) {
        taps.append("tuntap add dev ").append(host).append(lane).append(" mode tap\n");
      }
    }
    Path batch = Files.writeString(directory.resolve("taps"), taps);
    Host.run("ip", "netns", "add", netns);
    Host.run("ip", "-n", netns, "-batch", batch.toString());
    return lanes;
  }

  /** Uses what another process has made. */
  static Lanes existing(Path directory) throws IOException {
    Lanes lanes = new Lanes(directory, Files.readString(directory.resolve("netns")));
    for (String name : List.of("left", "right")) {
      lanes.hosts.put(name, Host.existing(directory.resolve(name)));
    }
    return lanes;
  }

  void remove() throws Exception {
    hosts.values().forEach(Host::cleanUp);
    Host.run("ip", "netns", "del", netns);
  }

  /** Finds what belongs to a host. */
  static <T> T on(String host, Map<String, T> byHost) {
    return Objects.requireNonNull(byHost.get(host), host);
  }

  static String other(String host) {
    return host.equals("left") ? "right" : "left";
  }

  QemuMachineDriver open(String host) {
    KvmConfig config = KvmConfig.of(on(host, hosts).root)
        .withAccelerator(Accelerator.TCG)
        .withPatience(Patience.usual().withUnplug(PATIENCE))
        .withLaunch(LaunchConfig.standard().withNetworkNamespace(Path.of("/run/netns", netns)));
    return new QemuMachineDriver(config);
  }

  /** The same in each process. */
  ResourceId id(int lane) {
    String name = "web" + lane;
    return new ResourceId(
        "machine",
        name,
        UUID.nameUUIDFromBytes((netns + name).getBytes(StandardCharsets.US_ASCII)));
  }

  Path file(int lane, String volume) {
    return directory.resolve(lane + "-" + volume + ".qcow2");
  }

  StandaloneContext cx(String host, int lane) {
    StandaloneContext cx = new StandaloneContext();
    for (String volume : PARTS.subList(0, PARTS.size() - 1)) {
      cx.with(
          "volume",
          volume,
          new VolumeStatus(
              file(lane, volume), ImageFormat.QCOW2, VOLUME_BYTES, 0, Optional.empty()));
    }
    MacAddress mac = MacAddress.parse("52:54:00:12:34:1" + lane);
    return cx.with("port", "eth0", new PortStatus(host + lane, 1, "br0", mac, 1400, 0));
  }

  /** Says whether a name is that of a part which is not plugged into PCI or SCSI. */
  static boolean isMore(String name) {
    return MORE.contains(name);
  }

  static int grown(Set<String> names) {
    return (int) names.stream().filter(Lanes::isMore).count();
  }

  /** On pc all PCI devices are seen by QEMU without a firmware that numbers buses. */
  MachineSpec spec(Set<String> names) {
    int times = grown(names);
    MachineSpec.Builder spec = on("left", hosts).nano(Chipset.PC).build().toBuilder(
            1 + times, MEMORY_BYTES + times * DIMM_BYTES)
        .hardware(Hardware.standard()
            .withCpu(
                new Hardware.Cpu(Optional.empty(), Optional.empty(), Optional.of(1 + MORE.size())))
            .withMemory(new Hardware.Memory(
                Optional.of(MEMORY_BYTES + MORE.size() * DIMM_BYTES), Optional.empty())));
    for (String name : names) {
      if (isMore(name)) {
        continue;
      }
      if (name.startsWith("eth")) {
        spec.nic(name);
      } else if (name.compareTo("d") < 0) {
        spec.disk(name, DiskModel.VIRTIO_SCSI);
      } else {
        spec.disk(name);
      }
    }
    return spec.build();
  }
}
