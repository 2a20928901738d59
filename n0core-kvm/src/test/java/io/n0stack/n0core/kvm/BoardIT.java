package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Display;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BoardIT {
  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final long MIB = 1 << 20;

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;
  private QemuMachineDriver driver;

  @BeforeEach
  void prepare() throws IOException {
    host = new Host(directory);
    driver = host.open();
  }

  @AfterEach
  void nothingIsLeft() {
    driver.delete(context(), id);
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void everyBoardRunsItsGuestAndHasWhatEveryMachineHas(Chipset chipset) {
    driver.apply(context(), id, host.nano(chipset).build());

    await().until(() -> Host.said(present(driver, id), "N0: READY"));
    assertThat(devices()).contains("rng0", "balloon0", "channels0", "agent0", "panic0");
    assertThat(run().resolve("ga")).exists();
    try (QmpClient qmp = monitor()) {
      QmpResult ports = qmp.execute("query-chardev", LIMIT);
      assertThat(ports.list("").stream().map(port -> port.text("/label")))
          .contains("agent", "serial0", "qmp", "qmp-rescue");
    }
  }

  @Test
  void aMonitorWhosePathIsRemovedIsReachedByItsSecondName() throws IOException {
    driver.apply(context(), id, host.nano(Chipset.PC).build());
    Path run = run();
    for (String socket : List.of("qmp", "rescue")) {
      Files.delete(run.resolve(socket));
    }

    for (String link : List.of("link1", "link2")) {
      try (QmpClient qmp = QmpClient.connect(run.resolve(link), LIMIT)) {
        assertThat(qmp.execute("query-status", LIMIT).flag("/running")).isTrue();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"PC", "Q35"})
  void aScreenIsShownOnASocketForTheAgentAlone(Chipset chipset) throws IOException {
    driver.apply(context(), id, host.nano(chipset).display(Display.VNC).build());

    Path socket = run().resolve("vnc");
    assertThat(Files.getPosixFilePermissions(socket))
        .doesNotContain(
            PosixFilePermission.GROUP_WRITE,
            PosixFilePermission.OTHERS_WRITE,
            PosixFilePermission.OTHERS_READ);
    assertThat(Files.getPosixFilePermissions(run()))
        .containsOnly(
            PosixFilePermission.OWNER_READ,
            PosixFilePermission.OWNER_WRITE,
            PosixFilePermission.OWNER_EXECUTE);
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.connect(UnixDomainSocketAddress.of(socket));
      ByteBuffer hello = ByteBuffer.allocate(12);
      while (hello.hasRemaining() && channel.read(hello) >= 0) {
        assertThat(hello.position()).isPositive();
      }
      assertThat(new String(hello.array(), StandardCharsets.US_ASCII)).startsWith("RFB 003");
    }
    try (QmpClient qmp = monitor()) {
      assertThat(qmp.execute("query-vnc-servers", LIMIT).list("").stream()
              .flatMap(server -> server.list("/server").stream())
              .map(address -> address.text("/family")))
          .containsExactly("unix");
    }
    assertThat(listening()).as("ports of TCP").isEmpty();
  }

  private String listening() throws IOException {
    Path net = Path.of("/proc", String.valueOf(pid(driver, id)), "fd");
    try (var all = Files.list(net)) {
      Set<String> sockets = all.map(BoardIT::target)
          .filter(text -> text.startsWith("socket:["))
          .map(text -> text.substring(8, text.length() - 1))
          .collect(Collectors.toSet());
      return Files.readAllLines(Path.of("/proc/net/tcp")).stream()
          .filter(line -> sockets.contains(line.strip().split("\\s+", -1)[9]))
          .collect(Collectors.joining());
    }
  }

  private static String target(Path link) {
    try {
      return Files.readSymbolicLink(link).toString();
    } catch (IOException e) {
      return "";
    }
  }

  @Test
  void processorsMemoryAndWatchdogAreAsTheSpecSays() {
    Hardware hardware = Hardware.standard()
        .withCpu(new Hardware.Cpu(
            Optional.of("qemu64"), Optional.of(new Hardware.Topology(2, 2, 1)), Optional.of(4)))
        .withMemory(new Hardware.Memory(Optional.of(512 * MIB), Optional.empty()))
        .withWatchdog(Hardware.Watchdog.PAUSE)
        .withRawArguments(List.of("-device", "{\"driver\":\"virtio-rng-pci\",\"id\":\"raw0\"}"));
    MachineSpec spec = MachineSpec.builder(2, 64 * MIB)
        .firmware(new Firmware.Rom(host.rom))
        .accelerator(io.n0stack.n0core.api.compute.Accelerator.TCG)
        .hardware(hardware)
        .build();

    driver.apply(context(), id, spec);

    assertThat(devices()).contains("watchdog0", "raw0");
    try (QmpClient qmp = monitor()) {
      List<QmpResult> cpus = qmp.execute("query-hotpluggable-cpus", LIMIT).list("");
      assertThat(cpus).hasSize(4).allMatch(cpu -> cpu.text("/type").startsWith("qemu64-"));
      assertThat(cpus.stream().filter(cpu -> cpu.find("/qom-path").isPresent())).hasSize(2);
      assertThat(cpus.stream().mapToLong(cpu -> cpu.number("/props/socket-id")).max())
          .hasValue(1);
      QmpResult dimm = qmp.execute(
          "object-add",
          Map.of("qom-type", "memory-backend-ram", "id", "more", "size", 128 * MIB),
          LIMIT);
      assertThat(dimm).isNotNull();
      assertThat(qmp.execute(
              "device_add", Map.of("driver", "pc-dimm", "id", "dimm0", "memdev", "more"), LIMIT))
          .isNotNull();
    }
  }

  @Test
  void uefiStartsAndKeepsItsVariablesWithTheMachine() throws IOException {
    MachineSpec spec = MachineSpec.builder(1, 128 * MIB)
        .accelerator(io.n0stack.n0core.api.compute.Accelerator.TCG)
        .firmware(new Firmware.Uefi(Firmware.Uefi.SecureBoot.ON))
        .build();

    driver.apply(context(), id, spec);

    Path variables = host.root.resolve(id.uid().toString()).resolve("uefi-variables.fd");
    byte[] template = Files.readAllBytes(Path.of("/usr/share/OVMF/OVMF_VARS_4M.ms.fd"));
    await().atMost(Duration.ofMinutes(2)).until(() -> Host.said(present(driver, id), "BdsDxe"));
    assertThat(variables).hasSize(template.length);
    byte[] written = Files.readAllBytes(variables);
    assertThat(written).as("the guest has set variables").isNotEqualTo(template);

    driver.power(context(), id, io.n0stack.n0core.api.compute.PowerAction.HARD_SHUTDOWN);
    byte[] kept = Files.readAllBytes(variables);
    driver.power(context(), id, io.n0stack.n0core.api.compute.PowerAction.BOOT);
    assertThat(Files.readAllBytes(variables)).isEqualTo(kept).isNotEqualTo(template);
  }

  private List<String> devices() {
    try (QmpClient qmp = monitor()) {
      return qmp.execute("qom-list", Map.of("path", "/machine/peripheral"), LIMIT).list("").stream()
          .map(item -> item.text("/name"))
          .toList();
    }
  }

  private QmpClient monitor() {
    return QmpClient.connect(run().resolve("qmp"), LIMIT);
  }

  private Path run() {
    return present(driver, id).serialLog().resolveSibling("");
  }
}
