package io.n0stack.n0core.membership;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.AgentOptions;
import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.Resources;
import io.n0stack.n0core.membership.RecordingDriver.Wish;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;

/** A whole agent on a host of the {@link Lab}, which tells what it had its driver change. */
final class RecordedAgent {
  private static final PrintStream OUT = System.out;
  private static final Duration OFTEN = Duration.ofMillis(300);

  private RecordedAgent() {}

  public static void main(String[] args) throws IOException {
    MembershipConfig config =
        MembershipConfig.of(args[1], args[2], Transport.parse(args[4])).withSeeds(args[3]);
    AtomixMembership membership = AtomixMembership.open(config);
    membership.subscribe(
        Runnable::run,
        members -> OUT.println("members "
            + members.stream().map(Member::name).sorted().collect(Collectors.joining(","))));
    RecordingDriver driver = new RecordingDriver();
    AgentOptions options = AgentOptions.defaults().withTick(OFTEN);
    Node node = Node.builder(args[1], args[2]).build();
    try (Agent agent = Agent.open(Path.of(args[5]), List.of(driver), options);
        NodePresence presence =
            NodePresence.begin(membership, node, () -> new Resources(1, 2, 3), OFTEN)) {
      agent.apply("wish", "web1", new Wish("on")).await(Duration.ofMinutes(1));
      OUT.println("applied as " + presence);
      BufferedReader in =
          new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        OUT.println("changes " + driver.changes + " there " + driver.list().size());
        OUT.println("done " + line);
      }
    }
    OUT.println("at the end " + driver.changes + " there " + driver.list().size());
  }
}
