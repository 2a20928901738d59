package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.Figure.Direction;
import io.n0stack.n0core.benchmarks.QmpPeer.Pace;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.kvm.qmp.QmpSchema;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.ToDoubleFunction;

/**
 * The QMP client against one in C that has nothing that could be left out, against Go's and against
 * QEMU's own in Python. All talk to one QEMU, in turn, each through a monitor of its own.
 */
final class QmpFigures implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final int ROUNDS = 100;
  private static final int PER_ROUND = 96;
  private static final int DEPTH = 8;
  private static final int SCHEMAS = 60;
  private static final int WARM_UP = 20_000;
  private static final List<String> SIDES = List.of("ours", "C", "go-qemu", "qemu.qmp");

  private final Process qemu;
  private final QmpClient ours;
  private final List<QmpPeer> peers;

  private QmpFigures(Process qemu, QmpClient ours, List<QmpPeer> peers) {
    this.qemu = qemu;
    this.ours = ours;
    this.peers = peers;
  }

  static List<Figure> measure(Path scratch, Path c) throws Exception {
    List<String> command = new ArrayList<>(
        List.of("qemu-system-x86_64", "-nodefaults", "-machine", "none", "-display", "none"));
    for (int i = 0; i < SIDES.size(); i++) {
      command.addAll(List.of("-qmp", "unix:" + socket(scratch, i) + ",server=on,wait=off"));
    }
    Path go = Peer.compiledGo("qmp", scratch);
    Process qemu = Peer.start(command);
    List<QmpPeer> peers = new ArrayList<>();
    // The one in C waits for its socket; once it answers, all are there.
    peers.add(QmpPeer.start("C", List.of(c.toString(), "serve", socket(scratch, 1))));
    peers.get(0).times("depth1", 1);
    peers.add(QmpPeer.start("go-qemu", List.of(go.toString(), socket(scratch, 2))));
    peers.add(QmpPeer.start(
        "qemu.qmp", List.of("python3", Peer.source("qmp.py").toString(), socket(scratch, 3))));
    try (QmpFigures figures =
        new QmpFigures(qemu, QmpClient.connect(Path.of(socket(scratch, 0)), LIMIT), peers)) {
      return figures.all();
    }
  }

  private static String socket(Path scratch, int side) {
    return scratch.resolve("side" + side).toString();
  }

  private List<Figure> all() throws Exception {
    // Long enough for every JVM's compiler, and for ids to be as long as they get: as long as C's.
    depth1(WARM_UP);
    depth8(WARM_UP);
    List<Figure> figures = new ArrayList<>();
    Pace[][] one = rounds("depth1", this::depth1);
    figures.add(rate("depth 1", "C", 0.9, one, 1));
    figures.add(median("depth 1", one));
    figures.add(rate("depth 1", "go-qemu", 0.95, one, 2));
    figures.add(rate("depth 1", "qemu.qmp", 1.8, one, 3));
    Pace[][] eight = rounds("depth8", this::depth8);
    figures.add(rate("depth 8", "C", 0.9, eight, 1));
    figures.add(median("depth 8", eight));
    figures.add(rate("depth 8", "go-qemu", 0.95, eight, 2));
    figures.add(rate("depth 8", "qemu.qmp", 1.8, eight, 3));
    figures.add(schema());
    return figures;
  }

  private interface Side {
    Pace times(int count) throws Exception;
  }

  private Pace[][] rounds(String what, Side side) throws Exception {
    Pace[][] paces = new Pace[SIDES.size()][ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
      paces[0][round] = side.times(PER_ROUND);
      for (int i = 1; i < SIDES.size(); i++) {
        paces[i][round] = peers.get(i - 1).times(what, PER_ROUND);
      }
    }
    return paces;
  }

  private Pace depth1(int count) {
    double[] took = new double[count];
    long start = System.nanoTime();
    for (int i = 0; i < count; i++) {
      long began = System.nanoTime();
      require(ours.execute("query-status", LIMIT));
      took[i] = (System.nanoTime() - began) / 1e3;
    }
    return new Pace((System.nanoTime() - start) / 1e3 / count, Rounds.median(took));
  }

  private Pace depth8(int count) throws Exception {
    Deque<CompletableFuture<QmpResult>> sent = new ArrayDeque<>();
    long[] began = new long[DEPTH];
    double[] took = new double[count];
    int asked = 0;
    long start = System.nanoTime();
    for (int answered = 0; answered < count; answered++) {
      while (asked < count && asked - answered < DEPTH) {
        began[asked++ % DEPTH] = System.nanoTime();
        sent.add(ours.submit("query-status", Map.of(), LIMIT));
      }
      require(sent.remove().get());
      took[answered] = (System.nanoTime() - began[answered % DEPTH]) / 1e3;
    }
    return new Pace((System.nanoTime() - start) / 1e3 / count, Rounds.median(took));
  }

  private static void require(QmpResult result) {
    if (result.text("/status").isEmpty()) {
      throw new IllegalStateException("QEMU has no status");
    }
  }

  private Figure schema() throws IOException {
    double[] mine = new double[SCHEMAS];
    double[] theirs = new double[SCHEMAS];
    for (int round = -SCHEMAS; round < SCHEMAS; round++) { // the first half is to warm up
      long start = System.nanoTime();
      QmpSchema schema = QmpSchema.of(ours, LIMIT);
      if (!schema.supports("blockdev-mirror.copy-mode=write-blocking")) {
        throw new IllegalStateException("the schema is not usable");
      }
      double micros = (System.nanoTime() - start) / 1e3;
      double other = peers.get(0).times("schema", 1).micros();
      if (round >= 0) {
        mine[round] = micros;
        theirs[round] = other;
      }
    }
    double our = Rounds.fastestTenth(mine);
    double their = Rounds.fastestTenth(theirs);
    return new Figure(
        "kvm: QMP schema as a model, over C reading it",
        our / their,
        "x",
        1.3,
        Direction.AT_MOST,
        String.format(Locale.ROOT, "ours %.1f ms, C %.1f ms", our / 1e3, their / 1e3));
  }

  private static double pace(Pace[] rounds, ToDoubleFunction<Pace> part) {
    return Rounds.fastestTenth(Arrays.stream(rounds).mapToDouble(part).toArray());
  }

  private static Figure rate(String what, String peer, double bound, Pace[][] paces, int side) {
    double mine = pace(paces[0], Pace::micros);
    double theirs = pace(paces[side], Pace::micros);
    return new Figure(
        "kvm: QMP round trips " + what + ", rate to " + peer,
        theirs / mine,
        "x",
        bound,
        Direction.AT_LEAST,
        String.format(Locale.ROOT, "ours %.0f/s, %s %.0f/s", 1e6 / mine, peer, 1e6 / theirs));
  }

  private static Figure median(String what, Pace[][] paces) {
    double mine = pace(paces[0], Pace::medianMicros);
    double theirs = pace(paces[1], Pace::medianMicros);
    return new Figure(
        "kvm: QMP round trips " + what + ", p50 over C",
        mine / theirs,
        "x",
        1.15,
        Direction.AT_MOST,
        String.format(Locale.ROOT, "ours %.1f us, C %.1f us", mine, theirs));
  }

  @Override
  public void close() throws IOException {
    ours.close();
    for (QmpPeer peer : peers) {
      peer.close();
    }
    qemu.destroyForcibly().onExit().join();
  }
}
