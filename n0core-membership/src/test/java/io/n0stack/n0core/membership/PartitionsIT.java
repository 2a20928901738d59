package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What happens when hosts do not reach each other, or only sometimes. */
@Requires(Requirement.ROOT)
class PartitionsIT extends LabScenarios {
  private static final Logger LOG = LoggerFactory.getLogger(PartitionsIT.class);

  @Test
  void aPartitionHealsByItself() {
    int before = api.lines.size();
    String others = "{ 10.77.0.1, 10.77.0.2 }";
    for (int host : new int[] {3, 4}) {
      lab.drop(host, "ip saddr " + others, "ip daddr " + others);
    }
    api.awaitLineAfter(before, "change node-3 NOT_READY", SOON);
    api.awaitLineAfter(before, "change node-4 NOT_READY", SOON);
    assertThat(lab.awaitView("node-2", "api-1", "node-2")).isPositive();
    assertThat(lab.awaitView("node-3", "node-3", "node-4")).isPositive();

    long healed = System.nanoTime();
    lab.heal(3);
    lab.heal(4);
    long back = lab.awaitView("api-1", ALL);
    LOG.info("measured: partition healed -> full view of the API ms {}", millis(healed, back));
    awaitAllReady();
    assertThat(Lab.changes(api, before, 4))
        .containsExactlyInAnyOrder(
            "node-3 NOT_READY", "node-4 NOT_READY", "node-3 READY", "node-4 READY");
  }

  @Test
  void whoDoesNotHearTheApiHasNotDepartedUnlessHeHearsNobody() {
    requireNoDepartureUntil(
        () -> lab.drop(4, "ip saddr 10.77.0.1", Lab.NOTHING), () -> lab.drop(4, "", Lab.NOTHING));
  }

  @Test
  void whoIsNotHeardByTheApiHasNotDepartedUnlessNobodyHearsHim() {
    requireNoDepartureUntil(
        () -> lab.drop(4, Lab.NOTHING, "ip daddr 10.77.0.1"), () -> lab.drop(4, Lab.NOTHING, ""));
  }

  /** The others still reach both at first. */
  private void requireNoDepartureUntil(Runnable betweenTwo, Runnable fromAll) {
    int before = api.lines.size();
    betweenTwo.run();
    pass(Duration.ofSeconds(8));

    assertThat(Lab.changes(api, before)).isEmpty();
    fromAll.run();
    api.awaitLineAfter(before, "change node-4 NOT_READY", SOON);
    lab.heal(4);
    api.awaitLineAfter(before, "change node-4 READY", SOON);
  }

  @Test
  void aFlappingLinkIsNoDeparture() {
    int before = api.lines.size();
    long longest = 0;
    for (int i = 0; i < Repetition.of(6); i++) {
      long dropped = System.nanoTime();
      lab.drop(4, "", "");
      pass(Duration.ofMillis(800));
      lab.heal(4);
      longest = Math.max(longest, millis(dropped, System.nanoTime()));
      pass(Duration.ofMillis(800));
    }

    awaitAllReady();
    LOG.info("measured: longest drop of a flapping link ms {}", longest);
    if (longest < 1_600) { // or this machine was too slow to tell
      assertThat(Lab.changes(api, before)).isEmpty();
    }
  }

  @Test
  void lossOfAFifthMakesNobodyNotReady() {
    int before = api.lines.size();
    for (int host = 1; host <= 4; host++) {
      lab.drop(host, "numgen random mod 100 < 20", Lab.NOTHING);
    }
    pass(Duration.ofMillis(Repetition.of(12_000)));

    assertThat(Lab.changes(api, before)).isEmpty();
  }
}
