package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.AgentOptions;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.kvm.KvmConfig;
import io.n0stack.n0core.kvm.QemuMachineDriver;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The QMP client against a small one in C, and an agent's machine against QEMU from a shell. */
final class KvmSuite implements Suite {
  private static final String QEMU = "qemu-system-x86_64";
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final int MACHINES = 20;
  private static final int ROM_BYTES = 64 << 10;
  private static final int RESET_VECTOR = ROM_BYTES - 16;
  private static final byte[] HALT = {(byte) 0xfa, (byte) 0xf4, (byte) 0xeb, (byte) 0xfd};

  @Override
  public List<Figure> measure(Path scratch) throws Exception {
    Path client = Peer.compiled("qmp", scratch);
    Path rom = scratch.resolve("halt.rom");
    Files.write(rom, rom());
    // Memory has no fsync to wait for: what that takes is the disk's figure, so it is only told.
    Path memory = Path.of(System.getProperty("n0core.benchmarks.memory", scratch.toString()));
    List<Figure> figures = new ArrayList<>(QmpFigures.measure(scratch, client));
    figures.add(machine(scratch, memory, client, rom));
    figures.add(StoppedQemu.measure(memory.resolve("s"), spec(rom)));
    return figures;
  }

  private static Figure machine(Path scratch, Path memory, Path client, Path rom) throws Exception {
    double[] inMemory = new double[MACHINES];
    double[] onDisk = new double[MACHINES];
    double[] shell = new double[MACHINES];
    try (Agent quick = agent(memory.resolve("m"));
        Agent durable = agent(scratch.resolve("d"))) {
      for (int i = 0; i < MACHINES; i++) {
        inMemory[i] = agentMillis(quick, rom);
        shell[i] = shellMillis(scratch, client, rom);
        onDisk[i] = agentMillis(durable, rom);
      }
    }
    double ours = Rounds.fastestTenth(inMemory);
    double theirs = Rounds.fastestTenth(shell);
    return new Figure(
        "kvm: machine created and running, extra",
        ours - theirs,
        "ms",
        50,
        Figure.Direction.AT_MOST,
        String.format(
            Locale.ROOT,
            "ours %.1f ms, %.1f ms with its files on disk; QEMU from a shell %.1f ms",
            ours,
            Rounds.fastestTenth(onDisk),
            theirs));
  }

  private static Agent agent(Path directory) {
    QemuMachineDriver driver = new QemuMachineDriver(KvmConfig.of(directory.resolve("m")));
    AgentOptions quiet = AgentOptions.defaults().withTick(Duration.ofHours(1));
    return Agent.open(directory.resolve("agent"), List.of(driver), quiet);
  }

  /** A guest that halts at once, so that only what the host does is measured. */
  private static byte[] rom() {
    byte[] rom = new byte[ROM_BYTES];
    System.arraycopy(HALT, 0, rom, RESET_VECTOR, HALT.length);
    return rom;
  }

  private static MachineSpec spec(Path rom) {
    return MachineSpec.builder(1, 16 << 20)
        .chipset(Chipset.PC)
        .accelerator(Accelerator.TCG)
        .firmware(new Firmware.Rom(rom))
        .build();
  }

  private static double agentMillis(Agent agent, Path rom) {
    MachineSpec spec = spec(rom);
    long start = System.nanoTime();
    try {
      agent.apply("machine", "web1", spec).await(LIMIT);
      double millis = (System.nanoTime() - start) / 1e6;
      requireRunning(agent.observe("machine", "web1", MachineStatus.class));
      return millis;
    } finally {
      agent.delete("machine", "web1").await(LIMIT);
    }
  }

  private static void requireRunning(Observed<MachineStatus> seen) {
    if (!(seen instanceof Observed.Present<MachineStatus> present)
        || present.status().state() != MachineState.RUNNING) {
      throw new IllegalStateException("the machine is not running: " + seen);
    }
  }

  private static double shellMillis(Path scratch, Path client, Path rom) throws Exception {
    String socket = scratch.resolve("shell").toString();
    String script = QEMU + " -nodefaults -no-user-config -machine pc -accel tcg -cpu max -m 16M"
        + " -display none -bios " + rom + " -qmp unix:" + socket + ",server=on,wait=off &\n"
        + client + " running " + socket + "\nwait";
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
}
