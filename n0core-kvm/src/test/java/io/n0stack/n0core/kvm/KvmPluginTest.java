package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Share;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Display;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.PluginConfig;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KvmPluginTest {
  @TempDir
  Path directory;

  @Test
  void thePluginIsFoundAndItsDriverIsForMachines() {
    assertThat(DriverPlugin.drivers(
            Map.of("kvm.directory", directory.toString(), "kvm.accelerator", "tcg")))
        .singleElement()
        .satisfies(driver -> assertThat(driver.describe().kind()).isEqualTo("machine"));
  }

  @Test
  void aDirectoryTooLongForSocketsIsRefusedByTheNameOfItsKey() {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> DriverPlugin.drivers(Map.of("kvm.directory", "/" + "x".repeat(46))))
        .withMessageContaining("kvm.directory")
        .withMessageContaining("at most 45 bytes");
  }

  @Test
  void whatIsNotSupportedIsRefusedByFieldBeforeAnySideEffect() {
    refused("vcpus", MachineSpec.builder(256, 16 << 20));
    refused("display", spec().chipset(Chipset.MICROVM).display(Display.VNC));
    refused(
        "firmware",
        spec().chipset(Chipset.PC).firmware(new Firmware.Uefi(Firmware.Uefi.SecureBoot.ON)));
    refused("hardware.tpm", spec().chipset(Chipset.MICROVM).hardware(tpm()));
    refused(
        "hardware.cpu.mostVcpus",
        spec()
            .chipset(Chipset.MICROVM)
            .hardware(Hardware.standard()
                .withCpu(new Hardware.Cpu(Optional.empty(), Optional.empty(), Optional.of(2)))));
    refused(
        "hardware.memory.hugePageBytes",
        spec()
            .hardware(Hardware.standard()
                .withMemory(new Hardware.Memory(Optional.empty(), Optional.of(1L << 34)))));
  }

  @Test
  void whatThisHostHasNoProgramForIsRefusedByFieldBeforeAnySideEffect() {
    LaunchConfig bare = LaunchConfig.standard();
    Path nowhere = directory.resolve("nowhere");
    LaunchConfig without = new LaunchConfig(
        bare.runAs(),
        bare.cgroupParent(),
        bare.scope(),
        nowhere,
        nowhere.toString(),
        nowhere.toString(),
        bare.networkNamespace(),
        bare.serialLogBytes(),
        bare.qemuLogBytes());
    KvmConfig config = KvmConfig.of(directory.resolve("m")).withLaunch(without);

    refused(config, "kvm.ovmf", spec().firmware(new Firmware.Uefi(Firmware.Uefi.SecureBoot.OFF)));
    refused(config, "kvm.swtpm", spec().hardware(tpm()));
    if (Files.notExists(Path.of("/run/systemd/system"))) {
      refused(
          config.withLaunch(without.withScope(LaunchConfig.Scope.SYSTEMD)),
          "kvm.systemd-scope",
          spec());
    }
    if (Files.notExists(Path.of("/dev/vhost-vsock"))) {
      refused(config, "hardware.vsockCid", spec().hardware(Hardware.standard().withVsockCid(3)));
    }
    refused(
        config,
        "kvm.virtiofsd",
        spec()
            .hardware(Hardware.standard()
                .withShares(List.of(new Share("data", directory, Share.Access.READ_ONLY)))));
  }

  private static Hardware tpm() {
    return Hardware.standard().withTpm(Hardware.Tpm.VERSION_2_0);
  }

  @Test
  void usersAreReadFromTheConfiguration() {
    assertThat(read(Map.of("user", "64055:64056")).runAs())
        .contains(LaunchConfig.RunAs.user(64055, 64056));
    assertThat(read(Map.of("uid-range", "200000-265535")).runAs())
        .contains(LaunchConfig.RunAs.range(200_000, 265_535));
    assertThat(read(Map.of()).runAs()).isEmpty();
    for (Map<String, String> wrong : List.of(
        Map.of("user", "nobody"),
        Map.of("user", "0:0"),
        Map.of("uid-range", "9-8"),
        Map.of("user", "1:1", "uid-range", "1-2"))) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> read(wrong))
          .withMessageContaining("kvm.u")
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
    }
  }

  private static LaunchConfig read(Map<String, String> values) {
    return LaunchConfig.read(PluginConfig.of("kvm", values));
  }

  @Test
  void patienceIsReadFromTheConfigurationInSeconds() {
    Map<String, String> values = Map.of(
        "unplug-timeout", "60",
        "button-period", "2",
        "guest-agent-timeout", "3",
        "freeze-timeout", "86400");

    assertThat(KvmConfig.read(PluginConfig.of("kvm", values)).patience())
        .isEqualTo(new Patience(
            Duration.ofSeconds(60),
            Duration.ofSeconds(2),
            Duration.ofSeconds(3),
            Duration.ofDays(1)));
    assertThat(KvmConfig.read(PluginConfig.of("kvm", Map.of())).patience())
        .isEqualTo(Patience.usual());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"unplug-timeout", "button-period", "guest-agent-timeout", "freeze-timeout"})
  void patienceThatIsNoneIsRefusedByTheNameOfItsKey(String key) {
    Path root = directory.resolve("m");
    for (String wrong : List.of("0", "-1", "86401", "1s", "")) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() ->
              DriverPlugin.drivers(Map.of("kvm.directory", root.toString(), "kvm." + key, wrong)))
          .withMessageContaining("kvm." + key)
          .withMessageContaining(wrong)
          .withMessageContaining("must be")
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
    }
    assertThat(root).doesNotExist();
  }

  @Test
  void timesOutOfTheirRangeAreRefusedByTheNameOfTheirKey() {
    Patience usual = Patience.usual();
    Map<String, ThrowingCallable> wrong = Map.of(
        "kvm.unplug-timeout", () -> usual.withUnplug(Duration.ZERO),
        "kvm.button-period", () -> usual.withButtonPeriod(Duration.ofNanos(999_999)),
        "kvm.guest-agent-timeout", () -> usual.withGuestAgent(Duration.ofSeconds(-1)),
        "kvm.freeze-timeout", () -> usual.withFreeze(Duration.ofDays(1).plusNanos(1)),
        "kvm.launch-timeout", () -> KvmConfig.of(directory).withLaunchTimeout(Duration.ZERO));

    wrong.forEach((key, call) -> assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(call)
        .withMessageContaining(key)
        .withMessageContaining("must be 1 ms to 1 day")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID)));
  }

  @Test
  void aMissingVolumeIsAPreconditionBeforeAnyLaunch() {
    ResourceId id = ResourceId.fresh("machine", "web1");
    try (QemuMachineDriver driver = new QemuMachineDriver(KvmConfig.of(directory.resolve("m")))) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() ->
              driver.apply(new StandaloneContext(), id, spec().bootDisk("root").build()))
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
    }
  }

  @Test
  void withoutQemuTheDriverIsUnhealthyAndSaysWhatToDo() {
    KvmConfig config = KvmConfig.of(directory)
        .withQemu("/nonexistent/qemu")
        .withAccelerator(io.n0stack.n0core.api.compute.Accelerator.TCG);
    try (QemuMachineDriver driver = new QemuMachineDriver(config)) {
      Fingerprint seen = driver.probe();

      assertThat(seen.health()).isEqualTo(Fingerprint.Health.UNHEALTHY);
      assertThat(seen.message()).contains("kvm.qemu");
    }
  }

  private static MachineSpec.Builder spec() {
    return MachineSpec.builder(1, 16 << 20);
  }

  private void refused(String field, MachineSpec.Builder spec) {
    refused(KvmConfig.of(directory.resolve("m")), field, spec);
  }

  private static void refused(KvmConfig config, String field, MachineSpec.Builder spec) {
    Path root = config.directory();
    try (QemuMachineDriver driver = new QemuMachineDriver(config)) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> driver.apply(
              new StandaloneContext(), ResourceId.fresh("machine", "web1"), spec.build()))
          .withMessageContaining(field)
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED));
    }
    assertThat(Files.exists(root)).isFalse();
  }

  @Test
  void whatIsNoMachineIsRefusedBeforeAnySideEffect() {
    Path root = directory.resolve("m");
    ResourceId id = ResourceId.fresh("volume", "web1");
    try (QemuMachineDriver driver = new QemuMachineDriver(KvmConfig.of(root))) {
      for (ThrowingCallable call : new ThrowingCallable[] {
        () -> driver.apply(new StandaloneContext(), id, spec().build()),
        () -> driver.delete(new StandaloneContext(), id)
      }) {
        assertThatExceptionOfType(N0Exception.class)
            .isThrownBy(call)
            .withMessageContaining("kind")
            .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
      }
    }
    assertThat(root).doesNotExist();
  }

  @Test
  void aDirectoryThatLeadsNowhereIsUnknownAndNeverEmpty() throws IOException {
    Path root = Files.createSymbolicLink(directory.resolve("m"), directory.resolve("not-mounted"));
    ResourceId id = ResourceId.fresh("machine", "web1");
    try (QemuMachineDriver driver = new QemuMachineDriver(KvmConfig.of(root))) {
      assertThat(driver.observe(id)).isInstanceOf(Observed.Unknown.class);
      for (ThrowingCallable call : new ThrowingCallable[] {
        driver::list,
        () -> driver.apply(new StandaloneContext(), id, spec().build()),
        () -> driver.delete(new StandaloneContext(), id)
      }) {
        assertThatExceptionOfType(N0Exception.class)
            .isThrownBy(call)
            .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
      }
      Files.delete(root);
      assertThat(driver.observe(id)).isInstanceOf(Observed.Absent.class);
      assertThat(driver.list()).isEmpty();
    }
  }
}
