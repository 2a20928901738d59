package io.n0stack.n0core.membership.internal.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.internal.identity.Peer.Role;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ClaimsTest {
  private static final Peer SELF = peer("api-1", "b0", "127.0.0.1:1");
  private static final Peer NODE = peer("node-1", "b1", "127.0.0.2:1");

  private long now;
  private final Claims claims = new Claims(Timings.DEFAULT, () -> now);

  private static Peer peer(String name, String boot, String address) {
    return new Peer(name, boot, HostPort.parse(address), Role.NODE);
  }

  private void assertRefused(Peer peer, String from) {
    assertThatExceptionOfType(Refused.class).isThrownBy(() -> claims.admit(SELF, peer, from));
  }

  @Test
  void aNameInUseIsTakenOverFromItsOwnAddressOnly() throws Refused {
    claims.admit(SELF, NODE, "127.0.0.2");

    assertRefused(peer("node-1", "b2", "127.0.0.3:1"), "127.0.0.3");
    assertRefused(peer("node-1", "b2", "127.0.0.2:1"), "127.0.0.3"); // only says that it is there
    assertRefused(peer("node-1", "b1", "127.0.0.3:1"), "127.0.0.3"); // knows the boot id, too
    assertRefused(peer("node-1", "b1", "127.0.0.2:1"), "127.0.0.3");
    assertThat(claims.all().values()).extracting(Claims.Claim::peer).containsExactly(NODE);

    Peer restarted = peer("node-1", "b2", "127.0.0.2:1");
    claims.admit(SELF, restarted, "127.0.0.2");
    assertThat(claims.all().values()).extracting(Claims.Claim::peer).containsExactly(restarted);
  }

  @Test
  void anotherKeyOfTheSameUserIsTold() throws Refused {
    List<String> told = new ArrayList<>();
    claims.onKeyChange(told::add);
    claims.admit(SELF, NODE.identifiedBy(Optional.of("AAAA")), "127.0.0.2");
    claims.admit(SELF, NODE.identifiedBy(Optional.of("AAAA")), "127.0.0.2");
    assertThat(told).isEmpty();

    Peer renewed = NODE.identifiedBy(Optional.of("BBBB"));
    claims.admit(SELF, renewed, "127.0.0.2");

    assertThat(told).containsExactly("node-1");
    assertThat(claims.find("node-1").map(Claims.Claim::peer)).contains(renewed);
    assertRefused(NODE.identifiedBy(Optional.of("CCCC")), "127.0.0.3");
    assertThat(told).hasSize(1);
  }

  @Test
  void aNameIsFreeOnceItsUserIsGivenUpOrHasLeft() throws Refused {
    claims.admit(SELF, NODE, "127.0.0.2");
    claims.living(List.of("b1"));
    now += Duration.ofMinutes(1).toNanos();
    Peer moved = peer("node-1", "b2", "127.0.0.3:1");
    assertRefused(moved, "127.0.0.3");

    claims.living(List.of());
    claims.admit(SELF, moved, "127.0.0.3");
    claims.left("b2");
    claims.admit(SELF, NODE, "127.0.0.2");
    assertThat(claims.all().values()).extracting(Claims.Claim::peer).containsExactly(NODE);
  }
}
