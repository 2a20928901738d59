package io.n0stack.n0core.kvm.internal.process;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.DiskTuning;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.Firmware.Uefi.SecureBoot;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Share;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Display;
import io.n0stack.n0core.kvm.internal.commandline.Periphery;
import io.n0stack.n0core.kvm.internal.host.AcceleratorProbe;
import io.n0stack.n0core.kvm.internal.launch.Confinement;
import io.n0stack.n0core.kvm.internal.launch.Programs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What this driver can realise of a spec on this host, checked before anything is touched. */
public final class SpecRules {
  /** The device by which QEMU serves a guest's vsock. */
  static final Path VSOCK = Path.of("/dev/vhost-vsock");

  private static final int PC_DEVICES = 27; // of 32 slots on pci.0, less the board's and our own
  private static final int Q35_DEVICES = 200; // root ports: 26 slots of 8 functions, less 4 spare
  private static final int VCPUS = 255; // what all boards address without an IOMMU
  private static final int ROM_UNIT = 1 << 16;
  private static final int KIB = 1024;
  private static final Path HUGE_PAGES = Path.of("/sys/kernel/mm/hugepages");

  private final Boarding boarding;

  /**
   * Creates the rules.
   *
   * @param boarding what this host has
   */
  public SpecRules(Boarding boarding) {
    this.boarding = boarding;
  }

  /**
   * Checks a spec.
   *
   * @param spec the spec
   * @throws N0Exception UNSUPPORTED or INVALID, naming field, value and rule; PRECONDITION if a file
   *     that it names cannot be read
   */
  public void check(MachineSpec spec) {
    int most = spec.chipset() == Chipset.PC ? PC_DEVICES : Q35_DEVICES;
    int devices = spec.disks().size() + spec.nics().size();
    supported(
        devices <= most,
        "disks and nics",
        devices,
        "must be at most " + most + " on chipset " + spec.chipset());
    supported(
        spec.accelerator() != Accelerator.KVM || AcceleratorProbe.deviceUsable(),
        "accelerator",
        spec.accelerator(),
        "/dev/kvm cannot be opened here");
    supported(
        spec.display() == Display.NONE || spec.chipset() != Chipset.MICROVM,
        "display",
        spec.display(),
        "must be NONE on chipset MICROVM");
    int vcpus = spec.hardware()
        .flatMap(Hardware::cpu)
        .flatMap(Hardware.Cpu::mostVcpus)
        .orElse(spec.vcpus());
    supported(vcpus <= VCPUS, "vcpus", vcpus, "must be at most " + VCPUS);
    checkTuning(spec);
    checkFirmware(spec.firmware(), spec.chipset());
    spec.hardware().ifPresent(hardware -> checkHardware(hardware, spec.chipset()));
    if (boarding.settings().systemd()) {
      Confinement.requireSystemd();
    } else {
      spec.limits().ifPresent(boarding.cgroups()::require);
    }
  }

  private static void checkTuning(MachineSpec spec) {
    if (spec.disks().stream()
        .flatMap(disk -> disk.tuning().flatMap(DiskTuning::aio).stream())
        .anyMatch(DiskTuning.Aio.IO_URING::equals)) {
      supported(
          !IoUring.forbidden(),
          "disk.tuning.aio",
          DiskTuning.Aio.IO_URING,
          "this host's kernel forbids it, " + IoUring.SETTING);
    }
  }

  private void checkHardware(Hardware hardware, Chipset chipset) {
    hardware
        .vsockCid()
        .ifPresent(cid ->
            supported(Files.exists(VSOCK), "hardware.vsockCid", cid, "this host has no " + VSOCK));
    hardware
        .tpm()
        .ifPresent(tpm -> program("hardware.tpm", tpm, boarding.settings().swtpm(), "kvm.swtpm"));
    hardware
        .tpm()
        .ifPresent(tpm -> supported(
            chipset != Chipset.MICROVM, "hardware.tpm", tpm, "must be absent on chipset MICROVM"));
    hardware
        .memory()
        .flatMap(Hardware.Memory::hugePageBytes)
        .ifPresent(size -> supported(
            Files.isDirectory(HUGE_PAGES.resolve("hugepages-" + size / KIB + "kB")),
            "hardware.memory.hugePageBytes",
            size,
            "this host has no such huge pages"));
    hardware
        .cpu()
        .flatMap(Hardware.Cpu::mostVcpus)
        .ifPresent(most -> supported(
            chipset != Chipset.MICROVM,
            "hardware.cpu.mostVcpus",
            most,
            "must be absent on chipset MICROVM"));
    hardware
        .memory()
        .flatMap(Hardware.Memory::mostBytes)
        .ifPresent(most -> supported(
            chipset != Chipset.MICROVM,
            "hardware.memory.mostBytes",
            most,
            "must be absent on chipset MICROVM"));
    List<Share> shares = hardware.shares();
    supported(
        chipset != Chipset.PC || shares.size() <= Periphery.PC_SHARES,
        "hardware.shares",
        shares.size(),
        "must be at most " + Periphery.PC_SHARES + " on chipset PC");
    for (Share share : shares) {
      program("hardware.shares", share.tag(), boarding.settings().virtiofsd(), "kvm.virtiofsd");
      supported(
          Confinement.privileged(),
          "hardware.shares",
          share.tag(),
          "only an agent with root's privileges can share directories");
      if (!Files.isDirectory(share.directory())) {
        throw new N0Exception(
            N0Exception.Code.PRECONDITION,
            "hardware.shares",
            "check hardware.shares.directory \"" + share.directory() + "\": must be a directory");
      }
    }
  }

  private static void program(String field, Object value, String program, String key) {
    supported(
        Programs.installed(program),
        field,
        value,
        "there is no program \"" + program + "\"; install it or set " + key);
  }

  private void checkFirmware(Firmware firmware, Chipset chipset) {
    if (firmware instanceof Firmware.Uefi uefi) {
      boolean secure = uefi.secureBoot() == SecureBoot.ON;
      supported(
          secure ? chipset == Chipset.Q35 : chipset != Chipset.MICROVM,
          "firmware",
          firmware,
          secure ? "needs chipset Q35" : "needs chipset Q35 or PC");
      for (Path file : List.of(boarding.code(uefi), boarding.variablesTemplate(uefi))) {
        supported(
            Files.isReadable(file),
            "firmware",
            firmware,
            "there is no " + file + "; install OVMF or set kvm.ovmf");
      }
    } else if (firmware instanceof Firmware.Kernel kernel) {
      requireFile("firmware.image", kernel.image());
      kernel.initrd().ifPresent(initrd -> requireFile("firmware.initrd", initrd));
    } else if (firmware instanceof Firmware.Rom rom) {
      requireFile("firmware.image", rom.image());
      requireRomSize(rom.image());
    }
  }

  private static void requireFile(String field, Path file) {
    if (!Files.isRegularFile(file) || !Files.isReadable(file)) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          field,
          "check " + field + " \"" + file + "\": must be a regular file that can be read");
    }
  }

  private static void requireRomSize(Path file) {
    try {
      long size = Files.size(file);
      if (size == 0 || size % ROM_UNIT != 0) {
        throw N0Exception.invalid(
            "firmware.image", file, "its size, " + size + ", must be a multiple of " + ROM_UNIT);
      }
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          "firmware.image",
          "check firmware.image \"" + file + "\": " + e.getMessage(),
          e);
    }
  }

  private static void supported(boolean holds, String field, Object value, String rule) {
    if (!holds) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED, field, "unsupported " + field + " " + value + ": " + rule);
    }
  }
}
