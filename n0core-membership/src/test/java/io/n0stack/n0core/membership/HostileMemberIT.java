package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.membership.Host.Program;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a member can do that is let in, with a certificate of its name. Every process ends at its first
 * OutOfMemoryError.
 */
@Requires(Requirement.ROOT)
@Timeout(900)
class HostileMemberIT {
  private static final Duration SOON = Lab.SOON;
  private static final List<String> AGENTS = List.of("node-2", "node-3", "node-4");

  @TempDir
  Path directory;

  private Lab lab;
  private Program api;
  private Program hostile;

  @BeforeEach
  void open() {
    lab = new Lab(4, directory, Lab.Keys.CERTIFICATES);
    api = lab.api(1, "store");
    for (int host : new int[] {2, 3}) {
      Program unused = lab.agent(host, "node-" + host);
    }
    hostile = lab.hostile(4, "node-4");
    api.awaitLine("joined", SOON);
    Lab.awaitReady(api, AGENTS);
  }

  @AfterEach
  void close() {
    lab.close();
  }

  @Test
  void oneThatBlamesOthersMakesNobodyNotReadyWhomTheApiCanReach() {
    Program agent = lab.member("node-2");
    agent.does("watch");
    agent.awaitLine("event node-3 READY", SOON);
    int before = api.lines.size();
    hostile.does("blame");
    await()
        .pollDelay(Duration.ofMillis(Repetition.of(10_000)))
        .atMost(Duration.ofMinutes(10))
        .until(() -> true);
    assertThat(Lab.changes(api, before)).isEmpty();

    // Also an API that has never seen them finds them, whatever it is told first.
    lab.kill("api-1");
    api = lab.api(1, "store");
    Lab.awaitReady(api, AGENTS);
    int ready = api.lines.size();
    assertThat(Lab.changesInTime(api, AGENTS))
        .containsExactlyInAnyOrder("node-2 READY", "node-3 READY", "node-4 READY");
    assertThat(agent.lines)
        .filteredOn(line -> Lab.inGrace(api, line.nanos())) // this machine may be slow
        .extracting(Program.Line::text)
        .noneMatch(line -> line.startsWith("event") && line.endsWith("NOT_READY"));

    // And one that it cannot reach is not ready, as always.
    lab.kill("node-3");
    api.awaitLineAfter(ready, "change node-3 NOT_READY", SOON);
    agent.awaitLine("event node-3 NOT_READY", SOON);
    assertThat(Lab.changes(api, ready)).containsExactly("node-3 NOT_READY");
  }

  @Test
  void whatItSendsIsReadOrRefusedAndDoesNotFillTheMemory() {
    long errors = lab.memoryErrors();
    int before = api.lines.size();
    long seed = System.nanoTime();
    for (String harm : List.of("fuzz " + seed + " " + Repetition.of(1_500), "flood")) {
      int from = hostile.lines.size();
      hostile.write(harm);
      hostile.awaitLineAfter(from, "done " + harm, Duration.ofMinutes(10));
      assertThat(lab.runs("api-1")).as(harm).isTrue();
    }

    Lab.awaitReady(api, AGENTS);
    assertThat(Lab.changes(api, before)).doesNotContain("node-2 NOT_READY", "node-3 NOT_READY");
    assertThat(lab.memoryErrors()).isEqualTo(errors);
    // The protocol's tasks still run: it finds out by itself that one is gone.
    lab.kill("node-3");
    api.awaitLineAfter(before, "change node-3 NOT_READY", SOON);
    assertThat(lab.runs("api-1")).isTrue();
  }
}
