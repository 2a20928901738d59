package io.n0stack.n0core.kvm.internal.commandline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.Firmware.Uefi.SecureBoot;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Memory;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.internal.device.Devices;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class QemuCommandLineTest {
  private static final UUID UID = UUID.fromString("00000000-0000-4000-8000-000000000001");
  private static final ResourceId WEB1 = new ResourceId("machine", "web1", UID);

  @Test
  void pathsWithCommasQuotesAndEqualsStayWhatTheyAre() {
    MachineSpec spec = MachineSpec.builder(2, 256 << 20)
        .chipset(Chipset.PC)
        .firmware(new Firmware.Kernel(
            Path.of("/boot/a,b=\"c\""), Optional.of(Path.of("/boot/i,x")), "quiet a=b,c"))
        .build();
    Run run = new Run(UID, Path.of("/m/a,b=\"c\"/run.1"));

    List<String> line = QemuCommandLine.of(
        "qemu", new MachineRecord(WEB1, spec), "pc-i440fx-7.2", Accelerator.KVM, files(spec, run));

    assertThat(line)
        .containsSubsequence(
            "qemu",
            "-nodefaults",
            "-no-user-config",
            "-S",
            "-name",
            "guest=web1",
            "-uuid",
            UID.toString(),
            "-machine",
            "type=pc-i440fx-7.2",
            "-accel",
            "kvm",
            "-cpu",
            "host",
            "-smp",
            "cpus=2,maxcpus=2,sockets=2,cores=1,threads=1",
            "-m",
            "size=256M",
            "-kernel",
            "/boot/a,b=\"c\"",
            "-initrd",
            "/boot/i,x",
            "-append",
            "quiet a=b,c",
            "-chardev",
            "socket,id=qmp,path=/m/a,,b=\"c\"/run.1/qmp,server=on,wait=off",
            "-chardev",
            "socket,id=qmp-rescue,path=/m/a,,b=\"c\"/run.1/rescue,server=on,wait=off",
            "-mon",
            "chardev=qmp,mode=control",
            "-mon",
            "chardev=qmp-rescue,mode=control",
            "-chardev",
            "socket,id=serial0,path=/m/a,,b=\"c\"/run.1/serial,server=on,wait=off,"
                + "logfile=/m/a,,b=\"c\"/run.1/serial.log,logappend=on",
            "-serial",
            "chardev:serial0",
            "-pidfile",
            "/m/a,b=\"c\"/run.1/pid",
            "-display",
            "{\"type\":\"none\"}",
            "-action",
            "shutdown=pause,panic=pause",
            "-msg",
            "timestamp=on",
            "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
  }

  private static LaunchFiles files(MachineSpec spec, Run run) {
    return new LaunchFiles(run, spec.firmware(), Optional.empty(), Optional.empty());
  }

  @Test
  void aQ35BoardHasARootPortForEachDeviceAndFourToSpare() {
    MachineSpec.Builder spec = MachineSpec.builder(1, 1 << 20);
    for (int i = 0; i < 6; i++) {
      spec.disk("disk" + i);
    }

    List<String> line = QemuCommandLine.of(
        "qemu",
        new MachineRecord(WEB1, spec.build()),
        "q35",
        Accelerator.TCG,
        files(spec.build(), new Run(UID, Path.of("/m/run.1"))));

    assertThat(line.stream().filter(word -> word.contains("pcie-root-port")))
        .hasSize(10)
        .contains(
            "{\"driver\":\"pcie-root-port\",\"id\":\"port0\",\"bus\":\"pcie.0\",\"chassis\":1,"
                + "\"addr\":\"01.0\",\"multifunction\":true}",
            "{\"driver\":\"pcie-root-port\",\"id\":\"port9\",\"bus\":\"pcie.0\",\"chassis\":10,"
                + "\"addr\":\"02.1\",\"multifunction\":false}");
  }

  @Test
  void memoryWithoutKvmIsNoMultipleOf64Pages() {
    assertThat(memory(Accelerator.KVM, new Firmware.Bios(), Memory.standard()))
        .isEqualTo("size=256M");
    assertThat(memory(Accelerator.TCG, new Firmware.Bios(), Memory.standard()))
        .isEqualTo("size=262208K");
    assertThat(memory(
            Accelerator.TCG,
            new Firmware.Bios(),
            new Memory(Optional.of(512L << 20), Optional.empty())))
        .isEqualTo("size=262208K,slots=32,maxmem=524352K");
    assertThat(memory(
            Accelerator.TCG,
            new Firmware.Bios(),
            new Memory(Optional.empty(), Optional.of(2L << 20))))
        .isEqualTo("size=256M");
    assertThat(memory(Accelerator.TCG, new Firmware.Uefi(SecureBoot.OFF), Memory.standard()))
        .isEqualTo("size=262208K");
    assertThat(memory(Accelerator.TCG, new Firmware.Uefi(SecureBoot.ON), Memory.standard()))
        .isEqualTo("size=256M");
  }

  private static String memory(Accelerator accelerator, Firmware firmware, Memory memory) {
    MachineSpec spec = MachineSpec.builder(1, 256 << 20)
        .firmware(firmware)
        .hardware(Hardware.standard().withMemory(memory))
        .build();
    List<String> line = QemuCommandLine.of(
        "qemu",
        new MachineRecord(WEB1, spec),
        "q35",
        accelerator,
        files(spec, new Run(UID, Path.of("/m/run.1"))));
    return line.get(line.indexOf("-m") + 1);
  }

  @Test
  void aValueWithAControlCharacterIsRefused() {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> new QemuOptions().with("path", "a\nb"));
  }

  @Test
  void blockNodesOfLongVolumeNamesAreShortAndDiffer() {
    String one = "a".repeat(62) + "1";
    String two = "a".repeat(62) + "2";

    assertThat(Devices.nodeName("root")).isEqualTo("disk-root");
    assertThat(Devices.nodeName(one))
        .hasSizeLessThanOrEqualTo(31)
        .isNotEqualTo(Devices.nodeName(two));
  }
}
