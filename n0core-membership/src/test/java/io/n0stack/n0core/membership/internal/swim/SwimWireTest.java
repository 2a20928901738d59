package io.n0stack.n0core.membership.internal.swim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.swim.SwimWire.Form;
import io.n0stack.n0core.membership.internal.swim.SwimWire.State;
import io.n0stack.n0core.membership.internal.swim.SwimWire.Told;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SwimWireTest {
  private static final HostPort ADDRESS = HostPort.parse("127.0.0.1:5679");
  private static final Told TOLD = new Told("node-1@b1", ADDRESS, State.ALIVE, 7);

  private static final List<State> STATES = List.of(State.values());

  private static List<Optional<Told>> several(int count) {
    List<Optional<Told>> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      State state = STATES.get(i % STATES.size());
      all.add(
          i % 5 == 4
              ? Optional.empty()
              : Optional.of(new Told("node-" + i + "@b", ADDRESS, state, i)));
    }
    return all;
  }

  @Test
  void whatIsWrittenIsRead() {
    for (Form form : List.of(Form.MEMBER, Form.PAIR, Form.NEWS, Form.LIST)) {
      int count = form == Form.MEMBER ? 1 : form == Form.PAIR ? 2 : 500;
      assertThat(SwimWire.read(form, SwimWire.write(form, several(count))))
          .isEqualTo(several(count));
    }
    assertThat(SwimWire.readFlag(SwimWire.write(true))).isTrue();
    assertThat(SwimWire.readFlag(SwimWire.write(false))).isFalse();
  }

  @Test
  void whatIsNotOfTheFormIsRefused() {
    byte[] pair = SwimWire.write(Form.PAIR, several(2));

    assertThatExceptionOfType(N0Exception.class).isThrownBy(() -> SwimWire.read(Form.NEWS, pair));
    assertThatExceptionOfType(N0Exception.class).isThrownBy(() -> SwimWire.readFlag(pair));
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() ->
            SwimWire.read(Form.NEWS, SwimWire.write(Form.NEWS, several(SwimWire.MOST_NEWS + 1))));
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> SwimWire.read(Form.LIST, new byte[] {3, -1, -1, 0}));
  }

  /** Whatever comes is read or refused, and nothing else. */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void mutationsAreReadOrRefused(long seed) {
    Random random = new Random(seed);
    byte[] good = SwimWire.write(Form.NEWS, several(6));
    int refused = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] bad = Arrays.copyOf(good, random.nextInt(good.length + 8));
      for (int change = random.nextInt(6); change >= 0 && bad.length > 0; change--) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt();
      }
      try {
        assertThat(SwimWire.read(Form.NEWS, bad)).hasSizeLessThanOrEqualTo(SwimWire.MOST_NEWS);
      } catch (N0Exception e) {
        refused++;
      }
    }
    assertThat(refused).as("seed %d", seed).isPositive();
  }

  @Test
  void whatNamesNoStartOfAMemberIsNotOfOne() {
    assertThat(TOLD.ofMember()).isTrue();
    for (String id : List.of("node-1", "@b1", "node-1@", "a@b@c", "seed:127.0.0.1:1", "A@b")) {
      assertThat(new Told(id, ADDRESS, State.ALIVE, 1).ofMember()).as(id).isFalse();
    }
    assertThat(new Told("a@b", ADDRESS, State.NONE, 1).ofMember()).isFalse();
    assertThat(new Told("a@b", HostPort.parse("name:1"), State.DEAD, 1).ofMember())
        .isFalse();
  }

  @Test
  void whoIsBelievedToExistIsLimitedAndWhoGreetedIsWhereItSaid() {
    Peer self = new Peer("api-1", "b0", ADDRESS, Peer.Role.REGISTRY);
    HostPort here = HostPort.parse("127.0.0.2:1");
    SwimGuard guard = new SwimGuard(
        () -> self, id -> id.equals("node-1@b1") ? Optional.of(here) : Optional.empty());
    List<Optional<Told>> news = new ArrayList<>();
    for (int i = 0; i < 2 * SwimGuard.MOST_UNCONFIRMED; i++) {
      news.add(Optional.of(new Told("fake-" + i + "@b", ADDRESS, State.ALIVE, 1)));
    }

    assertThat(guard.answer(SwimMessages.SYNC, news)).hasSize(SwimGuard.MOST_UNCONFIRMED);
    Told forged = new Told("node-1@b1", ADDRESS, State.ALIVE, 1);
    Told known = new Told("node-1@b1", here, State.DEAD, 1);
    Told far = new Told("node-1@b1", here, State.DEAD, SwimGuard.MOST_HEARSAY + 1);
    assertThat(guard.answer(
            SwimMessages.SYNC, List.of(Optional.of(forged), Optional.of(known), Optional.of(far))))
        .containsExactly(Optional.of(known));
    guard.listed(List.of("fake-1@b"));
    assertThat(guard.answer(SwimMessages.SYNC, news.subList(1500, 1600))).hasSize(100);
  }
}
