package io.n0stack.n0core.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LaneTest {
  private final Lane lane = new Lane();
  private long now = -5; // a clock may begin anywhere

  private Duration restAfterFailure() {
    lane.failed(now);
    return rest();
  }

  private Duration restAfterRepair() {
    lane.repaired(now);
    return rest();
  }

  private Duration rest() {
    Duration rest = lane.rest(now);
    now += rest.toNanos();
    assertThat(lane.rest(now)).isZero();
    return rest;
  }

  @Test
  void aNewLaneDoesNotRest() {
    assertThat(lane.rest(now)).isZero();
  }

  @Test
  void pausesAfterFailuresDoubleUpToAboutFourMinutesAndEndWithASuccess() {
    List<Long> pauses = new ArrayList<>();
    for (int i = 0; i < 11; i++) {
      pauses.add(restAfterFailure().toSeconds());
    }
    assertThat(pauses).containsExactly(1L, 2L, 4L, 8L, 16L, 32L, 64L, 128L, 256L, 256L, 256L);

    lane.succeeded();

    assertThat(restAfterFailure()).isEqualTo(Duration.ofSeconds(1));
  }

  @Test
  void whatDriftsAgainAndAgainIsRepairedEverMoreSeldomUntilItHasBeenStable() {
    List<Long> pauses = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      lane.succeeded(); // a repair that works is not enough
      pauses.add(restAfterRepair().toSeconds());
    }
    assertThat(pauses).containsExactly(1L, 2L, 4L, 8L);

    now += Duration.ofMinutes(11).toNanos();

    assertThat(restAfterRepair()).isEqualTo(Duration.ofSeconds(1));
  }

  @Test
  void aRepairThatFailsRestsAsLongAsItsFailureAsks() {
    for (int i = 0; i < 5; i++) {
      lane.failed(now);
    }

    assertThat(restAfterRepair()).isEqualTo(Duration.ofSeconds(16));
  }

  @Test
  void whoFindsItTakenIsCalledWhenItIsFreed() {
    List<String> calls = new ArrayList<>();
    assertThat(lane.begin()).isTrue();
    assertThat(lane.begin()).isFalse();
    assertThat(lane.beginOrLeave(() -> calls.add("left"))).isFalse();

    lane.end().run();

    assertThat(calls).containsExactly("left");
    assertThat(lane.beginOrLeave(() -> calls.add("again"))).isTrue();
    lane.end().run();
    assertThat(calls).containsExactly("left");
  }

  @Test
  void oneLookIsLeftAndRunBehindTheOperationThatWaits() {
    List<String> calls = new ArrayList<>();
    assertThat(lane.begin()).isTrue();
    assertThat(lane.leave(() -> calls.add("look"))).isTrue();
    assertThat(lane.leave(() -> calls.add("another"))).isFalse();
    assertThat(lane.beginOrLeave(() -> calls.add("operation"))).isFalse();

    lane.end().run();

    assertThat(calls).containsExactly("operation", "look");
    assertThat(lane.begin()).isTrue();
    lane.end().run();
    assertThat(calls).hasSize(2);
  }

  @Test
  void onlyTheLastStepsAreKept() {
    for (int i = 0; i < 20; i++) {
      lane.note(new Lane.Taken("apply", "step " + i, i, Duration.ZERO, ""));
    }

    List<Explanation.Step> steps = lane.steps(25);

    assertThat(steps).hasSize(16);
    assertThat(steps.get(15).name()).isEqualTo("step 19");
    assertThat(steps.get(15).ago()).isEqualTo(Duration.ofNanos(6));
  }
}
