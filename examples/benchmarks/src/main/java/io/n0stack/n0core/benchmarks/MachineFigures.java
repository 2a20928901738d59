package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.AgentOptions;
import io.n0stack.n0core.agent.Bundle;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.api.network.PortSpec;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.benchmarks.Figure.Direction;
import io.n0stack.n0core.kvm.KvmConfig;
import io.n0stack.n0core.kvm.QemuMachineDriver;
import io.n0stack.n0core.net.NetConfig;
import io.n0stack.n0core.net.NetlinkNetworkDriver;
import io.n0stack.n0core.net.TapPortDriver;
import io.n0stack.n0core.storage.Qcow2DirectoryDriver;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** A machine of q35 with a disk and a NIC, from the request to a guest that runs: against a shell and libvirt. */
final class MachineFigures {
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final int MACHINES = 40;
  private static final String QEMU = "qemu-system-x86_64";

  private final Path scratch;
  private final Path memory;
  private final Path client;
  private final Path rom;
  private final Libvirt libvirt;

  MachineFigures(Path scratch, Path memory, Path client, Path rom, Libvirt libvirt) {
    this.scratch = scratch;
    this.memory = memory;
    this.client = client;
    this.rom = rom;
    this.libvirt = libvirt;
  }

  List<Figure> measure() throws Exception {
    double[] inMemory = new double[MACHINES];
    double[] onDisk = new double[MACHINES];
    double[] shell = new double[MACHINES];
    double[] virsh = new double[MACHINES];
    Path disk = scratch.resolve("theirs.qcow2");
    Peer.run("qemu-img", "create", "-q", "-f", "qcow2", disk.toString(), "1G");
    Peer.run("ip", "tuntap", "add", "theirs", "mode", "tap");
    Path definition = libvirt.define("one", rom, libvirtDevices(disk));
    // Memory has no fsync to wait for: what that takes is the disk's figure, so it is only told.
    try (Agent quick = agent(memory.resolve("m"));
        Agent durable = agent(scratch.resolve("d"))) {
      for (int i = 0; i < MACHINES; i++) {
        inMemory[i] = agentMillis(quick);
        shell[i] = shellMillis(disk);
        virsh[i] = virshMillis(definition);
        onDisk[i] = agentMillis(durable);
      }
    }
    double ours = Rounds.fastestTenth(inMemory);
    double theirs = Rounds.fastestTenth(shell);
    double libvirts = Rounds.fastestTenth(virsh);
    String detail = String.format(
        Locale.ROOT,
        "ours %.1f ms, %.1f ms with its files on disk; QEMU from a shell %.1f ms, virsh %.1f ms",
        ours,
        Rounds.fastestTenth(onDisk),
        theirs,
        libvirts);
    return List.of(
        new Figure(
            "kvm: machine created and running, extra",
            ours - theirs,
            "ms",
            25,
            Direction.AT_MOST,
            detail),
        new Figure(
            "kvm: machine created and running, than virsh",
            libvirts / ours,
            "x",
            3,
            Direction.AT_LEAST,
            detail));
  }

  private static Agent agent(Path directory) {
    NetConfig net = NetConfig.of(directory.resolve("net"));
    AgentOptions quiet = AgentOptions.defaults().withTick(Duration.ofHours(1));
    return Agent.open(
        directory.resolve("agent"),
        List.of(
            NetlinkNetworkDriver.open(net),
            TapPortDriver.open(net),
            new Qcow2DirectoryDriver(directory.resolve("v"), LIMIT),
            new QemuMachineDriver(KvmConfig.of(directory.resolve("m")))),
        quiet);
  }

  private double agentMillis(Agent agent) {
    MachineSpec spec = MachineSpec.builder(1, 16 << 20)
        .accelerator(Accelerator.TCG)
        .firmware(new Firmware.Rom(rom))
        .disk("root")
        .nic("eth0")
        .build();
    Bundle host = Bundle.empty()
        .with("network", "lan", NetworkSpec.Flat.isolated())
        .with("port", "eth0", PortSpec.on("lan"))
        .with("volume", "root", VolumeSpec.empty(1L << 30));
    agent.apply(host);
    try {
      long start = System.nanoTime();
      agent.apply("machine", "web1", spec).await(LIMIT);
      double millis = (System.nanoTime() - start) / 1e6;
      requireRunning(agent.observe("machine", "web1", MachineStatus.class));
      return millis;
    } finally {
      agent.delete(host.with("machine", "web1", spec));
    }
  }

  private static void requireRunning(Observed<MachineStatus> seen) {
    if (!(seen instanceof Observed.Present<MachineStatus> present)
        || present.status().state() != MachineState.RUNNING) {
      throw new IllegalStateException("the machine is not running: " + seen);
    }
  }

  private double shellMillis(Path disk) throws Exception {
    String socket = scratch.resolve("shell").toString();
    Files.deleteIfExists(Path.of(socket));
    String script = QEMU + " " + sameMachine(disk) + " -qmp unix:" + socket
        + ",server=on,wait=off &\n" + client + " running " + socket + "\nwait";
    long start = System.nanoTime();
    Process shell = Peer.start(List.of("sh", "-c", script));
    try (BufferedReader out = shell.inputReader()) {
      String line = out.readLine();
      double millis = (System.nanoTime() - start) / 1e6;
      if (!"running".equals(line) || shell.waitFor() != 0) {
        throw new IOException("QEMU from a shell did not run: " + line);
      }
      return millis;
    } finally {
      shell.descendants().forEach(ProcessHandle::destroyForcibly);
      shell.destroyForcibly();
    }
  }

  /** The board, devices, log and sandbox that the agent gives its machine, with all of it on the command line. */
  private String sameMachine(Path disk) {
    return """
        -nodefaults -no-user-config -machine q35 -accel tcg -cpu max -m 16M -display none -bios %1$s
        -device pcie-root-port,id=p0,chassis=1,addr=1.0,multifunction=on -device pcie-root-port,id=p1,chassis=2,addr=1.1
        -device pcie-root-port,id=p2,chassis=3,addr=1.2 -device pcie-root-port,id=p3,chassis=4,addr=1.3
        -blockdev qcow2,node-name=d,file.driver=file,file.filename=%2$s -device virtio-blk-pci,drive=d,bus=p0
        -netdev tap,id=n,ifname=theirs,script=no,downscript=no -device virtio-net-pci,netdev=n,bus=p1
        -object rng-random,id=rng,filename=/dev/urandom -device virtio-rng-pci,rng=rng,addr=1e.0,multifunction=on
        -device virtio-balloon-pci,free-page-reporting=on,addr=1e.1 -device virtio-serial-pci,id=c,addr=1e.2
        -chardev socket,id=a,path=%3$s/shell-a,server=on,wait=off
        -device virtserialport,bus=c.0,nr=1,name=org.qemu.guest_agent.0,chardev=a -device pvpanic
        -chardev socket,id=s,path=%3$s/shell-s,server=on,wait=off,logfile=%3$s/shell-log -serial chardev:s
        -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
        """.formatted(rom, disk, scratch).replace('\n', ' ');
  }

  private static String libvirtDevices(Path disk) {
    return """
        <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='%s'/>
        <target dev='vda' bus='virtio'/></disk>
        <interface type='ethernet'><target dev='theirs' managed='no'/><model type='virtio'/></interface>
        """.formatted(disk);
  }

  private double virshMillis(Path definition) throws Exception {
    long start = System.nanoTime();
    libvirt.create(definition);
    double millis = (System.nanoTime() - start) / 1e6;
    libvirt.destroy("one");
    return millis;
  }
}
