package io.n0stack.n0core.kvm.internal.commandline;

import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Watchdog;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Display;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The devices that a machine has beside disks and NICs, from its first moment to its last. Each has a
 * place of its own on the board whether or not its neighbours are there, because the guest knows it by that.
 */
public final class Periphery {
  /** How many directories a PC can share. */
  public static final int PC_SHARES = 8;

  private static final int FUNCTIONS = 8; // of a PCI slot
  private static final String AGENT = "org.qemu.guest_agent.0";

  /** The functions of the slot. */
  private enum Place {
    RNG(0),
    BALLOON(1),
    SERIAL(2),
    SEED(3),
    VSOCK(4),
    WATCHDOG(5),
    SCREEN(6),
    PANIC(7);

    private final int function;

    Place(int function) {
      this.function = function;
    }
  }

  private final List<String> arguments = new ArrayList<>();
  private final MachineSpec spec;
  private final boolean pc;

  private Periphery(MachineSpec spec) {
    this.spec = spec;
    pc = spec.chipset() == Chipset.PC;
  }

  static List<String> of(MachineSpec spec, LaunchFiles files) {
    Periphery all = new Periphery(spec);
    all.always(files.run());
    files.seed().ifPresent(all::seed);
    if (spec.display() == Display.VNC) {
      all.screen(files.run());
    }
    spec.hardware().ifPresent(hardware -> all.unusual(hardware, files.run()));
    return all.arguments;
  }

  private void always(Run run) {
    object(Json.of("qom-type", "rng-random").with("id", "rng").with("filename", "/dev/urandom"));
    device(
        at(Place.RNG, Json.of("driver", "virtio-rng-pci").with("id", "rng0").with("rng", "rng")));
    device(at(
        Place.BALLOON,
        Json.of("driver", "virtio-balloon-pci")
            .with("id", "balloon0")
            .with("deflate-on-oom", true)
            .with("free-page-reporting", true)));
    arguments.add("-chardev");
    arguments.add(QemuCommandLine.server("agent", run.guestAgent()).toString());
    device(at(Place.SERIAL, Json.of("driver", "virtio-serial-pci").with("id", "channels0")));
    device(Json.of("driver", "virtserialport")
        .with("id", "agent0")
        .with("bus", "channels0.0")
        .with("nr", 1)
        .with("name", AGENT)
        .with("chardev", "agent"));
    if (spec.chipset() == Chipset.MICROVM) {
      device(at(Place.PANIC, Json.of("driver", "pvpanic-pci").with("id", "panic0")));
    } else {
      device(Json.of("driver", "pvpanic").with("id", "panic0"));
    }
  }

  /** On a controller of its own, so that the disks' names in the guest do not depend on it. */
  private void seed(Path image) {
    blockdev(Json.of("driver", "file")
        .with("node-name", "seed-file")
        .with("filename", image.toString())
        .with("read-only", true));
    blockdev(Json.of("driver", "raw")
        .with("node-name", "seed")
        .with("file", "seed-file")
        .with("read-only", true));
    device(at(Place.SEED, Json.of("driver", "virtio-scsi-pci").with("id", "seeds0")));
    device(Json.of("driver", "scsi-cd")
        .with("id", "seed0")
        .with("bus", "seeds0.0")
        .with("drive", "seed"));
  }

  /**
   * Only who may pass through the launch's directory reaches the socket. Its key is written out: without one,
   * QEMU would take a path with an equals sign for a key of its own.
   */
  private void screen(Run run) {
    device(at(Place.SCREEN, Json.of("driver", "VGA").with("id", "screen0")));
    arguments.add("-vnc");
    arguments.add(new QemuOptions()
        .with("vnc", "unix:" + run.vnc())
        .with("share", "force-shared")
        .toString());
  }

  private void unusual(Hardware hardware, Run run) {
    hardware
        .vsockCid()
        .ifPresent(cid -> device(at(
            Place.VSOCK,
            Json.of("driver", "vhost-vsock-pci").with("id", "vsock0").with("guest-cid", cid))));
    hardware.watchdog().ifPresent(this::watchdog);
    hardware.tpm().ifPresent(tpm -> tpm(tpm, run));
    for (int i = 0; i < hardware.shares().size(); i++) {
      share(i, hardware.shares().get(i).tag(), run.share(i));
    }
  }

  private void watchdog(Watchdog watchdog) {
    device(at(Place.WATCHDOG, Json.of("driver", "i6300esb").with("id", "watchdog0")));
    arguments.add("-action");
    arguments.add("watchdog=" + watchdog.name().toLowerCase(Locale.ROOT));
  }

  /** Version 1.2 has only the older interface. */
  private void tpm(Hardware.Tpm tpm, Run run) {
    arguments.add("-chardev");
    arguments.add(
        QemuOptions.of("socket").with("id", "tpm").with("path", run.tpm()).toString());
    arguments.add("-tpmdev");
    arguments.add(
        QemuOptions.of("emulator").with("id", "tpm0").with("chardev", "tpm").toString());
    String driver = tpm == Hardware.Tpm.VERSION_1_2 ? "tpm-tis" : "tpm-crb";
    device(Json.of("driver", driver).with("id", "tpm-device0").with("tpmdev", "tpm0"));
  }

  private void share(int index, String tag, Path socket) {
    String id = "share" + index;
    arguments.add("-chardev");
    arguments.add(QemuOptions.of("socket").with("id", id).with("path", socket).toString());
    int slot = (pc ? 0x3 : 0x1d) - index / FUNCTIONS;
    device(at(
        slot,
        index % FUNCTIONS,
        Json.of("driver", "vhost-user-fs-pci")
            .with("id", "fs" + index)
            .with("chardev", id)
            .with("tag", tag)));
  }

  private Json at(Place place, Json device) {
    return at(pc ? 0x2 : 0x1e, place.function, device);
  }

  private Json at(int slot, int function, Json device) {
    Json placed = device
        .with("bus", pc ? "pci.0" : "pcie.0")
        .with("addr", String.format("%02x.%x", slot, function));
    return function == 0 ? placed.with("multifunction", true) : placed;
  }

  private void device(Json device) {
    arguments.add("-device");
    arguments.add(device.toString());
  }

  private void object(Json object) {
    arguments.add("-object");
    arguments.add(object.toString());
  }

  private void blockdev(Json node) {
    arguments.add("-blockdev");
    arguments.add(node.toString());
  }

  /** Returns whether QEMU shares the guest's memory with another process. */
  static boolean sharesMemory(MachineSpec spec) {
    return spec.hardware().map(Hardware::shares).filter(all -> !all.isEmpty()).isPresent();
  }

  static Optional<Hardware.Memory> memory(MachineSpec spec) {
    return spec.hardware().flatMap(Hardware::memory);
  }
}
