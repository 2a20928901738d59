package io.n0stack.n0core.membership.internal.view;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.internal.identity.Peer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
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

  @Test
  void whoWasNotHeardOfForLongestMakesRoomAndWhoIsConfiguredStays() {
    seeds.keep(List.of(API));
    List<HostPort> found = IntStream.range(0, Seeds.MOST - 1)
        .mapToObj(i -> HostPort.parse("10.0." + i / 256 + "." + i % 256 + ":1"))
        .toList();
    seeds.add(found);
    clock.addAndGet(Duration.ofHours(1).toNanos());
    HostPort alive = found.get(0);
    assertThat(seeds.due(List.of(peer(alive)))).hasSize(Seeds.MOST - 1).doesNotContain(alive);
    List<HostPort> silent = found.subList(1, found.size());

    for (int i = 0; i < silent.size(); i++) {
      seeds.add(List.of(HostPort.parse("10.1." + i / 256 + "." + i % 256 + ":1")));
    }

    assertThat(seeds.all())
        .hasSize(Seeds.MOST)
        .contains(API, alive)
        .doesNotContainAnyElementsOf(silent);
  }

  private static Peer peer(HostPort address) {
    return new Peer("node-1", "boot", address, Peer.Role.NODE);
  }
}
