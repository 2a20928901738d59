package io.n0stack.n0core.membership.internal.view;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.membership.HostPort;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class SeedsTest {
  private static final HostPort SELF = HostPort.parse("127.0.0.1:1");
  private static final HostPort API = HostPort.parse("127.0.0.1:2");

  private final AtomicLong clock = new AtomicLong();
  private final Seeds seeds = new Seeds(SELF, clock::get);

  @Test
  void allAreListedHoweverLateAtomixAsksFirst() {
    seeds.add(List.of(API, SELF));
    seeds.begin();
    clock.addAndGet(Duration.ofSeconds(30).toNanos());

    assertThat(seeds.first()).containsExactly(API);
  }

  @Test
  void noneIsListedOnceTheFirstMomentIsOver() {
    seeds.add(List.of(API));
    seeds.begin();
    seeds.first();
    clock.addAndGet(Duration.ofSeconds(30).toNanos());

    assertThat(seeds.first()).isEmpty();
  }
}
