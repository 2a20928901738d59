package io.n0stack.n0core.benchmarks;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Measures the modules named, or all, and prints one line per figure. */
public final class BenchmarksMain {
  private static final Map<String, Suite> SUITES = new LinkedHashMap<>();

  static {
    SUITES.put("agent", new AgentSuite());
    SUITES.put("net", new NetSuite());
    SUITES.put("storage", new StorageSuite());
    SUITES.put("kvm", new KvmSuite());
    SUITES.put("membership", new MembershipSuite());
  }

  private BenchmarksMain() {}

  /**
   * Measures.
   *
   * @param args names of modules; none for all
   * @throws Exception if something cannot be run
   */
  public static void main(String[] args) throws Exception {
    PrintStream out = System.out;
    List<String> names = args.length == 0 ? List.copyOf(SUITES.keySet()) : List.of(args);
    for (String name : names) {
      if (!SUITES.containsKey(name)) {
        System.err.println(
            "no figures for \"" + name + "\"; there are some for " + SUITES.keySet());
        System.exit(2);
      }
    }
    List<Figure> figures = new ArrayList<>();
    for (Map.Entry<String, Suite> suite : SUITES.entrySet()) {
      if (names.contains(suite.getKey())) {
        for (Figure figure : measured(suite.getKey(), suite.getValue())) {
          out.println(figure.line());
          figures.add(figure);
        }
      }
    }
    long shorts = figures.stream().filter(figure -> !figure.kept()).count();
    out.println(figures.size() + " figures, " + shorts + " short");
    System.exit(shorts == 0 ? 0 : 1);
  }

  private static List<Figure> measured(String name, Suite suite) throws Exception {
    // Short: the paths of sockets, which are below it, are limited to 107 bytes.
    Path scratch = Files.createTempDirectory("n0-");
    try {
      return suite.measure(scratch);
    } catch (IOException e) {
      throw new IOException("figures of " + name + ": " + e.getMessage(), e);
    } finally {
      delete(scratch);
    }
  }

  private static void delete(Path directory) throws IOException {
    List<Path> all;
    try (Stream<Path> walk = Files.walk(directory)) {
      all = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : all) {
      Files.delete(path);
    }
  }
}
