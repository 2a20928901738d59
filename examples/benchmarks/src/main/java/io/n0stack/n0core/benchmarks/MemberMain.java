package io.n0stack.n0core.benchmarks;

import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.membership.AtomixMembership;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.NodePresence;
import io.n0stack.n0core.membership.NodeRegistryServer;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.Transport;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** An API process, or the part of an agent that an API knows of: a member with a record. */
final class MemberMain {
  private static final PrintStream OUT = System.out;
  private static final Resources CAPACITY = new Resources(8_000, 32L << 30, 1L << 40);

  private MemberMain() {}

  /** Joins. */
  private interface Joining {
    /** Begins, and returns what ends it gracefully. */
    Runnable join();
  }

  /**
   * Does what it reads, and tells whom it sees; stays until its standard input ends.
   *
   * @param args {@code api} or {@code agent}, name, own address, seeds separated by commas, the
   *     secret's file, and the API's directory
   * @throws IOException if its standard input cannot be read
   */
  public static void main(String[] args) throws IOException {
    List<HostPort> seeds = Arrays.stream(args[3].split(",", -1))
        .filter(seed -> !seed.isEmpty())
        .map(HostPort::parse)
        .toList();
    MembershipConfig config = new MembershipConfig(
        args[1],
        HostPort.parse(args[2]),
        seeds,
        "n0core",
        Timings.DEFAULT,
        Transport.sharedSecret(Path.of(args[4])));
    AtomixMembership member = AtomixMembership.open(config);
    var unused = member.subscribe(
        Runnable::run,
        members -> OUT.println("members "
            + members.stream().map(Member::name).sorted().collect(Collectors.joining(","))));
    if (args[0].equals("api")) {
      FileStore store = FileStore.open(Path.of(args[5]));
      NodeRegistryServer registry = NodeRegistryServer.open(member, store);
      var unusedChanges = registry.subscribe(
          Runnable::run, change -> OUT.println("change " + change.name() + " " + change.now()));
      obey(() -> {
        member.join();
        return member::leave;
      });
    } else {
      Node node = Node.builder(args[1], args[2]).build();
      obey(() -> NodePresence.begin(member, node, () -> CAPACITY)::close);
    }
    Runtime.getRuntime().halt(0);
  }

  private static void obey(Joining joining) throws IOException {
    Runnable leave = () -> {};
    OUT.println("up");
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    String line = in.readLine();
    while (line != null) {
      switch (line) {
        case "join" -> {
          OUT.println("joining");
          leave = joining.join();
          OUT.println("joined");
        }
        case "leave" -> {
          OUT.println("leaving");
          leave.run();
          OUT.println("left");
        }
        case "used" -> {
          System.gc();
          OUT.println(
              "used " + ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed() / 1024);
        }
        default -> throw new IllegalArgumentException(line);
      }
      line = in.readLine();
    }
  }
}
