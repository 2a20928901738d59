package io.n0stack.n0core.membership.internal.view;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.internal.identity.Claims.Claim;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.identity.Peer.Role;
import io.n0stack.n0core.membership.internal.view.LivingMembers.Listed;
import io.n0stack.n0core.membership.internal.view.LivingMembers.Reach;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LivingMembersTest {
  private static final Member SELF = new Member("api-1", "127.0.0.1:1", "b0");
  private static final Member NODE = new Member("node-1", "127.0.0.1:2", "b1");
  private static final long SECOND = Duration.ofSeconds(1).toNanos();

  private final Map<String, Claim> claims = new HashMap<>();
  private long now = Long.MAX_VALUE - 2 * SECOND; // clocks may wrap around
  private final LivingMembers living = new LivingMembers(SELF, Timings.DEFAULT, () -> now);

  private Set<Member> among(Listed... listed) {
    return living.among(List.of(listed), name -> Optional.ofNullable(claims.get(name)));
  }

  private Peer greeted(String name, String boot) {
    Peer peer = new Peer(name, boot, HostPort.parse("127.0.0.1:2"), Role.NODE);
    claims.put(name, new Claim(peer, now));
    return peer;
  }

  private static Listed listed(String name, String boot) {
    return new Listed(name + "@" + boot, HostPort.parse("127.0.0.1:2"), Reach.REACHABLE);
  }

  private static Listed suspect(String name, String boot) {
    return new Listed(name + "@" + boot, HostPort.parse("127.0.0.1:2"), Reach.SUSPECT);
  }

  private void pass(long seconds) {
    for (long i = 0; i < 2 * seconds; i++) {
      now += SECOND / 2;
      Set<Member> unused = living.among(List.of(suspect("none", "b")), name -> Optional.empty());
    }
  }

  @Test
  void oneThatSaidGoodbyeIsGoneUntilItStartsAgain() {
    greeted("node-1", "b1");
    assertThat(among(listed("node-1", "b1"))).containsExactlyInAnyOrder(SELF, NODE);

    living.leave("b1");
    assertThat(among(listed("node-1", "b1"))).containsExactly(SELF);

    greeted("node-1", "b2");
    assertThat(among(listed("node-1", "b2"), listed("node-1", "b1")))
        .containsExactlyInAnyOrder(SELF, new Member("node-1", "127.0.0.1:2", "b2"));
  }

  @Test
  void gossipAloneMakesNobodyAMember() {
    assertThat(among(listed("node-1", "b1"))).containsExactly(SELF);
    greeted("node-1", "b1");
    assertThat(among(listed("node-1", "b9"), listed("../x", "b1"), listed("@", "")))
        .containsExactly(SELF);
  }

  @Test
  void whoIsCalledIsWhoHasNotGreeted() {
    greeted("node-1", "b1");

    assertThat(LivingMembers.strangers(
            List.of(listed("node-1", "b1"), listed("api-1", "b0"), listed("node-1", "b2")),
            "api-1@b0",
            name -> Optional.ofNullable(claims.get(name))))
        .containsExactly(HostPort.parse("127.0.0.1:2"));
  }

  @Test
  void aSuspectHasTheWholeTimeByThisClockWhateverAtomixSays() {
    greeted("node-1", "b1");
    assertThat(among(listed("node-1", "b1"))).hasSize(2);

    assertThat(among(suspect("node-1", "b1"))).hasSize(2);
    for (int i = 0; i < 5; i++) {
      now += SECOND / 2;
      assertThat(among()).hasSize(2); // Atomix may have dropped it, because the clock was set
    }
    now += SECOND / 2;
    assertThat(among()).containsExactly(SELF);
    assertThat(among(suspect("node-1", "b1"))).containsExactly(SELF);
  }

  @Test
  void oneThatWasGivenUpComesBackOnlyByASignOfLifeOfItsOwn() {
    greeted("node-1", "b1");
    Set<Member> before = among(listed("node-1", "b1"));
    for (int i = 0; i < 8; i++) {
      now += SECOND / 2;
      before = among();
    }
    assertThat(before).containsExactly(SELF);

    assertThat(among(listed("node-1", "b1"))).containsExactly(SELF);
    now += 1;
    greeted("node-1", "b1");
    assertThat(among(listed("node-1", "b1"))).hasSize(2);
  }

  @Test
  void aPauseOfThisProcessIsNotTheOthersSilence() {
    greeted("node-1", "b1");
    assertThat(among(listed("node-1", "b1"))).hasSize(2);
    assertThat(among(suspect("node-1", "b1"))).hasSize(2);

    now += 60 * SECOND;
    assertThat(among(suspect("node-1", "b1"))).hasSize(2);
    assertThat(living.next()).hasValue(Duration.ofSeconds(2)); // after two probes
  }

  @Test
  void aSuspectThatIsHeardIsNotGone() {
    greeted("node-1", "b1");
    assertThat(among(listed("node-1", "b1"))).hasSize(2);
    assertThat(among(suspect("node-1", "b1"))).hasSize(2);
    for (int i = 0; i < 40; i++) {
      now += SECOND / 2;
      assertThat(living.suspects()).containsExactly(HostPort.parse("127.0.0.1:2"));
      greeted("node-1", "b1");
      assertThat(among(suspect("node-1", "b1"))).hasSize(2);
      assertThat(living.suspects()).as("just heard").isEmpty();
    }
    now += SECOND;
    assertThat(among(suspect("node-1", "b1"))).hasSize(2);
    now += SECOND;
    assertThat(among(suspect("node-1", "b1"))).hasSize(2);
    now += SECOND;
    assertThat(among(suspect("node-1", "b1"))).containsExactly(SELF);
  }

  @Test
  void whoHasBeenSilentForLongestIsAskedFirst() {
    List<Listed> all = new ArrayList<>();
    for (int i = 1; i <= 5; i++) {
      now += SECOND / 4;
      HostPort address = HostPort.parse("127.0.0.1:" + i);
      claims.put("node-" + i, new Claim(new Peer("node-" + i, "b" + i, address, Role.NODE), now));
      all.add(new Listed("node-" + i + "@b" + i, address, Reach.REACHABLE));
      assertThat(among(all.toArray(Listed[]::new))).hasSize(i + 1);
    }
    now += SECOND / 4;
    assertThat(among()).hasSize(6);

    assertThat(living.suspects()).extracting(HostPort::port).containsExactly(1, 2, 3, 4, 5);
  }

  @Test
  void oneThatHasJoinedIsAMemberWhateverAtomixWasTold() {
    Peer peer = greeted("node-1", "b1");
    assertThat(among()).containsExactly(SELF);
    assertThat(living.unseen(List.of(peer))).containsExactly(peer.address());
    assertThat(living.unseen(List.of(peer))).as("not all the time").isEmpty();
    assertThat(living.hasUnseen()).isTrue();

    living.answered(peer);
    assertThat(among()).containsExactlyInAnyOrder(SELF, NODE);
    assertThat(living.unseen(List.of(peer))).isEmpty();
    assertThat(living.hasUnseen()).isFalse();
    Set<Member> view = among();
    for (int i = 0; i < 6; i++) {
      assertThat(view).hasSize(2);
      now += SECOND / 2;
      view = among();
    }
    assertThat(view).as("silent").containsExactly(SELF);

    assertThat(living.unseen(List.of(peer))).hasSize(1);
    greeted("node-1", "b1");
    living.answered(peer);
    assertThat(among()).hasSize(2);
    living.leave("b1");
    living.answered(peer);
    assertThat(among()).containsExactly(SELF);
    assertThat(living.unseen(List.of(peer))).isEmpty();
  }

  @Test
  void whatOthersSayOfOneIsNotEnoughForLong() {
    greeted("node-1", "b1");
    assertThat(among(listed("node-1", "b1"))).hasSize(2);
    living.wantFirstHand();
    int seconds = 0;
    while (among(listed("node-1", "b1")).size() == 2 && seconds < 60) {
      assertThat(living.suspects()).hasSize(seconds < 10 ? 0 : 1);
      now += SECOND;
      seconds++;
    }
    assertThat(seconds).isBetween(20, 23);
    assertThat(among(listed("node-1", "b1"))).as("others still say so").hasSize(1);

    greeted("node-1", "b1");
    now += 1;
    assertThat(among(listed("node-1", "b1"))).hasSize(1);
    greeted("node-1", "b1");
    assertThat(among(listed("node-1", "b1"))).hasSize(2);
  }

  @Test
  void whoDoesNotAnswerIsAskedLessAndLess() {
    Peer peer = greeted("node-1", "b1");
    int asked = 0;
    for (int i = 0; i < 1200; i++) {
      now += SECOND / 10;
      asked += living.unseen(List.of(peer)).size();
    }

    assertThat(asked).isBetween(8, 12); // in two minutes
  }

  @Test
  void nobodyCanSayGoodbyeForThisMember() {
    living.leave("b0");

    assertThat(among()).containsExactly(SELF);
  }

  @Test
  void goodbyesDoNotFillMemory() {
    for (int i = 0; i < 5000; i++) {
      living.leave("boot-" + i);
    }
    pass(1);

    greeted("node-1", "boot-0");
    assertThat(among(listed("node-1", "boot-0"))).hasSize(2);
    greeted("node-1", "boot-4999");
    assertThat(among(listed("node-1", "boot-4999"))).hasSize(1);
  }
}
