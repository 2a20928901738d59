package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.store.FileStore;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** An agent or API process that does what it reads from its standard input. */
final class MemberProgram {
  private static final PrintStream OUT = System.out;

  private MemberProgram() {}

  public static void main(String[] args) throws IOException {
    MembershipConfig config = MembershipConfig.of(args[1], args[2], Transport.parse(args[5]));
    if (!args[3].isEmpty()) {
      config = config.withSeeds(args[3].split(","));
    }
    AtomixMembership membership;
    try {
      membership = AtomixMembership.open(config);
    } catch (N0Exception e) {
      OUT.println("refused " + e.code() + " " + e.getMessage());
      return;
    }
    if (args[0].equals("api")) {
      serve(membership, Path.of(args[4]));
    } else {
      commands(membership, null);
    }
  }

  private static void serve(AtomixMembership membership, Path state) throws IOException {
    OUT.println("opening"); // the grace of the registry begins
    try (FileStore store = FileStore.open(state);
        NodeRegistryServer registry = NodeRegistryServer.open(membership, store)) {
      registry.subscribe(
          Runnable::run, change -> OUT.println("change " + change.name() + " " + change.now()));
      membership.join();
      OUT.println("joined");
      commands(membership, registry);
    }
  }

  private static void commands(AtomixMembership membership, @Nullable NodeRegistryServer registry)
      throws IOException {
    NodeRegistryClient client =
        NodeRegistryClient.of(membership).withDeadline(Duration.ofSeconds(60));
    Node self =
        Node.builder(membership.self().name(), membership.self().address()).build();
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    OUT.println("ready");
    String line = in.readLine();
    while (line != null) {
      try {
        switch (line) {
          case "save" -> client.saveSelf(self);
          case "save soon" -> client.withDeadline(Duration.ofSeconds(5)).saveSelf(self);
          case "remove" -> client.remove(self.name());
          case "join" -> membership.join();
          case "leave" -> membership.leave();
          case "close" -> membership.close();
          case "nodes" ->
            OUT.println("nodes "
                + (registry == null ? client : registry)
                    .nodes().stream()
                        .map(e -> e.node().name() + "=" + e.state())
                        .collect(Collectors.joining(",")));
          default -> throw new IllegalArgumentException(line);
        }
        OUT.println("done " + line);
      } catch (N0Exception e) {
        OUT.println("failed " + line + " " + e.code() + " " + e.getMessage());
      }
      line = in.readLine();
    }
    membership.close();
  }
}
