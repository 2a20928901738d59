package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.membership.Host.Program;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one can do who sees and changes all that goes over the network but can prove to be nobody. Every
 * process ends at its first OutOfMemoryError.
 */
@Requires(Requirement.ROOT)
@Timeout(900)
class ForgeriesIT {
  private static final Logger LOG = LoggerFactory.getLogger(ForgeriesIT.class);
  private static final Duration SOON = Lab.SOON;
  private static final int ATTACKER = 6;
  /** Longer than a suspect has until it is given up. */
  private static final Duration QUIET = Duration.ofSeconds(8);

  private static final String[] ALL = {"api-1", "node-2", "node-3", "node-4"};
  private static final List<String> EVENTS = List.of("members ", "change ", "event ");
  private static final String STATES =
      "nodes node-2=READY,node-3=READY,node-4=READY,node-5=NOT_READY";

  @ParameterizedTest
  @EnumSource
  void whatIsReplayedForgedOrMalformedChangesNothing(Lab.Keys keys, @TempDir Path directory) {
    try (Lab lab = new Lab(ATTACKER, directory, keys)) {
      Program api = lab.api(1, "store");
      api.awaitLine("joined", SOON);
      for (int host : new int[] {2, 3}) {
        Program unused = lab.agent(host, "node-" + host);
      }
      Program attacker = lab.attacker(ATTACKER, "node-5");
      attacker.awaitLine("up", SOON);
      overhear(lab, api);
      attacker.does("tell");
      assertThat(Lab.last(attacker, "heard "))
          .doesNotStartWith("heard 0 ")
          .endsWith(
              keys == Lab.Keys.SECRET ? "read [n0core-leave, n0core-node-registry]" : "read []");
      Program victim = lab.member("node-2");
      victim.does("boot");
      Map<String, List<String>> before = events(lab);

      int from = attacker.lines.size();
      attacker.write("attack node-2 " + Lab.last(victim, "boot ").substring(5) + " "
          + Lab.address(2) + " node-5");
      attacker.awaitLineAfter(from, "done attack", Duration.ofMinutes(10));
      LabScenarios.pass(QUIET);
      for (String told : List.of("heard ", "seed ", "sent ")) {
        LOG.info("{}: {}", keys, Lab.last(attacker, told));
      }

      assertThat(Lab.last(attacker, "sent ")).endsWith(", let in 0");
      for (String name : ALL) {
        assertThat(lab.runs(name)).as(name).isTrue();
      }
      assertThat(events(lab)).isEqualTo(before);
      api.does("nodes");
      assertThat(Lab.last(api, "nodes ")).isEqualTo(STATES);
      assertThat(lab.memoryErrors()).isZero();

      lab.straighten(4);
      lab.kill("attacker");
      restart(lab, api);
    }
  }

  /** Lets the attacker see one agent come and stay, and another come and go. */
  private static void overhear(Lab lab, Program api) {
    List<String> ready = new ArrayList<>(List.of("node-2", "node-3"));
    Lab.awaitReady(api, ready);
    for (int host : new int[] {4, 5}) {
      // Its first connection has to be that over the attacker: from there no name is taken that is
      // in use.
      lab.divert(host, ATTACKER);
      Program unused = lab.agent(host, "node-" + host);
      ready.add("node-" + host);
      Lab.awaitReady(api, ready);
    }
    lab.member("node-5").write("leave");
    lab.member("node-5").awaitLine("done leave", SOON);
    lab.kill("node-5");
    api.awaitLine("change node-5 NOT_READY", SOON);
    api.awaitLine("event node-5 NOT_READY", SOON);
    awaitAll(lab, api);
  }

  private static void restart(Lab lab, Program api) {
    int before = api.lines.size();
    lab.kill("node-3");
    api.awaitLineAfter(before, "change node-3 NOT_READY", SOON);
    Program again = lab.agent(3, "node-3");
    again.awaitLine("saved", SOON);
    api.awaitLineAfter(before, "change node-3 READY", SOON);
    awaitAll(lab, api);
  }

  private static void awaitAll(Lab lab, Program api) {
    for (String name : ALL) {
      long unused = lab.awaitView(name, ALL);
    }
    await(STATES).atMost(SOON).until(() -> {
      api.does("nodes");
      return Lab.last(api, "nodes ").equals(STATES);
    });
  }

  /** Lists what each has told of its view, of nodes and of their states. */
  private static Map<String, List<String>> events(Lab lab) {
    Map<String, List<String>> events = new TreeMap<>();
    for (String name : ALL) {
      events.put(
          name,
          lab.member(name).lines.stream()
              .map(Program.Line::text)
              .filter(text -> EVENTS.stream().anyMatch(text::startsWith))
              .toList());
    }
    return events;
  }
}
