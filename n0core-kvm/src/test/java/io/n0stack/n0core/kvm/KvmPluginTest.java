package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Limits;
import io.n0stack.n0core.api.driver.DriverPlugin;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
    refused("chipset", spec().chipset(Chipset.MICROVM));
    refused("vcpus", MachineSpec.builder(256, 16 << 20));
    refused("firmware", spec().firmware(new Firmware.Uefi(Firmware.Uefi.SecureBoot.OFF)));
    refused(
        "limits",
        spec()
            .limits(new Limits(
                Optional.of(100), Optional.empty(), Optional.empty(), Optional.empty())));
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
    Path root = directory.resolve("m");
    try (QemuMachineDriver driver = new QemuMachineDriver(KvmConfig.of(root))) {
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
