package io.n0stack.n0core.kvm;

import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.agent.Agent;
import io.n0stack.n0core.agent.AgentOptions;
import io.n0stack.n0core.agent.Operation;
import io.n0stack.n0core.agent.Recovery;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.compute.MigrationAddress;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationRelease;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTarget;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** An agent that sends a machine: a process to be killed in the middle of it. Its target is whoever reads what it says. */
final class SendingAgent {
  static final String SENDING = "sending";
  static final String TAKE_OVER = "take over";
  static final String REFUSE = "refuse";
  static final Duration LIMIT = Duration.ofMinutes(2);
  private static final String VERB = "migrate";

  private SendingAgent() {}

  /** The agent of a host. It looks often, so as to be in the way if it can; the tests look in between. */
  static Agent open(Host host) {
    return Agent.open(
        host.root.resolveSibling("agent"),
        List.of(TwoHosts.open(host)),
        AgentOptions.defaults().withTick(Duration.ofSeconds(1)));
  }

  static Operation<MigrationReport> send(
      Agent agent, MigrationTerms terms, long bytesPerSecond, MigrationTarget target) {
    return agent.act(
        "machine",
        "web1",
        VERB,
        Migration.class,
        (migration, cx, machine) -> migration.migrate(
            cx,
            machine,
            terms,
            MigrationOptions.usual().withMostBytesPerSecond(bytesPerSecond),
            target));
  }

  static boolean sends(Operation<?> operation) {
    return operation.step().equals("send the memory")
        && operation.progress() > 0
        && operation.progress() < 1;
  }

  /** Asks by a line on standard output, and is answered by one on standard input. */
  private record Asking(BufferedReader answers) implements MigrationTarget {
    @Override
    public Verdict takeOver(ResourceId machine, MigrationRelease release) {
      return ask(TAKE_OVER);
    }

    @Override
    public Verdict refuse(ResourceId machine, UUID token) {
      return ask(REFUSE);
    }

    private Verdict ask(String what) {
      System.out.println(what);
      try {
        return Verdict.valueOf(answers.readLine());
      } catch (IOException e) {
        throw new N0Exception(N0Exception.Code.UNAVAILABLE, "target", "reach the target", e);
      }
    }
  }

  public static void main(String[] arguments) {
    MigrationTerms terms = new MigrationTerms(
        UUID.fromString(arguments[1]),
        new MigrationAddress.Unix(Path.of(arguments[2])),
        Optional.empty());
    BufferedReader answers =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    try (Agent agent = open(Host.existing(Path.of(arguments[0])))) {
      Recovery unused = agent.recovery();
      Operation<MigrationReport> moving =
          send(agent, terms, Long.parseLong(arguments[3]), new Asking(answers));
      await()
          .pollInterval(Duration.ofMillis(5))
          .atMost(LIMIT)
          .until(() -> sends(moving) || moving.done().isDone());
      System.out.println(SENDING);
      MigrationReport report = moving.await(LIMIT);
      System.out.println(report);
    }
  }
}
