package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.Rounds.Paces;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The QMP client against a small one in C, and an agent's machines against QEMU from a shell and libvirt. */
final class KvmSuite implements Suite {
  private static final String QEMU = "qemu-system-x86_64";
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final int ROUND_TRIPS = 100;
  private static final int WARM_UP = 200;
  private static final int ROM_BYTES = 64 << 10;
  private static final int RESET_VECTOR = ROM_BYTES - 16;
  private static final byte[] HALT = {(byte) 0xfa, (byte) 0xf4, (byte) 0xeb, (byte) 0xfd};

  @Override
  public List<Figure> measure(Path scratch) throws Exception {
    Path client = Peer.compiled("qmp", scratch);
    Path rom = scratch.resolve("halt.rom");
    Files.write(rom, rom());
    Path memory = Path.of(System.getProperty("n0core.benchmarks.memory", scratch.toString()));
    List<Figure> figures = new ArrayList<>();
    figures.add(roundTrips(scratch, client));
    try (Libvirt libvirt = Libvirt.start(scratch)) {
      figures.addAll(new MachineFigures(scratch, memory, client, rom, libvirt).measure());
      figures.addAll(new AdoptionFigures(memory.resolve("a"), rom, libvirt).measure());
    }
    figures.addAll(MigrationFigures.measure(scratch, memory));
    figures.add(StoppedQemu.measure(memory.resolve("s"), MachinesMain.spec(rom)));
    return figures;
  }

  private static Figure roundTrips(Path scratch, Path client) throws Exception {
    String ours = scratch.resolve("ours").toString();
    String theirs = scratch.resolve("theirs").toString();
    Process qemu = Peer.start(List.of(
        QEMU,
        "-nodefaults",
        "-machine",
        "none",
        "-display",
        "none",
        "-qmp",
        "unix:" + ours + ",server=on,wait=off",
        "-qmp",
        "unix:" + theirs + ",server=on,wait=off"));
    // It connects last and waits for its socket: once it answers, ours is there, too.
    Process peer = Peer.start(List.of(client.toString(), "rate", theirs));
    try (BufferedReader answers = peer.inputReader();
        Writer questions = peer.outputWriter()) {
      ask(questions, answers, 1);
      try (QmpClient qmp = QmpClient.connect(Path.of(ours), LIMIT)) {
        for (int i = 0; i < WARM_UP; i++) {
          query(qmp);
        }
        return rate(
            Rounds.inTurn(1, () -> query(qmp), 1, () -> ask(questions, answers, ROUND_TRIPS)));
      }
    } finally {
      peer.destroyForcibly().waitFor();
      qemu.destroyForcibly().waitFor();
    }
  }

  private static Figure rate(Paces paces) {
    return new Figure(
        "kvm: QMP round trips, rate",
        paces.ratio(),
        "x",
        0.7,
        Figure.Direction.AT_LEAST,
        String.format(
            Locale.ROOT,
            "ours %.0f/s, C %.0f/s",
            ROUND_TRIPS * 1e6 / paces.oursMicros(),
            ROUND_TRIPS * 1e6 / paces.theirsMicros()));
  }

  private static void query(QmpClient qmp) {
    for (int i = 0; i < ROUND_TRIPS; i++) {
      String status = qmp.execute("query-status", LIMIT).text("/status");
      if (status.isEmpty()) {
        throw new IllegalStateException("QEMU has no status");
      }
    }
  }

  private static void ask(Writer questions, BufferedReader answers, int count) throws IOException {
    questions.write(count + "\n");
    questions.flush();
    if (answers.readLine() == null) {
      throw new IOException("the QMP client in C has ended");
    }
  }

  /** A guest that halts at once, so that only what the host does is measured. */
  private static byte[] rom() {
    byte[] rom = new byte[ROM_BYTES];
    System.arraycopy(HALT, 0, rom, RESET_VECTOR, HALT.length);
    return rom;
  }
}
