package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Volumes and taps for machines, the taps in a network namespace, and what QEMU says it has of them. */
final class Board {
  static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Pattern NETDEV = Pattern.compile("(?m)^\\s*(?:\\\\ )?(net-[-a-z0-9]+): ");

  final Host host;
  final Path directory;
  private final String netns;

  private Board(Path directory, Host host, String netns) {
    this.directory = directory;
    this.host = host;
    this.netns = netns;
  }

  static Board make(Path directory, ResourceId id, int taps) throws Exception {
    Board board = new Board(directory, new Host(directory), name(id));
    Host.run("ip", "netns", "add", board.netns);
    for (int i = 0; i < taps; i++) {
      Host.run("ip", "-n", board.netns, "tuntap", "add", "dev", "tap" + i, "mode", "tap");
    }
    return board;
  }

  /** Uses what another process has made. */
  static Board existing(Path directory, ResourceId id) {
    return new Board(directory, Host.existing(directory), name(id));
  }

  private static String name(ResourceId id) {
    return "n0kvm-" + id.uid().toString().substring(0, 8);
  }

  QemuMachineDriver open(Duration unplugPatience) {
    return open(unplugPatience, KvmConfig.of(host.root).commandTimeout());
  }

  QemuMachineDriver open(Duration unplugPatience, Duration commandTimeout) {
    KvmConfig usual = KvmConfig.of(host.root);
    KvmConfig config = new KvmConfig(
        usual.directory(),
        usual.qemu(),
        Accelerator.TCG,
        usual.monitorTimeout(),
        commandTimeout,
        usual.launchTimeout(),
        usual.endTimeout(),
        usual.patience().withUnplug(unplugPatience),
        usual.launch().withNetworkNamespace(Path.of("/run/netns", netns)));
    return new QemuMachineDriver(config);
  }

  void remove() throws Exception {
    host.cleanUp();
    Host.run("ip", "netns", "del", netns);
  }

  Path file(String volume) {
    return directory.resolve(volume + ".qcow2");
  }

  void make(String... volumes) throws Exception {
    for (String volume : volumes) {
      Host.run("qemu-img", "create", "-q", "-f", "qcow2", file(volume).toString(), "8M");
    }
  }

  /** Lends all volumes that were made and, as eth0 and so on, all taps. */
  StandaloneContext cx() throws IOException {
    return lend(new StandaloneContext());
  }

  StandaloneContext lend(StandaloneContext cx) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*.qcow2")) {
      for (Path file : files) {
        String name = String.valueOf(file.getFileName()).replace(".qcow2", "");
        cx.with(
            "volume",
            name,
            new VolumeStatus(file, ImageFormat.QCOW2, 8 << 20, 0, Optional.empty()));
      }
    }
    for (int i = 0; i < 3; i++) {
      cx.with("port", "eth" + i, new PortStatus("tap" + i, i + 1, "br0", mac(i), 1400, 0));
    }
    return cx;
  }

  static MacAddress mac(int tap) {
    return MacAddress.parse("52:54:00:12:34:5" + tap);
  }

  /** All that QEMU has of ours: {@code device ID}, {@code node NAME}, {@code netdev ID}, {@code object ID}. */
  static Set<String> parts(QmpClient qmp) {
    Set<String> parts = new TreeSet<>();
    for (String id : children(qmp, "/machine/peripheral")) {
      if (id.startsWith("disk-") || id.startsWith("nic-")) {
        parts.add("device " + id);
      }
    }
    for (String id : children(qmp, "/objects")) {
      if (id.startsWith("key-")) {
        parts.add("object " + id);
      }
    }
    List<String> nodes = new ArrayList<>();
    for (QmpResult node : qmp.execute("query-named-block-nodes", LIMIT).list("")) {
      if (!node.text("/node-name").startsWith("#")) {
        nodes.add("node " + node.text("/node-name"));
      }
    }
    assertThat(nodes).doesNotHaveDuplicates();
    parts.addAll(nodes);
    Matcher netdev = NETDEV.matcher(
        qmp.execute("human-monitor-command", Map.of("command-line", "info network"), LIMIT)
            .text(""));
    while (netdev.find()) {
      parts.add("netdev " + netdev.group(1));
    }
    return parts;
  }

  static String type(QmpClient qmp, String id) {
    return qmp.execute(
            "qom-get", Map.of("path", "/machine/peripheral/" + id, "property", "type"), LIMIT)
        .text("");
  }

  static Set<String> children(QmpClient qmp, String path) {
    return qmp.execute("qom-list", Map.of("path", path), LIMIT).list("").stream()
        .filter(item -> item.text("/type").startsWith("child<"))
        .map(item -> item.text("/name"))
        .collect(Collectors.toSet());
  }

  /** The parts of disks and NICs as they are to be. */
  static Set<String> expected(Set<String> disks, Set<String> nics) {
    Set<String> parts = new TreeSet<>();
    disks.forEach(name -> parts.addAll(Set.of("device disk-" + name, "node disk-" + name)));
    nics.forEach(name -> parts.addAll(Set.of("device nic-" + name, "netdev net-" + name)));
    return parts;
  }

  /** The PCI addresses of the devices with an id, {@code BUS:SLOT ID}: a device twice would be there twice. */
  static List<String> pci(QmpClient qmp) {
    List<String> all = new ArrayList<>();
    for (QmpResult bus : qmp.execute("query-pci", LIMIT).list("")) {
      collect(bus.list("/devices"), all);
    }
    return all;
  }

  private static void collect(List<QmpResult> devices, List<String> all) {
    for (QmpResult device : devices) {
      String id = device.text("/qdev_id");
      if (id.startsWith("disk-") || id.startsWith("nic-") || id.startsWith("scsi")) {
        all.add(device.number("/bus") + ":" + device.number("/slot") + " " + id);
      }
      device.find("/pci_bridge/devices").ifPresent(below -> collect(below.list(""), all));
    }
  }

  QmpClient qmp(QemuMachineDriver driver, ResourceId id) {
    Path socket = Host.present(driver, id).serialLog().resolveSibling("qmp");
    return QmpClient.connect(socket, LIMIT);
  }

  /** Builds the Linux guest of the examples unless that was done before; returns where it is. */
  static Path linux() throws Exception {
    Path cache = Path.of(System.getProperty("user.home"), ".cache", "n0core", "guest");
    Files.createDirectories(cache);
    Path script = Path.of("..", "examples", "guest", "mkguest").toAbsolutePath();
    Process build = new ProcessBuilder("sh", script.toString(), cache.toString())
        .redirectErrorStream(true)
        .start();
    String said = new String(build.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(build.waitFor(10, TimeUnit.MINUTES)).isTrue();
    assertThat(build.exitValue()).as(said).isZero();
    return cache;
  }
}
