package io.n0stack.n0core.kvm.internal;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Builds the argument list of a launch: the board without disks and NICs, which QMP plugs in. */
final class QemuCommandLine {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int FUNCTIONS = 8; // of a PCI slot
  private static final int SPARE_PORTS = 4;
  private static final long MIB = 1 << 20;
  private static final String SANDBOX =
      "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";

  private final List<String> arguments = new ArrayList<>();

  private QemuCommandLine() {}

  /** Returns the arguments, the program first. */
  static List<String> of(
      String program, MachineRecord record, String type, Accelerator accelerator, Run run) {
    QemuCommandLine line = new QemuCommandLine();
    // Its own session: a Ctrl-C in the agent's terminal must not reach the guest.
    line.add("setsid", program, "-nodefaults", "-no-user-config", "-S");
    line.identity(record);
    line.board(record.spec(), type, accelerator);
    line.firmware(record.spec().firmware());
    line.channels(run);
    line.periphery(record.spec(), run);
    line.add("-pidfile", run.pidFile().toString());
    line.add("-action", "shutdown=pause,panic=pause");
    line.add("-msg", "timestamp=on");
    line.add("-sandbox", SANDBOX);
    return List.copyOf(line.arguments);
  }

  /** Returns the id of the n-th PCI Express root port, to which a device is plugged. */
  static String rootPort(int index) {
    return "port" + index;
  }

  private void identity(MachineRecord record) {
    add("-name", new QemuOptions().with("guest", record.id().name()).toString());
    add("-uuid", record.id().uid().toString());
  }

  private void board(MachineSpec spec, String type, Accelerator accelerator) {
    boolean kvm = accelerator == Accelerator.KVM;
    add("-machine", new QemuOptions().with("type", type).toString());
    add("-accel", kvm ? "kvm" : "tcg");
    add("-cpu", kvm ? "host" : "max");
    add("-smp", new QemuOptions().with("cpus", spec.vcpus()).toString());
    add("-m", new QemuOptions().with("size", spec.memoryBytes() / MIB + "M").toString());
    if (spec.chipset() == Chipset.Q35) {
      rootPorts(spec.disks().size() + spec.nics().size() + SPARE_PORTS);
    }
  }

  /** Nothing can be plugged into pcie.0 of a q35 board that is up: ports must be there before. */
  private void rootPorts(int count) {
    for (int i = 0; i < count; i++) {
      Map<String, Object> port = new LinkedHashMap<>();
      port.put("driver", "pcie-root-port");
      port.put("id", rootPort(i));
      port.put("bus", "pcie.0");
      port.put("chassis", i + 1);
      port.put("addr", String.format("%02x.%x", 1 + i / FUNCTIONS, i % FUNCTIONS));
      port.put("multifunction", i % FUNCTIONS == 0);
      device(port);
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
    socket("qmp", run.monitor());
    socket("qmp-rescue", run.rescueMonitor());
    add("-mon", "chardev=qmp,mode=control", "-mon", "chardev=qmp-rescue,mode=control");
    add(
        "-chardev",
        socketOptions("serial0", run.serial())
            .with("logfile", run.serialLog())
            .with("logappend", "off")
            .toString());
    add("-serial", "chardev:serial0");
  }

  private void periphery(MachineSpec spec, Run run) {
    plain("virtio-serial-pci", "serial-bus");
    socket("ga", run.guestAgent());
    Map<String, Object> agent = new LinkedHashMap<>();
    agent.put("driver", "virtserialport");
    agent.put("id", "agent");
    agent.put("chardev", "ga");
    agent.put("name", "org.qemu.guest_agent.0");
    device(agent);
    plain("virtio-balloon-pci", "balloon0");
    plain("pvpanic", "panic0");
    if (spec.display() == MachineSpec.Display.VNC) {
      plain("VGA", "screen0");
      add("-vnc", QemuOptions.of("unix:" + run.vnc()).toString());
    } else {
      add("-display", "none");
    }
  }

  private void plain(String driver, String id) {
    Map<String, Object> device = new LinkedHashMap<>();
    device.put("driver", driver);
    device.put("id", id);
    device(device);
  }

  private void socket(String id, Path path) {
    add("-chardev", socketOptions(id, path).toString());
  }

  private static QemuOptions socketOptions(String id, Path path) {
    return QemuOptions.of("socket")
        .with("id", id)
        .with("path", path)
        .with("server", "on")
        .with("wait", "off");
  }

  private void device(Map<String, Object> properties) {
    try {
      add("-device", JSON.writeValueAsString(properties));
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("device " + properties, e);
    }
  }

  private void add(String... words) {
    arguments.addAll(List.of(words));
  }
}
