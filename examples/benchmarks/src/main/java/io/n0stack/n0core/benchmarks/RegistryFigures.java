package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.membership.AtomixMembership;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.NodeRegistryServer;
import io.n0stack.n0core.membership.Transport;
import java.io.IOException;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** What it costs to save a node's record durably, and to start with many. */
final class RegistryFigures {
  private static final int ROUNDS = 150;
  private static final int SAVES = 50;
  private static final int WARMINGS = 20;
  private static final int SAVES_TO_WARM = 20_000;
  private static final long WARM_MILLIS = 20;
  private static final int RECORDS = 10_000;
  private static final int LOADS = 5;
  private static final Path MEMORY = Path.of("/dev/shm");

  private RegistryFigures() {}

  static List<Figure> measure(Path scratch) throws Exception {
    Spent[] saves = saves(scratch).toArray(new Spent[0]);
    double ours = saves[0].wallMicros();
    double theirs = saves[1].wallMicros();
    String detail =
        String.format(Locale.ROOT, "ours %.0f us a save, C program %.0f us", ours, theirs);
    return List.of(
        new Figure(
            "registry save: durable saves a second",
            1e6 / ours,
            "1/s",
            100,
            Figure.Direction.AT_LEAST,
            detail),
        new Figure(
            "registry save: pace of the same writes in C",
            100 * theirs / ours,
            "%",
            90,
            Figure.Direction.AT_LEAST,
            detail),
        new Figure(
            "registry load: " + RECORDS + " records",
            load(scratch),
            "s",
            1,
            Figure.Direction.AT_MOST,
            "median of " + LOADS + " opens of store and registry"));
  }

  /** Both sides in turn on one file system, records of the same size. */
  private static List<Spent> saves(Path scratch) throws Exception {
    Path program = Peer.compiled("registry", scratch);
    warm();
    Path theirs = Files.createDirectory(scratch.resolve("c"));
    Path records = scratch.resolve("saved/records");
    try (FileStore store = FileStore.open(scratch.resolve("saved"));
        AtomixMembership api = AtomixMembership.open(config());
        NodeRegistryServer registry = NodeRegistryServer.open(api, store)) {
      registry.save(node(0, 0));
      String bytes = String.valueOf(Files.size(records.resolve("node.node-0")));
      int[] round = {0};
      return Rounds.inTurn(
          ROUNDS,
          new Rounds.Turn(SAVES, times -> {
            round[0]++;
            Iterator<Node> next = nodes(times, round[0]).iterator();
            return Spent.by(times, () -> registry.save(next.next()));
          }),
          new Rounds.Turn(
              SAVES,
              times -> spent(
                  Peer.run(program.toString(), String.valueOf(times), theirs.toString(), bytes))));
    }
  }

  /**
   * Saves in memory, where it is quick, until the code is compiled as the C program is: each time in a
   * store of its own, because what is done first in a store is code too.
   */
  private static void warm() throws IOException {
    CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
    long spent = -WARM_MILLIS;
    for (int i = 0;
        i < WARMINGS && compiler.getTotalCompilationTime() - spent >= WARM_MILLIS;
        i++) {
      spent = compiler.getTotalCompilationTime();
      saveInMemory();
    }
  }

  private static void saveInMemory() throws IOException {
    Path memory = Files.createTempDirectory(MEMORY, "n0-registry");
    try (FileStore store = FileStore.open(memory.resolve("saved"));
        AtomixMembership api = AtomixMembership.open(config());
        NodeRegistryServer registry = NodeRegistryServer.open(api, store)) {
      for (int i = 0; i < SAVES_TO_WARM; i += SAVES) {
        for (Node node : nodes(SAVES, i)) {
          registry.save(node);
        }
      }
    } finally {
      remove(memory);
    }
  }

  private static MembershipConfig config() {
    return MembershipConfig.of(
        "api-1", "127.0.1.1:5679", Transport.PLAINTEXT_ISOLATED); // not joined: listens on nothing
  }

  private static Spent spent(String printed) {
    String[] parts = printed.strip().split(" ", -1);
    return new Spent(Double.parseDouble(parts[0]), Double.parseDouble(parts[1]));
  }

  /** Made before the clock runs, as the C program's record is. */
  private static List<Node> nodes(int count, int generation) {
    return IntStream.range(0, count).mapToObj(i -> node(i, generation)).toList();
  }

  private static Node node(int number, int generation) {
    return Node.builder("node-" + number, "192.0.2.1:5679")
        .serial("SERIAL-" + number)
        .placement(new Node.Placement("tyo", "z1", "c1", "r1", 1))
        .resources(new Resources(64_000, 512L << 30, 4L << 40))
        .label("generation", String.valueOf(generation))
        .annotation("note", "n".repeat(600))
        .build();
  }

  private static double load(Path scratch) throws Exception {
    Path loaded = scratch.resolve("loaded");
    fill(loaded);
    double[] seconds = new double[LOADS];
    for (int i = 0; i < LOADS; i++) {
      long start = System.nanoTime();
      try (FileStore store = FileStore.open(loaded);
          AtomixMembership api = AtomixMembership.open(config());
          NodeRegistryServer registry = NodeRegistryServer.open(api, store)) {
        int found = registry.nodes().size();
        seconds[i] = (System.nanoTime() - start) / 1e9;
        if (found != RECORDS) {
          throw new IOException(found + " records instead of " + RECORDS);
        }
      }
    }
    return Rounds.median(seconds);
  }

  /** Makes the records in memory, where syncing costs nothing, and copies them. */
  private static void fill(Path target) throws IOException {
    Path memory = Files.createTempDirectory(MEMORY, "n0-registry");
    try {
      try (FileStore store = FileStore.open(memory)) {
        for (int i = 0; i < RECORDS; i++) {
          String json =
              "{\"name\":\"node-" + i + "\",\"address\":\"192.0.2.1:5679\",\"annotations\":"
                  + "{\"note\":\"" + "n".repeat(600) + "\"}}";
          store.put("node/node-" + i, json, FileStore.NONE);
        }
      }
      for (Path file : walk(memory)) {
        Files.copy(file, target.resolve(memory.relativize(file).toString()));
      }
    } finally {
      remove(memory);
    }
  }

  private static void remove(Path directory) throws IOException {
    List<Path> all = walk(directory);
    for (int i = all.size() - 1; i >= 0; i--) {
      Files.delete(all.get(i));
    }
  }

  private static List<Path> walk(Path directory) throws IOException {
    try (Stream<Path> all = Files.walk(directory)) {
      return all.sorted().toList();
    }
  }
}
