package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.examples.agent.AgentProcess.Answer;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * An agent with the real drivers is killed from outside, wherever it happens to be, again and again. The
 * system property {@code n0core.kills.seed} chooses another course of events.
 */
@Requires({Requirement.ROOT, Requirement.QEMU})
class RandomKillsIT {
  private static final int OPERATIONS = Repetition.of(200);
  private static final int KILLS = Repetition.of(60);
  private static final int LONGEST_LIFE_MILLIS = 600;
  private static final int LONGEST_RECOVERY_MILLIS = 400;

  private final long seed = Long.getLong("n0core.kills.seed", 20261126);
  private final Random random = new Random(seed);
  private final List<Workload> workloads =
      List.of(new Workload("web1", seed + 1), new Workload("web2", seed + 2));
  private IsolatedHost host;
  private int kills;
  private int recovering;
  private int working;

  @BeforeEach
  void makeHost() throws IOException {
    host = IsolatedHost.create();
  }

  @AfterEach
  void removeHost() throws IOException {
    host.close();
  }

  @Test
  void nothingIsLostDoubledOrLeftWheneverItIsKilled() throws IOException {
    System.out.println("random kills with n0core.kills.seed=" + seed);
    Bystander bystander;
    try (AgentProcess first = AgentProcess.start(host)) {
      bystander = Bystander.make(host, first);
    }
    while (kills < KILLS || operations() < OPERATIONS) {
      live(bystander);
      bystander.requireUntouched(host);
    }
    try (AgentProcess last = AgentProcess.start(host)) {
      check(last, bystander);
      for (Workload workload : workloads) {
        last.must("delete " + workload.known().setup());
      }
      bystander.requireUntouched(host, last.must("settle"));
      last.finish();
    }
    Residue.requireExactly(host, List.of(bystander.model()));
    System.out.printf(
        "killed %d times through %d operations, bystander pid %d untouched"
            + " (%d times amid operations, %d times while recovering)%n",
        kills, operations(), bystander.pid(), working, recovering);
    assertThat(working).as("kills amid operations").isGreaterThan(KILLS / 3);
  }

  private int operations() {
    return workloads.stream().mapToInt(Workload::orders).sum();
  }

  /** One agent from its start to its violent end. */
  private void live(Bystander bystander) throws IOException {
    try (AgentProcess agent = AgentProcess.start(host)) {
      agent.await("opening");
      if (random.nextInt(3) == 0) {
        recovering++;
        passTime(agent, random.nextInt(LONGEST_RECOVERY_MILLIS));
      } else {
        check(agent, bystander);
        work(agent, random.nextInt(LONGEST_LIFE_MILLIS));
        working += workloads.stream().anyMatch(Workload::busy) ? 1 : 0;
      }
      agent.kill();
      kills++;
    }
  }

  private static void passTime(AgentProcess agent, int millis) {
    long end = System.nanoTime() + Duration.ofMillis(millis).toNanos();
    for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
      Optional<String> unused = agent.next(Duration.ofNanos(left));
    }
  }

  private void check(AgentProcess agent, Bystander bystander) throws IOException {
    String recovered = agent.await("recovered");
    assertThat(recovered).contains("orphans=[] quarantined=[]");
    long actions = workloads.stream().filter(Workload::acting).count();
    assertThat(recovered.split(" uid ", -1).length - 1)
        .as("actions cut off: %s", recovered)
        .isLessThanOrEqualTo((int) actions);
    host.awaitStragglers();
    Answer answer = agent.must("settle");
    List<Model> models = new ArrayList<>(List.of(bystander.model()));
    for (Workload workload : workloads) {
      String context = "life " + kills + ", in flight " + workload.inFlight() + ", " + recovered;
      try {
        workload.check(answer);
      } catch (AssertionError e) {
        throw new AssertionError(context + "\n" + agent.output(), e);
      }
      models.add(workload.known());
    }
    assertThat(answer.seen()).noneMatch(one -> one.reference().startsWith("orphan/"));
    bystander.requireUntouched(host, answer);
    Residue.requireExactly(host, models);
  }

  /** Keeps all machines busy until the time is over. */
  private void work(AgentProcess agent, int millis) throws IOException {
    long end = System.nanoTime() + Duration.ofMillis(millis).toNanos();
    Map<String, Workload> inFlight = new HashMap<>();
    for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
      for (Workload workload : workloads) {
        if (!workload.busy()) {
          int number = agent.order(workload.name(), workload.next());
          inFlight.put(String.valueOf(number), workload);
        }
      }
      Optional<String> line = agent.next(Duration.ofNanos(left));
      if (line.isPresent()) {
        String[] word = line.get().split(" ", 3);
        Workload done = inFlight.remove(word[0]);
        assertThat(done).as(line.get()).isNotNull();
        assertThat(word[1])
            .as("%s: %s%n%s", done.inFlight(), line, agent.output())
            .isEqualTo("done");
        done.acknowledged();
      }
    }
  }
}
