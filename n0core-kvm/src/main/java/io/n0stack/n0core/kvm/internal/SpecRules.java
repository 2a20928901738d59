package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What this driver can realise of a spec, checked before anything is touched. */
public final class SpecRules {
  private static final int PC_DEVICES = 28; // of 32 slots on pci.0, less the board's own
  private static final int Q35_DEVICES = 200; // root ports: 28 slots of 8 functions, less 4 spare
  private static final int VCPUS = 255; // what both boards address without an IOMMU
  private static final int ROM_UNIT = 1 << 16;

  private SpecRules() {}

  /**
   * Checks a spec.
   *
   * @param spec the spec
   * @throws N0Exception UNSUPPORTED or INVALID, naming field, value and rule; PRECONDITION if a file
   *     that it names cannot be read
   */
  public static void check(MachineSpec spec) {
    supported(spec.vcpus() <= VCPUS, "vcpus", spec.vcpus(), "must be at most " + VCPUS);
    supported(spec.chipset() != Chipset.MICROVM, "chipset", spec.chipset(), "must be Q35 or PC");
    supported(spec.cloudInit().isEmpty(), "cloudInit", spec.cloudInit(), "must be absent");
    supported(spec.limits().isEmpty(), "limits", spec.limits(), "must be absent");
    supported(spec.hardware().isEmpty(), "hardware", spec.hardware(), "must be absent");
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
    check(spec.firmware());
  }

  private static void check(Firmware firmware) {
    supported(
        !(firmware instanceof Firmware.Uefi), "firmware", firmware, "must be Bios, Kernel or Rom");
    if (firmware instanceof Firmware.Kernel kernel) {
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
