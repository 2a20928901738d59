package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeRegistry.NodeEvent;
import io.n0stack.n0core.api.store.FileStore;
import io.n0stack.n0core.membership.internal.connection.PeerNetwork;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.BitSet;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * An agent or API process on a host of the {@link Lab}: joins, registers, tells whom it sees, and does
 * what it reads.
 */
public final class LabMember {
  private static final PrintStream OUT = System.out;

  private LabMember() {}

  public static void main(String[] args) throws IOException {
    MembershipConfig config = MembershipConfig.of(args[1], args[2], Transport.parse(args[4]));
    if (!args[3].isEmpty()) {
      config = config.withSeeds(args[3].split(","));
    }
    AtomixMembership membership = AtomixMembership.open(config);
    membership.subscribe(Runnable::run, LabMember::print);
    if (args[0].equals("api")) {
      OUT.println("opening"); // the grace of the registry begins
      try (FileStore store = FileStore.open(Path.of(args[5]));
          NodeRegistryServer registry = NodeRegistryServer.open(membership, store)) {
        registry.subscribe(
            Runnable::run, change -> OUT.println("change " + change.name() + " " + change.now()));
        registry.watch("", Runnable::run, LabMember::print);
        run(membership, registry);
      }
    } else {
      run(membership, null);
    }
  }

  private static void print(Set<Member> members) {
    OUT.println(
        "members " + members.stream().map(Member::name).sorted().collect(Collectors.joining(",")));
  }

  private static void print(NodeEvent event) {
    String state = event.now().map(entry -> entry.state().name()).orElse("gone");
    OUT.println("event " + event.name() + " " + state);
  }

  private static void run(AtomixMembership membership, @Nullable NodeRegistryServer registry)
      throws IOException {
    try {
      membership.join();
    } catch (N0Exception e) {
      OUT.println("failed join " + e.code() + " " + e.getMessage());
      membership.close();
      return;
    }
    OUT.println("joined");
    if (registry == null) {
      Thread saver = new Thread(() -> save(membership), "saver");
      saver.setDaemon(true);
      saver.start();
    }
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    String line = in.readLine();
    while (line != null) {
      obey(line, membership, registry);
      OUT.println("done " + line);
      line = in.readLine();
    }
    membership.close();
  }

  public static void save(AtomixMembership membership) {
    NodeRegistryClient client =
        NodeRegistryClient.of(membership).withDeadline(Duration.ofMinutes(2));
    Member self = membership.self();
    client.saveSelf(Node.builder(self.name(), self.address()).build());
    OUT.println("saved");
  }

  /** Returns a member's connections, for one that does with them what no member would. */
  public static PeerNetwork network(AtomixMembership membership) {
    return membership.member().network();
  }

  private static void obey(
      String line, AtomixMembership membership, @Nullable NodeRegistryServer registry) {
    if (line.startsWith("clock ")) {
      ShiftedClock.shift(Long.parseLong(line.substring(6)));
      return;
    }
    switch (line) {
      case "clock" -> OUT.println("clock " + System.currentTimeMillis());
      case "leave" -> membership.leave();
      case "boot" -> OUT.println("boot " + membership.self().bootId());
      case "watch" -> NodeRegistryClient.of(membership).watch("", Runnable::run, LabMember::print);
      case "nodes" -> {
        if (registry != null) {
          OUT.println("nodes "
              + registry.nodes().stream()
                  .map(entry -> entry.node().name() + "=" + entry.state())
                  .collect(Collectors.joining(",")));
        }
      }
      // What Atomix cannot serialize ends its tasks for good.
      case "break" ->
        membership.member().atomix().getLocalMember().properties().put("bits", new BitSet());
      case "instance" ->
        OUT.println("instance " + System.identityHashCode(membership.member().atomix()));
      case "mend" -> membership.member().atomix().getLocalMember().properties().remove("bits");
      case "usage" -> {
        System.gc();
        var memory = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
        long cpu =
            ProcessHandle.current().info().totalCpuDuration().orElseThrow().toMillis();
        OUT.println("usage " + cpu + " " + memory.getUsed() / 1024);
      }
      default -> throw new IllegalArgumentException(line);
    }
  }
}
