package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.Figure.Direction;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** An agent that is killed and started again beside fifty machines, and what it takes of memory: against libvirt. */
final class AdoptionFigures {
  private static final int FEW = 20;
  private static final int MANY = 50;
  private static final int RESTARTS = 5;

  private final Path directory;
  private final Path rom;
  private final Libvirt libvirt;

  AdoptionFigures(Path directory, Path rom, Libvirt libvirt) {
    this.directory = directory;
    this.rom = rom;
    this.libvirt = libvirt;
  }

  /** One run of our agent. */
  private record Ours(Process process, BufferedReader answers, Writer orders) {
    static Ours start(Path directory, Path rom) throws IOException {
      Process process = MachinesMain.start(directory, rom, directory.resolve("classes.jsa"));
      return new Ours(process, process.inputReader(), process.outputWriter());
    }

    void expect(int machines) throws IOException {
      String answer = answers.readLine();
      if (!String.valueOf(machines).equals(answer)) {
        throw new IOException("the agent has " + answer + " machines, not " + machines);
      }
    }

    void have(int machines) throws IOException {
      orders.write(machines + "\n");
      orders.flush();
      expect(machines);
    }

    /** Lets the agent end, and with it write the archive of its classes if it is the first. */
    void end() throws IOException {
      orders.close();
      process.onExit().join();
    }

    void kill() {
      process.destroyForcibly().onExit().join();
    }
  }

  /** Runs an agent once that does what the others will, so that their classes are found in an archive. */
  private void train() throws IOException {
    Ours ours = Ours.start(directory, rom);
    ours.expect(0);
    ours.have(1);
    ours.end();
    ours = Ours.start(directory, rom);
    ours.expect(1);
    ours.have(0);
    ours.end();
  }

  List<Figure> measure() throws Exception {
    Files.createDirectories(directory);
    train();
    Ours ours = Ours.start(directory, rom);
    try {
      ours.expect(0);
      Figure memory = memory(ours);
      ours.have(MANY);
      theirs(FEW, MANY);
      double[] mine = new double[RESTARTS];
      double[] other = new double[RESTARTS];
      for (int i = 0; i < RESTARTS; i++) {
        ours.kill();
        long start = System.nanoTime();
        ours = Ours.start(directory, rom);
        ours.expect(MANY);
        mine[i] = (System.nanoTime() - start) / 1e6;
        other[i] = libvirt.restartMillis(MANY);
      }
      return List.of(
          memory,
          new Figure(
              "kvm: " + MANY + " machines adopted",
              Rounds.median(mine),
              "ms",
              1000,
              Direction.AT_MOST,
              "from the start of the JVM, with a class archive; median of " + RESTARTS),
          new Figure(
              "kvm: " + MANY + " machines adopted, than libvirt",
              Rounds.median(other) / Rounds.median(mine),
              "x",
              3,
              Direction.AT_LEAST,
              String.format(
                  Locale.ROOT,
                  "ours %.0f ms, libvirtd %.0f ms",
                  Rounds.median(mine),
                  Rounds.median(other))));
    } finally {
      ours.have(0);
      ours.kill();
    }
  }

  private Figure memory(Ours ours) throws Exception {
    ours.have(FEW);
    theirs(0, FEW);
    double mine = Libvirt.pssMib(ours.process.pid());
    double other = libvirt.memoryMib();
    return new Figure(
        "kvm: memory with " + FEW + " machines, over libvirt",
        mine / other,
        "x",
        1.5,
        Direction.AT_MOST,
        String.format(
            Locale.ROOT,
            "ours %.1f MiB with -Xmx32m and a class archive, libvirtd and virtlogd %.1f MiB, proportional",
            mine,
            other));
  }

  private void theirs(int from, int to) throws IOException, InterruptedException {
    for (int i = from; i < to; i++) {
      String name = "many" + i;
      libvirt.create(libvirt.define(name, rom, ""));
    }
  }
}
