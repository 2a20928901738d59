package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.membership.Host.Program;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What happens when somebody sets a host's date, or it starts with a wrong one. */
@Requires(Requirement.ROOT)
class ClockJumpsIT extends LabScenarios {
  private static final Duration HOUR = Duration.ofHours(1);

  @Override
  void prepare(Path directory) {
    lab.useClocks(ShiftedClock.jar(directory));
  }

  private Program agentWithClock(Duration shift) {
    lab.kill("node-4");
    lab.setClock(shift);
    Program agent = lab.agent(4, "node-4");
    lab.setClock(Duration.ZERO);
    return agent;
  }

  /** Makes sure that a process's clock is really wrong: by how much, in minutes. */
  private static long minutesAhead(Program program) {
    program.does("clock");
    String told = Lab.last(program, "clock ").substring(6);
    return Math.round((Long.parseLong(told) - System.currentTimeMillis()) / 60_000.0);
  }

  @Test
  void aMemberWhoseClockIsWrongJoinsAndItsRestartWithAnotherIsADepartureAndAnArrival() {
    for (Duration shift : List.of(HOUR, HOUR.negated())) {
      int before = api.lines.size();
      Program agent = agentWithClock(shift);
      awaitAllReady();

      assertThat(minutesAhead(agent)).isEqualTo(shift.toMinutes());
      assertThat(Lab.changes(api, before, 2)).containsExactly("node-4 NOT_READY", "node-4 READY");
    }
    // The last start was an hour late, the one before an hour early: it has been set back by two.
    int before = api.lines.size();
    lab.kill("node-4");
    api.awaitLineAfter(before, "change node-4 NOT_READY", SOON);
  }

  @Test
  void anApiWhoseClockIsWrongSeesEverybody() {
    for (Duration shift : List.of(HOUR, HOUR.negated())) {
      lab.kill("api-1");
      lab.setClock(shift);
      api = lab.api(1, "store");
      lab.setClock(Duration.ZERO);
      awaitAllReady();

      assertThat(minutesAhead(api)).isEqualTo(shift.toMinutes());
      assertThat(Lab.changesInTime(api, AGENTS))
          .containsExactlyInAnyOrder("node-2 READY", "node-3 READY", "node-4 READY");
    }
  }

  @Test
  void aClockThatJumpsMakesNobodyNotReadyAndHidesNobodysDeath() {
    int before = api.lines.size();
    for (String name : List.of("node-4", "api-1")) {
      for (Duration shift : List.of(HOUR, HOUR.negated(), Duration.ZERO)) {
        lab.member(name).does("clock " + shift.toMillis());
        assertThat(minutesAhead(lab.member(name))).isEqualTo(shift.toMinutes());
        pass(Duration.ofMillis(2_500));
      }
    }
    assertThat(Lab.changes(api, before)).isEmpty();

    // While one is suspect the clock is set ahead: it is not given up sooner for that.
    api.does("clock 0");
    long stopped = System.nanoTime();
    lab.member("node-4").signal("STOP");
    pass(Duration.ofMillis(1_200));
    api.does("clock " + HOUR.toMillis());
    pass(Duration.ofMillis(400));
    lab.member("node-4").signal("CONT");
    if (millis(stopped, System.nanoTime()) < 2_500) { // or this machine was too slow to tell
      assertThat(Lab.changes(api, before)).isEmpty();
    }
    awaitAllReady();

    int set = api.lines.size();
    api.does("clock " + HOUR.negated().toMillis());
    lab.kill("node-3");
    api.awaitLineAfter(set, "change node-3 NOT_READY", SOON);
    api.does("clock 0");
  }
}
