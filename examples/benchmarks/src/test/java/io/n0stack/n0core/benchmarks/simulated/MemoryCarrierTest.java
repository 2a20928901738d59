package io.n0stack.n0core.benchmarks.simulated;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.Transport;
import io.n0stack.n0core.membership.internal.member.SwimMember;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemoryCarrierTest {
  private static final Duration SOON = Duration.ofSeconds(60);

  @TempDir
  Path directory;

  private final MemoryCarrier carrier = new MemoryCarrier();
  private final List<SwimMember> members = new ArrayList<>();

  @AfterEach
  void close() {
    members.forEach(SwimMember::close);
  }

  private SwimMember joined(int number, String secret) throws IOException {
    Path file = Files.createFile(
        directory.resolve("secret-" + number),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(file, secret);
    MembershipConfig config = MembershipConfig.of(
            "m" + number, "127.3.0." + number + ":5679", Transport.sharedSecret(file))
        .withSeeds(number == 1 ? new String[0] : new String[] {"127.3.0.1:5679"});
    SwimMember member = SwimMember.open(config, carrier);
    members.add(member);
    member.join();
    return member;
  }

  @Test
  void membersThatAreConnectedInMemoryFindEachOtherAndMissOneThatIsCutOff() throws IOException {
    for (int i = 1; i <= 5; i++) {
      assertThat(joined(i, "a secret of these members")).isNotNull();
    }
    await()
        .atMost(SOON)
        .until(() -> members.stream().allMatch(one -> one.members().size() == 5));
    assertThat(carrier.sent().keySet()).contains("greetings", "answers", "atomix-membership-probe");

    carrier.cut(HostPort.parse("127.3.0.5:5679"));
    await()
        .atMost(SOON)
        .until(
            () -> members.subList(0, 4).stream().allMatch(one -> one.members().size() == 4));
  }

  @Test
  void oneThatHasAnotherSecretIsLetInNeitherHere() throws IOException {
    SwimMember first = joined(1, "a secret of these members");
    SwimMember stranger = joined(2, "a secret of somebody else's");
    long begun = carrier.connections();
    await().atMost(SOON).until(() -> carrier.connections() > begun + 2); // it goes on calling

    assertThat(first.members()).containsExactly(first.self());
    assertThat(stranger.members()).containsExactly(stranger.self());
  }
}
