package io.n0stack.n0core.membership.internal.view;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.membership.HostPort;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PaceTest {
  private static final Duration EACH = Duration.ofMillis(500);

  private final List<HostPort> strangers = IntStream.rangeClosed(1, 200)
      .mapToObj(i -> HostPort.parse("127.0.0.1:" + i))
      .toList();
  private long now = Long.MAX_VALUE - 10; // clocks may wrap around
  private final Pace pace = new Pace(EACH, () -> now);

  @Test
  void aFewAreCalledAtOnceThenOneAfterTheOtherHoweverManyThereAre() {
    assertThat(pace.some(strangers)).hasSize(Pace.AT_ONCE).doesNotHaveDuplicates();
    assertThat(pace.some(strangers)).isEmpty();
    now += EACH.toNanos() - 1;
    assertThat(pace.some(strangers)).isEmpty();
    now += 1;
    assertThat(pace.some(strangers)).hasSize(1);
    now += EACH.toNanos() * 3;
    assertThat(pace.some(strangers)).hasSize(3);
  }

  @Test
  void aLongPauseAllowsNoMoreThanAFewAtOnce() {
    assertThat(pace.some(strangers.subList(0, 2)))
        .containsExactlyInAnyOrderElementsOf(strangers.subList(0, 2));
    now += Duration.ofHours(1).toNanos();

    assertThat(pace.some(strangers)).hasSize(Pace.AT_ONCE);
  }

  @Test
  void everyStrangerHasItsTurnAlthoughNobodyAnswers() {
    Set<HostPort> called = new HashSet<>();
    for (int i = 0; i < 20_000 && called.size() < strangers.size(); i++) {
      now += EACH.toNanos();
      called.addAll(pace.some(strangers));
    }

    assertThat(called).hasSize(strangers.size());
  }
}
