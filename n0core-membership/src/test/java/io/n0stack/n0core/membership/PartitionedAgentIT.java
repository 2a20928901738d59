package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.membership.Host.Program;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whatever becomes of the APIs, nothing on the host is touched. */
@Requires(Requirement.ROOT)
@Timeout(600)
class PartitionedAgentIT {
  private static final Duration SOON = Lab.SOON;

  @Test
  void noDriverCallFollowsAPartitionNorItsEndNorALeave(@TempDir Path directory) throws IOException {
    try (Lab lab = new Lab(2, directory)) {
      Program api = lab.api(1, "store");
      api.awaitLine("joined", SOON);
      Program agent = lab.recorded(2, "node-2");
      agent.awaitLine("applied", SOON);
      api.awaitLine("change node-2 READY", SOON);
      requireNothingButTheFirst(agent);

      int before = api.lines.size();
      lab.drop(2, "", "");
      api.awaitLineAfter(before, "change node-2 NOT_READY", SOON);
      assertThat(lab.awaitView("node-2", "node-2"))
          .as("it knows that it is alone")
          .isPositive();
      await().pollDelay(Duration.ofSeconds(3)).atMost(SOON).until(() -> true); // ten of its rounds
      requireNothingButTheFirst(agent);

      lab.heal(2);
      api.awaitLineAfter(before, "change node-2 READY", SOON);
      assertThat(lab.awaitView("node-2", "api-1", "node-2")).isPositive();
      requireNothingButTheFirst(agent);

      agent.process.outputWriter().close(); // it leaves in peace, and its record with it
      api.awaitLineAfter(before, "change node-2 ABSENT", SOON);
      assertThat(agent.process.onExit()).succeedsWithin(SOON);
      agent.awaitLine("at the end", SOON); // what it has written may be read after it has ended
      assertThat(Lab.last(agent, "at the end")).isEqualTo("at the end [apply web1] there 1");
    }
  }

  private static void requireNothingButTheFirst(Program agent) {
    agent.does("tell");
    assertThat(Lab.last(agent, "changes")).isEqualTo("changes [apply web1] there 1");
  }
}
