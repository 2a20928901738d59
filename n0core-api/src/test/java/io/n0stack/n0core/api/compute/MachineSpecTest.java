package io.n0stack.n0core.api.compute;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.Refusal;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.CloudInit;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.Display;
import io.n0stack.n0core.api.compute.MachineSpec.Limits;
import io.n0stack.n0core.api.compute.MachineSpec.Nic;
import io.n0stack.n0core.api.driver.Reference;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MachineSpecTest {
  private static final long MIB = 1 << 20;

  @ParameterizedTest
  @ValueSource(ints = {0, -1, 1025})
  void vcpusAreOneToOneThousandTwentyFour(int vcpus) {
    Refusal.invalid("vcpus", vcpus, "1 to 1024", () -> spec(vcpus, MIB));
  }

  @Test
  void memoryIsAMultipleOfAMebibyte() {
    assertThat(spec(1, MIB).memoryBytes()).isEqualTo(MIB);
    assertThat(spec(1, MIB << 24).memoryBytes()).isEqualTo(16L << 40);
    Refusal.invalid("memoryBytes", MIB - 1, "1048576 to", () -> spec(1, MIB - 1));
    Refusal.invalid("memoryBytes", MIB + 1, "multiple of 1048576", () -> spec(1, MIB + 1));
    Refusal.invalid(
        "memoryBytes", (MIB << 24) + MIB, "1048576 to", () -> spec(1, (MIB << 24) + MIB));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "../x", "a/b", "a,b", "A", "a\n", "if=none"})
  void namesAreLabels(String name) {
    String rule = "1 to 63 characters";
    Refusal.invalid(
        "disk.volume", name, rule, () -> new Disk(name, Optional.empty(), Optional.empty()));
    Refusal.invalid("nic.port", name, rule, () -> new Nic(name));
    Refusal.invalid("cloudInit.hostname", name, rule, () -> new CloudInit(name, "u", List.of()));
    Refusal.invalid("cloudInit.user", name, rule, () -> new CloudInit("h", name, List.of()));
  }

  @Test
  void volumesPortsAndBootOrdersAreNamedOnce() {
    Refusal.invalid(
        "disks",
        List.of("root", "root"),
        "each once",
        () -> builder().disk("root").bootDisk("root").build());
    Refusal.invalid(
        "nics",
        List.of("lan", "lan"),
        "each once",
        () -> builder().nic("lan").nic("lan").build());
    Refusal.invalid(
        "disks.bootOrder",
        List.of(3, 3),
        "each once",
        () -> new MachineSpec(
            1,
            MIB,
            List.of(
                new Disk("a", Optional.of(3), Optional.empty()),
                new Disk("b", Optional.of(3), Optional.empty())),
            List.of(),
            new Firmware.Bios(),
            Chipset.Q35,
            Accelerator.AUTO,
            Display.NONE,
            PowerPolicy.MANUAL,
            Optional.empty(),
            Optional.empty(),
            Optional.empty()));
    Refusal.invalid(
        "disk.bootOrder", 256, "0 to 255", () -> new Disk("a", Optional.of(256), Optional.empty()));
  }

  @Test
  void bootDisksBootInTheOrderOfAddition() {
    MachineSpec spec =
        builder().bootDisk("root").disk("data").bootDisk("rescue").build();

    assertThat(spec.disks())
        .containsExactly(
            new Disk("root", Optional.of(0), Optional.empty()),
            new Disk("data", Optional.empty(), Optional.empty()),
            new Disk("rescue", Optional.of(1), Optional.empty()));
  }

  @Test
  void dependsOnItsVolumesAndPorts() {
    assertThat(builder().bootDisk("root").nic("lan").build().dependencies())
        .containsExactlyInAnyOrder(new Reference("volume", "root"), new Reference("port", "lan"));
  }

  @Test
  void limitsAreChecked() {
    Refusal.invalid("limits.cpuMilliCores", 9, "10 to", () -> limits(9, null, null));
    Refusal.invalid("limits.maxTasks", 15, "16 to", () -> limits(null, null, 15));
    Refusal.invalid("limits.memoryBytes", 1L, "1048576 to", () -> limits(null, 1L, null));
    Refusal.invalid(
        "limits.memoryBytes",
        MIB,
        "more than memoryBytes",
        () -> builder().limits(limits(null, MIB, null)).build());
    assertThat(builder().limits(limits(10, MIB + 1, 16)).build().limits()).isPresent();
  }

  @Test
  void keysHaveNoControlCharacters() {
    String key = "ssh-ed25519 AAAA\nruncmd: [reboot]";
    Refusal.invalid(
        "cloudInit.authorizedKeys",
        key,
        "without control characters",
        () -> new CloudInit("web1", "admin", List.of(key)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "vmlinuz", "../vmlinuz", "/boot/../vmlinuz", "/boot/vm\nlinuz"})
  void firmwareFilesAreAbsolute(String path) {
    Path file = Path.of(path);
    Path good = Path.of("/boot/vmlinuz");
    String rule = "must be absolute";
    Refusal.invalid("firmware.image", path, rule, () -> new Firmware.Rom(file));
    Refusal.invalid(
        "firmware.image", path, rule, () -> new Firmware.Kernel(file, Optional.empty(), ""));
    Refusal.invalid(
        "firmware.initrd", path, rule, () -> new Firmware.Kernel(good, Optional.of(file), ""));
  }

  @Test
  void commandLineEndsWhereTheKernelCutsIt() {
    Path kernel = Path.of("/boot/vmlinuz");
    String longest = "x".repeat(2047);

    assertThat(new Firmware.Kernel(kernel, Optional.empty(), longest).commandLine())
        .isEqualTo(longest);
    Refusal.invalid(
        "firmware.commandLine",
        longest + "x",
        "1 to 2047",
        () -> new Firmware.Kernel(kernel, Optional.empty(), longest + "x"));
    Refusal.invalid(
        "firmware.commandLine",
        "quiet\nx",
        "control",
        () -> new Firmware.Kernel(kernel, Optional.empty(), "quiet\nx"));
  }

  @Test
  void builderSetsEveryPart() {
    CloudInit seed = new CloudInit("web1", "admin", List.of("ssh-ed25519 AAAA me"));
    Firmware uefi = new Firmware.Uefi(Firmware.Uefi.SecureBoot.ON);

    MachineSpec spec = builder()
        .firmware(uefi)
        .chipset(Chipset.PC)
        .accelerator(Accelerator.TCG)
        .display(Display.VNC)
        .powerPolicy(PowerPolicy.ALWAYS_ON)
        .cloudInit(seed)
        .build();

    assertThat(spec.firmware()).isEqualTo(uefi);
    assertThat(spec.chipset()).isEqualTo(Chipset.PC);
    assertThat(spec.accelerator()).isEqualTo(Accelerator.TCG);
    assertThat(spec.display()).isEqualTo(Display.VNC);
    assertThat(spec.powerPolicy()).isEqualTo(PowerPolicy.ALWAYS_ON);
    assertThat(spec.cloudInit()).contains(seed);
    assertThat(spec).isNotEqualTo(builder().build());
  }

  private static Limits limits(
      @org.jspecify.annotations.Nullable Integer cpu,
      @org.jspecify.annotations.Nullable Long memory,
      @org.jspecify.annotations.Nullable Integer tasks) {
    return new Limits(
        Optional.ofNullable(cpu),
        Optional.ofNullable(memory),
        Optional.ofNullable(tasks),
        Optional.empty());
  }

  private static MachineSpec.Builder builder() {
    return MachineSpec.builder(1, MIB);
  }

  private static MachineSpec spec(int vcpus, long memoryBytes) {
    return MachineSpec.builder(vcpus, memoryBytes).build();
  }
}
