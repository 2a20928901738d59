package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.api.node.Member;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LivingMembersTest {
  private static final Member SELF = new Member("api-1", "127.0.0.1:1", "b0");
  private final LivingMembers living = new LivingMembers(SELF);

  @Test
  void oneThatSaidGoodbyeIsGoneUntilItStartsAgain() {
    living.leave("b1");

    assertThat(living.among(List.of(listed("node-1", "b1")))).containsExactly(SELF);
    assertThat(living.among(List.of(listed("node-1", "b2")))).hasSize(2);
  }

  @Test
  void nobodyCanSayGoodbyeForThisMember() {
    living.leave("b0");

    assertThat(living.among(List.of())).containsExactly(SELF);
  }

  @Test
  void strangersAreIgnored() {
    Set<Member> members = living.among(List.of(
        new LivingMembers.Listed("node-1", "127.0.0.1:2", Optional.empty()),
        listed("../x", "b1"),
        listed("node-2", "a\nb"),
        listed("node-3", "x".repeat(5000)),
        listed("api-1", "b9")));

    assertThat(members).containsExactly(SELF);
  }

  @Test
  void goodbyesDoNotFillMemory() {
    for (int i = 0; i < 5000; i++) {
      living.leave("boot-" + i);
    }

    assertThat(living.among(List.of(listed("node-1", "boot-0")))).hasSize(2);
    assertThat(living.among(List.of(listed("node-1", "boot-4999")))).hasSize(1);
  }

  private static LivingMembers.Listed listed(String name, String boot) {
    return new LivingMembers.Listed(name, "127.0.0.1:2", Optional.of(boot));
  }
}
