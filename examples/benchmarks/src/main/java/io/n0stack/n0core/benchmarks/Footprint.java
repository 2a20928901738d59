package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.benchmarks.Figure.Direction;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.LinkSpec;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.tap.Tap;
import io.n0stack.n0core.net.tap.TapSpec;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** What operations take of memory, and leave behind. */
final class Footprint {
  private static final com.sun.management.ThreadMXBean THREADS =
      (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final int NICS = 16;
  private static final int GROUP = 16;
  private static final int OPERATIONS_PER_CYCLE = 3 * NICS + 2;

  private Footprint() {}

  /** Returns the bytes that an operation allocates once the compiler has seen it often. */
  static double bytes(int times, Rounds.Side operation) throws Exception {
    for (int i = 0; i < times; i++) {
      operation.run();
    }
    long before = THREADS.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < times; i++) {
      operation.run();
    }
    return (double) (THREADS.getCurrentThreadAllocatedBytes() - before) / times;
  }

  static Figure bytesPer(String what, double bound, double bytes) {
    return new Figure(
        "net: bytes allocated per " + what, bytes, "B", bound, Direction.AT_MOST, "Java heap");
  }

  /**
   * What a host has in use for this process.
   *
   * @param descriptors open files
   * @param threads live threads of Java
   * @param namespaces network namespaces that the threads are in
   */
  private record Use(long descriptors, int threads, Set<String> namespaces) {
    static Use now() throws IOException {
      Set<String> namespaces = new TreeSet<>();
      try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
        for (Path task : tasks.toList()) {
          try {
            namespaces.add(Files.readSymbolicLink(task.resolve("ns/net")).toString());
          } catch (NoSuchFileException e) {
            // The thread has ended meanwhile.
          }
        }
      }
      try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
        return new Use(descriptors.count(), THREADS.getThreadCount(), namespaces);
      }
    }

    double more(Use than) {
      return Math.max(0, descriptors - than.descriptors)
          + Math.max(0, threads - than.threads)
          + Math.max(0, namespaces.size() - than.namespaces.size());
    }
  }

  /** A figure of what some thousand operations of all sorts leave in use. */
  static Figure left(Netlink netlink, int operations) throws Exception {
    int cycles = operations / OPERATIONS_PER_CYCLE;
    // The first ones open what the JVM loads classes from.
    cycle(netlink);
    Use before = Use.now();
    for (int i = 0; i < cycles; i++) {
      cycle(netlink);
    }
    Use after = Use.now();
    return new Figure(
        "net: in use after " + cycles * OPERATIONS_PER_CYCLE + " operations",
        after.more(before),
        "",
        0,
        Direction.AT_MOST,
        String.format(
            Locale.ROOT,
            "descriptors %d, before %d; threads %d, %d; network namespaces %d, %d",
            after.descriptors,
            before.descriptors,
            after.threads,
            before.threads,
            after.namespaces.size(),
            before.namespaces.size()));
  }

  /** Sixteen NICs come, are used by others, and go, in a network namespace and in another. */
  private static void cycle(Netlink netlink) {
    try (NetNs namespace = NetNs.create();
        Netlink there = Netlink.open(namespace)) {
      int bridge =
          netlink.links().create(LinkSpec.bridge("leaks").withGroup(GROUP)).index();
      for (int i = 0; i < NICS; i++) {
        String name = "leak" + i;
        Tap.create(TapSpec.named(name).withPersistence()).close();
        Link link = netlink.links().find(name).orElseThrow();
        netlink
            .links()
            .change(
                link.index(),
                LinkChange.none().withMaster(bridge).withGroup(GROUP).up());
        try (Netlink another = Netlink.open();
            Tap tap = Tap.open(name)) {
          if (another.links().find(name).isEmpty() || there.links().find(name).isPresent()) {
            throw new IllegalStateException(tap.name() + " is not where it was made");
          }
        }
      }
      netlink.links().deleteGroup(GROUP);
    }
  }
}
