package io.n0stack.n0core.kvm.internal.commandline;

import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.Firmware.Uefi.SecureBoot;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Topology;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.kvm.internal.record.Addresses;
import io.n0stack.n0core.kvm.internal.record.MachineRecord;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Builds the argument list of a launch: the board without disks and NICs, which QMP plugs in. */
public final class QemuCommandLine {
  private static final int FUNCTIONS = 8; // of a PCI slot
  private static final int SPARE_PORTS = 4;
  private static final int MEMORY_SLOTS = 32;
  private static final long KIB = 1 << 10;
  private static final long MIB = 1 << 20;
  private static final long UNEVEN = 64 * KIB; // firmware counts memory by these
  private static final String SANDBOX =
      "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

  private final List<String> arguments = new ArrayList<>();

  private QemuCommandLine() {}

  /**
   * Writes the arguments of a launch, the program first. Its guest waits until it is told to run.
   *
   * @param program QEMU's system emulator
   * @param record the machine, whose running spec counts
   * @param type the machine type, or an alias such as {@code q35}
   * @param accelerator what executes the guest's instructions, not AUTO
   * @param files the launch and the files it opens
   * @return the arguments
   */
  public static List<String> of(
      String program,
      MachineRecord record,
      String type,
      Accelerator accelerator,
      LaunchFiles files) {
    QemuCommandLine line = new QemuCommandLine();
    MachineSpec spec = record.running();
    line.add(program, "-nodefaults", "-no-user-config", "-S");
    line.identity(record);
    line.machine(spec, type, files);
    line.processors(spec, accelerator);
    line.memory(spec, unevenBytes(spec, accelerator, files.firmware()));
    if (spec.chipset() != Chipset.PC) {
      line.rootPorts(Addresses.slots(record.addresses()) + SPARE_PORTS, spec);
    }
    line.firmware(files.firmware());
    line.channels(files.run());
    line.arguments.addAll(Periphery.of(spec, files));
    line.add("-pidfile", files.run().pidFile().toString());
    line.add("-display", Json.of("type", "none").toString());
    line.add("-action", "shutdown=pause,panic=pause");
    line.add("-msg", "timestamp=on");
    line.add("-sandbox", SANDBOX);
    spec.hardware().ifPresent(hardware -> line.arguments.addAll(hardware.rawArguments()));
    return List.copyOf(line.arguments);
  }

  private void identity(MachineRecord record) {
    add("-name", new QemuOptions().with("guest", record.id().name()).toString());
    add("-uuid", record.id().uid().toString());
  }

  private void machine(MachineSpec spec, String type, LaunchFiles files) {
    QemuOptions machine = new QemuOptions().with("type", type);
    if (spec.chipset() == Chipset.MICROVM) {
      // Its devices for virtio over MMIO cannot be plugged in; a guest finds PCI by ACPI.
      machine.with("pcie", "on").with("acpi", "on").with("rtc", "on");
    }
    if (backed(spec)) {
      machine.with("memory-backend", "memory0");
    }
    files.uefi().ifPresent(uefi -> {
      flash("flash-code", uefi.code(), true);
      flash("flash-variables", uefi.variables(), false);
      machine.with("pflash0", "flash-code").with("pflash1", "flash-variables");
      if (isSecure(files.firmware())) {
        // Only code in system management mode may write the variables.
        machine.with("smm", "on");
        add("-global", "driver=cfi.pflash01,property=secure,value=on");
      }
    });
    add("-machine", machine.toString());
  }

  private void flash(String node, Path file, boolean readOnly) {
    add(
        "-blockdev",
        Json.of("driver", "file")
            .with("node-name", node + "-file")
            .with("filename", file.toString())
            .with("read-only", readOnly)
            .toString());
    add(
        "-blockdev",
        Json.of("driver", "raw")
            .with("node-name", node)
            .with("file", node + "-file")
            .with("read-only", readOnly)
            .toString());
  }

  private void processors(MachineSpec spec, Accelerator accelerator) {
    boolean kvm = accelerator == Accelerator.KVM;
    Optional<Hardware.Cpu> cpu = spec.hardware().flatMap(Hardware::cpu);
    int most = cpu.flatMap(Hardware.Cpu::mostVcpus).orElse(spec.vcpus());
    Topology topology = cpu.flatMap(Hardware.Cpu::topology).orElse(new Topology(most, 1, 1));
    add("-accel", kvm ? "kvm" : "tcg");
    add("-cpu", cpu.flatMap(Hardware.Cpu::model).orElse(kvm ? "host" : "max"));
    add(
        "-smp",
        new QemuOptions()
            .with("cpus", spec.vcpus())
            .with("maxcpus", most)
            .with("sockets", topology.sockets())
            .with("cores", topology.cores())
            .with("threads", topology.threads())
            .toString());
  }

