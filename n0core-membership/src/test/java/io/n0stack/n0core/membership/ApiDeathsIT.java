package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.membership.Host.Program;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What happens when the API dies and comes back. */
@Requires(Requirement.ROOT)
class ApiDeathsIT extends LabScenarios {
  private static final Logger LOG = LoggerFactory.getLogger(ApiDeathsIT.class);

  /** Lists what a watch has told from a line on and before the API's grace was over. */
  private List<String> events(Program watcher, int from) {
    return watcher.lines.stream()
        .skip(from)
        .filter(line -> Lab.inGrace(api, line.nanos())) // this machine may be slow
        .map(Program.Line::text)
        .filter(text -> text.startsWith("event "))
        .toList();
  }

  private Program watching(String agent) {
    Program watcher = lab.member(agent);
    int before = watcher.lines.size();
    watcher.does("watch");
    for (String node : AGENTS) {
      long unused = watcher.awaitLineAfter(before, "event " + node + " READY", SOON);
    }
    return watcher;
  }

  @Test
  void anApiThatIsRestartedSaysOfNobodyThatHeIsNotReady() {
    Program watcher = watching("node-2");
    int before = watcher.lines.size();
    for (int i = 0; i < 3; i++) {
      lab.kill("api-1");
      api = lab.api(1, "store");
      api.awaitLine(i == 1 ? "joined" : "event node-2 UNKNOWN", SOON); // killed before it is all up
    }
    awaitAllReady();

    assertThat(events(api, 0))
        .startsWith("event node-2 UNKNOWN", "event node-3 UNKNOWN", "event node-4 UNKNOWN")
        .noneMatch(event -> event.endsWith("NOT_READY"));
    // A watch that comes back late has nothing to tell of one that is ready as before.
    await().atMost(SOON).until(() -> Lab.last(watcher, "event node-4 ").endsWith(" READY"));
    assertThat(events(watcher, before)).noneMatch(event -> event.endsWith("NOT_READY"));
  }

  @Test
  void anApiThatDiesHarmsNobodyAndFindsAllWhenItIsBack() {
    lab.kill("api-1");
    for (String agent : AGENTS) {
      long unused = lab.awaitView(agent, "node-2", "node-3", "node-4");
    }

    api = lab.api(1, "store");
    long joined = api.awaitLineAfter(0, "joined", SOON);
    long full = lab.awaitView("api-1", ALL);
    LOG.info("measured: API back with records -> full view ms {}", millis(joined, full));
    awaitAllReady();
    assertThat(Lab.changesInTime(api, AGENTS))
        .containsExactlyInAnyOrder("node-2 READY", "node-3 READY", "node-4 READY");
  }

  @Test
  void anApiWithoutItsRecordsIsFoundByTheAgents() {
    lab.kill("api-1");
    long unused = lab.awaitView("node-2", "node-2", "node-3", "node-4");
    api = lab.api(1, "empty");
    long joined = api.awaitLineAfter(0, "joined", SOON);
    long full = lab.awaitView("api-1", ALL);
    LOG.info("measured: API back without records -> full view ms {}", millis(joined, full));

    assertThat(Lab.changes(api, 0, 3))
        .containsExactlyInAnyOrder(
            "node-2 UNREGISTERED", "node-3 UNREGISTERED", "node-4 UNREGISTERED");
    lab.kill("api-1");
  }

  @Test
  void anApiThatDiesWithAnAgentReportsItOnlyAfterAGrace() {
    Program watcher = watching("node-2");
    int before = watcher.lines.size();
    lab.kill("api-1");
    lab.kill("node-4");
    api = lab.api(1, "store");
    api.awaitLineAfter(0, "change node-2 READY", SOON);
    long opening = api.awaitLineAfter(0, "opening", SOON);
    long told = api.awaitLineAfter(0, "change node-4 NOT_READY", SOON);

    assertThat(millis(opening, told)).isGreaterThan(10_000);
    long event = watcher.awaitLineAfter(before, "event node-4 NOT_READY", SOON);
    assertThat(millis(opening, event)).isGreaterThan(10_000);
    assertThat(events(watcher, before)).noneMatch(line -> line.endsWith("NOT_READY"));
    long back = watcher.awaitLineAfter(before, "event node-4 ", SOON);
    if (Lab.inGrace(api, back)) { // or its watch came back too late
      assertThat(events(watcher, before)).contains("event node-4 UNKNOWN");
    }
    assertThat(Lab.changesInTime(api, List.of("node-2", "node-3")))
        .containsExactlyInAnyOrder("node-2 READY", "node-3 READY", "node-4 NOT_READY");
  }
}
