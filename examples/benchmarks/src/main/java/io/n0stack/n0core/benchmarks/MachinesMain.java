package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.Operation;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.ComputeDriver;
import io.n0stack.n0core.api.compute.Firmware;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.kvm.KvmConfig;
import io.n0stack.n0core.kvm.QemuMachineDriver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;

/**
 * An agent with machines, in a JVM of its own. It says how many it has found running, then does for each line:
 * a number, to have so many; {@code delete}, to have none.
 */
public final class MachinesMain {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  private MachinesMain() {}

  /**
   * Runs until its input ends.
   *
   * @param args the directory of all files; the ROM
   */
  public static void main(String[] args) {
    Path directory = Path.of(args[0]);
    MachineSpec spec = spec(Path.of(args[1]));
    QemuMachineDriver driver = new QemuMachineDriver(
        KvmConfig.of(directory.resolve("m")).withAccelerator(Accelerator.TCG));
    try (Agent agent = Agent.open(directory.resolve("agent"), List.of(driver));
        Scanner lines = new Scanner(System.in, java.nio.charset.StandardCharsets.UTF_8)) {
      System.out.println(agent.recovery().adopted().size());
      while (lines.hasNextLine()) {
        String line = lines.nextLine();
        int wanted = line.equals("delete") ? 0 : Integer.parseInt(line);
        have(agent, wanted, spec);
        System.out.println(wanted);
      }
    }
  }

  private static void have(Agent agent, int wanted, MachineSpec spec) {
    int found = agent.resources().size();
    List<Operation<ResourceId>> all = new ArrayList<>();
    for (int i = found; i < wanted; i++) {
      all.add(agent.apply(ComputeDriver.KIND, "many" + i, spec));
    }
    for (int i = wanted; i < found; i++) {
      all.add(agent.delete(ComputeDriver.KIND, "many" + i));
    }
    all.forEach(operation -> operation.await(LIMIT));
  }

  static MachineSpec spec(Path rom) {
    return MachineSpec.builder(1, 16 << 20)
        .accelerator(Accelerator.TCG)
        .firmware(new Firmware.Rom(rom))
        .build();
  }

  /**
   * Starts it as docs/how-to/run-a-small-agent.md says.
   *
   * @param classes the archive of classes, which is written when the process ends if it does not exist
   */
  static Process start(Path directory, Path rom, Path classes) throws IOException {
    String archive = Files.exists(classes) ? "SharedArchiveFile" : "ArchiveClassesAtExit";
    return Peer.start(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Xmx32m",
        "-Xms6m",
        "-Xmn2m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:" + archive + "=" + classes,
        "-cp",
        System.getProperty("java.class.path"),
        MachinesMain.class.getName(),
        directory.toString(),
        rom.toString()));
  }
}
