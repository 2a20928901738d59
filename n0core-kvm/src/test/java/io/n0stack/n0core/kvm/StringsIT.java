package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.present;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSnapshot;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MigrationAddress;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationTls;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.Encryption;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever stands in a spec or in the configuration reaches a real QEMU as it is, or is refused. */
class StringsIT {
  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final int ROUNDS =
      Integer.parseInt(System.getenv().getOrDefault("N0CORE_REPEAT", "6")) > 100 ? 100 : 6;
  private static final String CONTROLS = "\n\r\t\u0000\u0001\u001b\u007f\u0085\u2028";

  @TempDir
  Path directory;

  @Test
  void everyStringReachesQemuAsItIs() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < ROUNDS; round++) {
      String at = "seed " + seed + ", round " + round;
      Path place = Files.createDirectory(directory.resolve(round + Awkward.few(random)));
      Host host = Host.existing(place);
      Path kernel = kernel(place.resolve("ké" + Awkward.text(random, 6)));
      Path initrd = Files.write(place.resolve("i" + Awkward.text(random, 6)), new byte[] {1});
      String line = "日" + Awkward.text(random, 20);
      String identity = "id=" + line.replace(",", ",,");
      MachineSpec spec = MachineSpec.builder(1, 64 << 20)
          .chipset(random.nextBoolean() ? Chipset.PC : Chipset.Q35)
          .accelerator(Accelerator.TCG)
          .firmware(new Firmware.Kernel(kernel, Optional.of(initrd), line))
          .hardware(
              Hardware.standard().withRawArguments(List.of("-smbios", "type=1,serial=" + identity)))
          .build();
      ResourceId id = ResourceId.fresh("machine", "web" + round);
      try (QemuMachineDriver driver = host.open()) {
        driver.apply(context(), id, spec);

        Path socket = present(driver, id).serialLog().resolveSibling("qmp");
        try (QmpClient qmp = QmpClient.connect(socket, LIMIT)) {
          assertThat(machine(qmp, "kernel")).as(at).isEqualTo(kernel.toString());
          assertThat(machine(qmp, "initrd")).as(at).isEqualTo(initrd.toString());
          assertThat(machine(qmp, "append")).as(at).isEqualTo(line);
          assertThat(qmp.execute("query-name", LIMIT).text("/name")).as(at).isEqualTo(id.name());
          String sockets = qmp.execute("query-chardev", LIMIT).list("").stream()
              .map(port -> port.text("/filename"))
              .toList()
              .toString();
          assertThat(sockets).as(at).contains("unix:" + socket + ",server");
        }
        assertThat(present(driver, id).serialLog()).as(at).exists();
        driver.delete(context(), id);
      } finally {
        host.cleanUp();
      }
      assertThat(host.residue()).as(at).isEmpty();
    }
  }

  private static String machine(QmpClient qmp, String property) {
    return qmp.execute("qom-get", Map.of("path", "/machine", "property", property), LIMIT)
        .text("");
  }

  /** As much of a kernel as QEMU looks at: see Documentation/arch/x86/boot.rst of Linux. */
  private static Path kernel(Path file) throws IOException {
    ByteBuffer image = ByteBuffer.allocate(64 << 10).order(ByteOrder.LITTLE_ENDIAN);
    image.put(0x1f1, (byte) 1); // setup_sects
    image.putShort(0x1fe, (short) 0xaa55); // boot_flag
    image.put(0x202, "HdrS".getBytes(StandardCharsets.US_ASCII));
    image.putShort(0x206, (short) 0x20c); // version
    image.put(0x211, (byte) 1); // loadflags: LOADED_HIGH
    image.putInt(0x22c, 0x7fff_ffff); // initrd_addr_max
    image.putInt(0x238, 4096); // cmdline_size
    return Files.write(file, image.array());
  }

  @Test
  void aControlCharacterIsRefusedInEveryString() {
    MachineSpec.Builder spec = MachineSpec.builder(1, 1 << 20);
    Path image = Path.of("/boot/vmlinuz");
    for (int c = 0; c < CONTROLS.length(); c++) {
      char control = CONTROLS.charAt(c);
      List<Consumer<String>> fields = List.of(
          text -> ResourceId.fresh("machine", text),
          text -> spec.disk(text),
          text -> spec.nic(text),
          text -> new Firmware.Kernel(image, Optional.empty(), text),
          text -> new Firmware.Kernel(Path.of("/" + text), Optional.empty(), ""),
          text -> new Firmware.Kernel(image, Optional.of(Path.of("/" + text)), ""),
          text -> new Firmware.Rom(Path.of("/" + text)),
          text -> new Hardware.Cpu(Optional.of(text), Optional.empty(), Optional.empty()),
          text -> new Hardware.Share("data", Path.of("/" + text), Hardware.Share.Access.READ_ONLY),
          text -> new Hardware.Share(text, image, Hardware.Share.Access.READ_ONLY),
          text -> Hardware.standard().withRawArguments(List.of(text)),
          text -> new MachineSpec.CloudInit(text, "alice", List.of()),
          text -> new MachineSpec.CloudInit("web1", text, List.of()),
          text -> new MachineSpec.CloudInit("web1", "alice", List.of(text)),
          text -> KvmConfig.of(Path.of("/" + text)),
          text -> KvmConfig.of(Path.of("/é")),
          text -> KvmConfig.of(image).withQemu(text),
          text -> LaunchConfig.standard().withCgroupParent(Path.of("/" + text)),
          text -> LaunchConfig.standard().withNetworkNamespace(Path.of("/" + text)),
          text -> programs(Path.of("/" + text), "swtpm", "virtiofsd"),
          text -> programs(image, text, "virtiofsd"),
          text -> programs(image, "swtpm", text),
          text -> Hardware.Cdrom.empty(text),
          text -> Hardware.Cdrom.of("a", text),
          text -> MigrationTls.of(Path.of("/" + text)),
          text -> MigrationTls.of(image).withPeer(text),
          text -> MigrationReception.tcp(text),
          text -> new MigrationAddress.Tcp(text, 1),
          text -> new MigrationAddress.Unix(Path.of("/" + text)),
          text -> new Encryption(Path.of("/" + text)),
          text -> MachineSnapshot.requireName(text));
      for (int i = 0; i < fields.size(); i++) {
        Consumer<String> field = fields.get(i);
        // A path cannot even be made of a zero.
        assertThatExceptionOfType(control == 0 ? RuntimeException.class : N0Exception.class)
            .as("field %s, character %x", i, (int) control)
            .isThrownBy(() -> field.accept("a" + control + "b"));
      }
    }
  }

  private static LaunchConfig programs(Path ovmf, String swtpm, String virtiofsd) {
    LaunchConfig usual = LaunchConfig.standard();
    return new LaunchConfig(
        usual.runAs(),
        usual.cgroupParent(),
        usual.scope(),
        ovmf,
        swtpm,
        virtiofsd,
        usual.networkNamespace(),
        usual.serialLogBytes(),
        usual.qemuLogBytes());
  }

  @Test
  void aNameWithASyntaxOfItsOwnIsRefusedWithFieldValueAndRule() {
    Map<String, Consumer<String>> fields = Map.of(
        "hardware.cpu.model",
        text -> new Hardware.Cpu(Optional.of(text), Optional.empty(), Optional.empty()),
        "hardware.shares.tag",
        text -> new Hardware.Share(text, Path.of("/srv"), Hardware.Share.Access.READ_ONLY),
        "hardware.cdroms.name",
        Hardware.Cdrom::empty,
        "hardware.cdroms.volume",
        text -> Hardware.Cdrom.of("a", text),
        "reception.host",
        MigrationReception::tcp,
        "address.host",
        text -> new MigrationAddress.Tcp(text, 1),
        "snapshot",
        MachineSnapshot::requireName,
        "name",
        text -> ResourceId.fresh("machine", text));
    for (String wrong : List.of("max,+vmx", "a\"b", "a'b", "a b", "a=b", "a\nb", "")) {
      fields.forEach((name, field) -> assertThatExceptionOfType(N0Exception.class)
          .as("%s %s", name, wrong)
          .isThrownBy(() -> field.accept(wrong))
          .withMessageContaining(name)
          .withMessageContaining(Rules.quote(wrong))
          .withMessageContaining("must be ")
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID)));
    }
  }
}