  /**
   * Returns what a guest gets beyond its memory, so that it can be sent while it runs. QEMU before 9.0 loses sight of what an
   * emulated processor writes meanwhile, in a block of memory that is a multiple of 64 pages
   * (cpu_physical_memory_sync_dirty_bitmap in include/exec/ram_addr.h). Later ones get it too: a machine may come from an
   * older host, or go there.
   */
  private static long unevenBytes(MachineSpec spec, Accelerator accelerator, Firmware firmware) {
    boolean huge =
        Periphery.memory(spec).flatMap(Hardware.Memory::hugePageBytes).isPresent();
    // The memory of system management mode lies below the end, which OVMF takes for a whole MiB.
    return accelerator == Accelerator.KVM || huge || isSecure(firmware) ? 0 : UNEVEN;
  }

  private static boolean isSecure(Firmware firmware) {
    return firmware instanceof Firmware.Uefi uefi && uefi.secureBoot() == SecureBoot.ON;
  }

  private void memory(MachineSpec spec, long unevenBytes) {
    long bytes = spec.memoryBytes() + unevenBytes;
    QemuOptions memory = new QemuOptions().with("size", size(bytes));
    Periphery.memory(spec)
        .flatMap(Hardware.Memory::mostBytes)
        .filter(most -> most > spec.memoryBytes())
        .ifPresent(
            most -> memory.with("slots", MEMORY_SLOTS).with("maxmem", size(most + unevenBytes)));
    add("-m", memory.toString());
    if (backed(spec)) {
      Json backend = Json.of("qom-type", "memory-backend-memfd")
          .with("id", "memory0")
          .with("size", bytes)
          .with("share", Periphery.sharesMemory(spec));
      Periphery.memory(spec)
          .flatMap(Hardware.Memory::hugePageBytes)
          .ifPresent(size -> backend.with("hugetlb", true).with("hugetlbsize", size));
      add("-object", backend.toString());
    }
  }

  private static String size(long bytes) {
    return bytes % MIB == 0 ? bytes / MIB + "M" : bytes / KIB + "K";
  }

  private static boolean backed(MachineSpec spec) {
    return Periphery.sharesMemory(spec)
        || Periphery.memory(spec).flatMap(Hardware.Memory::hugePageBytes).isPresent();
  }

  /** Nothing can be plugged into pcie.0 of a board that is up: ports must be there before. */
  private void rootPorts(int count, MachineSpec spec) {
    for (int i = 0; i < count; i++) {
      Json port = Json.of("driver", "pcie-root-port")
          .with("id", Addresses.rootPort(i))
          .with("bus", "pcie.0")
          .with("chassis", i + 1)
          .with("addr", String.format("%02x.%x", 1 + i / FUNCTIONS, i % FUNCTIONS))
          .with("multifunction", i % FUNCTIONS == 0);
      if (spec.chipset() == Chipset.MICROVM) {
        // A slot that was empty at reset has its power off, and there is no ACPI that would turn it
        // on:
        // a guest would not see what is plugged in before it runs.
        port = port.with("power_controller_present", false);
      }
      add("-device", port.toString());
    }
  }

  private void firmware(Firmware firmware) {
    if (firmware instanceof Firmware.Kernel kernel) {
      add("-kernel", kernel.image().toString());
      kernel.initrd().ifPresent(initrd -> add("-initrd", initrd.toString()));
      if (!kernel.commandLine().isEmpty()) {
        add("-append", kernel.commandLine());
      }
    } else if (firmware instanceof Firmware.Rom rom) {
      add("-bios", rom.image().toString());
    }
  }

  private void channels(Run run) {
    add("-chardev", server("qmp", run.monitor()).toString());
    add("-chardev", server("qmp-rescue", run.rescueMonitor()).toString());
    add("-mon", "chardev=qmp,mode=control", "-mon", "chardev=qmp-rescue,mode=control");
    // Appended to, so that it can be cut while QEMU runs.
    add(
        "-chardev",
        server("serial0", run.serial())
            .with("logfile", run.serialLog())
            .with("logappend", "on")
            .toString());
    add("-serial", "chardev:serial0");
  }

  /** Writes a socket that QEMU listens on. */
  static QemuOptions server(String id, Path path) {
    return QemuOptions.of("socket")
        .with("id", id)
        .with("path", path)
        .with("server", "on")
        .with("wait", "off");
  }

  private void add(String... words) {
    arguments.addAll(List.of(words));
  }
}
