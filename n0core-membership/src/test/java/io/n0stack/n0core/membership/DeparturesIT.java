package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.membership.Host.Program;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What happens when agents leave, die, hang, move and come back. */
@Requires(Requirement.ROOT)
class DeparturesIT extends LabScenarios {
  private static final Logger LOG = LoggerFactory.getLogger(DeparturesIT.class);

  @Test
  void oneThatLeavesIsGoneForAllAtOnceAndTheOthersStay() {
    int before = api.lines.size();
    long asked = System.nanoTime();
    lab.member("node-4").write("leave");
    List<Long> took = new ArrayList<>();
    for (String other : List.of("api-1", "node-2", "node-3")) {
      took.add(millis(asked, lab.awaitView(other, "api-1", "node-2", "node-3")));
    }
    lab.member("node-4").awaitLine("done leave", SOON);
    LOG.info(
        "measured: leave -> gone for API and agents ms {}; leave itself took {}",
        took,
        millis(asked, System.nanoTime()));

    assertThat(Lab.changes(api, before, 1)).containsExactly("node-4 NOT_READY"); // its record stays
    lab.kill("node-4");
  }

  @Test
  void oneThatIsKilledIsNotReadyAndItsRestartIsReadyAgain() {
    int before = api.lines.size();
    long killed = System.nanoTime();
    lab.kill("node-4");
    long seen = api.awaitLineAfter(before, "change node-4 NOT_READY", SOON);
    LOG.info("measured: kill -9 -> NOT_READY ms {}", millis(killed, seen));

    long unused = lab.awaitView("node-2", "api-1", "node-2", "node-3");
    Program again = lab.agent(4, "node-4");
    again.awaitLine("saved", SOON);
    long ready = api.awaitLineAfter(before, "change node-4 READY", SOON);
    assertThat(ready).isGreaterThan(seen);
    assertThat(Lab.changes(api, before, 2)).containsExactly("node-4 NOT_READY", "node-4 READY");
  }

  @Test
  void aQuickRestartUnderTheSameNameIsADepartureAndAnArrival() {
    int before = api.lines.size();
    lab.kill("node-4");
    Program unused = lab.agent(4, "node-4");

    awaitAllReady();
    assertThat(Lab.changes(api, before, 2)).containsExactly("node-4 NOT_READY", "node-4 READY");
  }

  @Test
  void oneThatMovesToAnotherAddressIsFoundThere() {
    lab.kill("node-4");
    int before = api.lines.size();
    Program moved = lab.agent(SPARE, "node-4");
    moved.awaitLine("saved", SOON);

    api.awaitLineAfter(before, "change node-4 READY", SOON);
    awaitAllReady();
    int quiet = api.lines.size();
    pass(Duration.ofSeconds(4)); // nobody probes the old address
    assertThat(Lab.changes(api, quiet)).isEmpty();
    lab.kill("node-4");
  }

  @Test
  void aHostWithoutPowerIsNotReadyUntilItIsBack() {
    int before = api.lines.size();
    long begun = System.nanoTime();
    lab.drop(4, "", "");
    lab.member("node-4").signal("STOP");
    long seen = api.awaitLineAfter(before, "change node-4 NOT_READY", SOON);
    LOG.info("measured: power-off -> NOT_READY ms {}", millis(begun, seen));
    long unused = lab.awaitView("node-2", "api-1", "node-2", "node-3");

    lab.member("node-4").signal("CONT");
    lab.heal(4);
    long healed = System.nanoTime();
    long back = api.awaitLineAfter(before, "change node-4 READY", SOON);
    LOG.info("measured: healed -> READY ms {}", millis(healed, back));
    awaitAllReady();
    assertThat(Lab.changes(api, before, 2)).containsExactly("node-4 NOT_READY", "node-4 READY");
  }

  @Test
  void aStoppedProcessIsNotReadyUntilItGoesOnAndBlamesNobody() {
    int before = api.lines.size();
    long begun = System.nanoTime();
    Program stopped = lab.member("node-4");
    int own = stopped.lines.size();
    stopped.signal("STOP");
    long seen = api.awaitLineAfter(before, "change node-4 NOT_READY", SOON);
    long unused = lab.awaitView("node-3", "api-1", "node-2", "node-3");
    long continued = System.nanoTime();
    stopped.signal("CONT");
    long back = api.awaitLineAfter(before, "change node-4 READY", SOON);
    LOG.info(
        "measured: SIGSTOP -> NOT_READY ms {}; SIGCONT -> READY ms {}",
        millis(begun, seen),
        millis(continued, back));

    awaitAllReady();
    assertThat(Lab.changes(api, before, 2)).containsExactly("node-4 NOT_READY", "node-4 READY");
    assertThat(stopped.lines.stream().skip(own)).isEmpty(); // it has lost sight of nobody
  }

  private static String instance(Program member) {
    member.does("instance");
    return Lab.last(member, "instance ");
  }

  @Test
  void aProtocolThatHasStoppedWorkingIsStartedAgain() {
    int before = api.lines.size();
    Program broken = lab.member("node-4");
    String first = instance(broken);
    broken.does("break");
    await().atMost(SOON).until(() -> !instance(broken).equals(first));
    broken.does("mend");

    lab.kill("node-3"); // it must see that
    long unused = lab.awaitView("node-4", "api-1", "node-2", "node-4");
    api.awaitLineAfter(before, "change node-3 NOT_READY", SOON);
    assertThat(Lab.changes(api, before)).containsOnly("node-3 NOT_READY");
  }
}
