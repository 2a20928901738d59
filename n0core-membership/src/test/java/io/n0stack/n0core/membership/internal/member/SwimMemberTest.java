package io.n0stack.n0core.membership.internal.member;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.node.Member;
import io.n0stack.n0core.membership.Host;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.TestCertificates;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.Transport;
import io.n0stack.n0core.membership.internal.connection.PeerNetwork;
import io.n0stack.n0core.membership.internal.identity.Claims;
import io.n0stack.n0core.membership.internal.identity.Credentials;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.identity.Peer.Role;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SwimMemberTest {
  private static final Duration SOON = Duration.ofSeconds(60);
  private static final String SYNC = "atomix-membership-sync";
  private static final String PROBE = "atomix-membership-probe";

  @TempDir
  Path directory;

  private final TestCertificates authority = new TestCertificates("authority");
  private final List<AutoCloseable> opened = new ArrayList<>();
  private final String apiAddress = Host.address(1);

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable one : opened) {
      one.close();
    }
  }

  private SwimMember open(String name, String address, Transport transport) {
    MembershipConfig config = MembershipConfig.of(name, address, transport)
        .withSeeds(apiAddress.equals(address) ? new String[0] : new String[] {apiAddress});
    SwimMember membership = SwimMember.open(config);
    opened.add(membership);
    return membership;
  }

  private SwimMember joined(String name, String address, Transport transport) {
    SwimMember membership = open(name, address, transport);
    membership.join();
    return membership;
  }

  /** Speaks to members without being one. */
  private PeerNetwork outsider(String name, String boot) {
    MembershipConfig config =
        MembershipConfig.of(name, Host.address(9), Transport.PLAINTEXT_ISOLATED);
    Peer self = new Peer(name, boot, config.listen(), Role.NODE);
    PeerNetwork network = new PeerNetwork(
        config,
        () -> self,
        Credentials.of(config.transport()),
        new Claims(config.timings(), System::nanoTime));
    opened.add(() -> assertThat(network.stop()).succeedsWithin(SOON));
    assertThat(network.start()).succeedsWithin(SOON);
    return network;
  }

  private static Set<String> names(SwimMember membership) {
    return membership.members().stream().map(Member::name).collect(Collectors.toSet());
  }

  private static Set<String> listed(SwimMember membership) {
    return membership.atomix().getMembers().stream()
        .map(member -> member.id().id())
        .collect(Collectors.toSet());
  }

  @Test
  void membersWithCertificatesFindEachOtherAndKeepEachOtherWhileTheseChange() {
    Transport ofApi = authority.issue(directory.resolve("api-1"), "n0core://registry/api-1");
    SwimMember api = joined("api-1", apiAddress, ofApi);
    List<Integer> sizes = new CopyOnWriteArrayList<>();
    for (String name : List.of("node-1", "node-2")) {
      Transport own = authority.issue(directory.resolve(name), "n0core://node/" + name);
      SwimMember unused = joined(name, Host.address(1 + Integer.parseInt(name.substring(5))), own);
    }
    await().atMost(SOON).until(() -> names(api).size() == 3);
    String before = api.identityKey("node-1").orElseThrow();
    api.subscribe(Runnable::run, members -> sizes.add(members.size()));
    List<String> renewals = new CopyOnWriteArrayList<>();
    api.onKeyChange(renewals::add);

    Transport renewed = authority.issue(directory.resolve("node-1"), "n0core://node/node-1");
    await().atMost(SOON).until(() -> !before.equals(api.identityKey("node-1").orElseThrow()));
    assertThat(renewed).isNotNull();
    assertThat(names(api)).containsExactlyInAnyOrder("api-1", "node-1", "node-2");
    assertThat(sizes).isEmpty();
    await().atMost(SOON).until(() -> renewals.contains("node-1"));
    assertThat(renewals).containsOnly("node-1");
  }

  @Test
  void anApiNeedsACertificateThatSaysSo() {
    Transport ofNode = authority.issue(directory.resolve("api-1"), "n0core://node/api-1");
    SwimMember api = open("api-1", apiAddress, ofNode);

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(api::announceRegistry)
        .withMessageContaining("n0core://registry/api-1");
  }

  @Test
  void aNewStartEndsTheOldOneAndNothingOfItStays() {
    SwimMember api = joined("api-1", apiAddress, Transport.PLAINTEXT_ISOLATED);
    String address = Host.address(2);
    SwimMember first = joined("node-1", address, Transport.PLAINTEXT_ISOLATED);
    await().atMost(SOON).until(() -> api.members().contains(first.self()));
    List<Set<Member>> views = new CopyOnWriteArrayList<>();
    api.subscribe(Runnable::run, views::add);

    first.close();
    SwimMember second = joined("node-1", address, Transport.PLAINTEXT_ISOLATED);
    await().atMost(SOON).until(() -> api.members().contains(second.self()));
    await().atMost(SOON).until(() -> !views.isEmpty()); // it is told after it can be asked
    assertThat(views.get(0)).containsExactly(api.self());
    await()
        .atMost(SOON)
        .until(() -> listed(api)
            .equals(
                Set.of("api-1@" + api.self().bootId(), "node-1@" + second.self().bootId())));
  }

  @Test
  void nobodyProbesOrAsksUnderTheNameOfAnother() {
    SwimMember api = joined("api-1", apiAddress, Transport.PLAINTEXT_ISOLATED);
    PeerNetwork thief = outsider("node-9", "b9");
    List<byte[]> recorded = new CopyOnWriteArrayList<>();
    for (String subject : List.of(SYNC, PROBE)) {
      thief.serve(subject, (from, payload) -> {
        recorded.add(payload);
        return CompletableFuture.failedFuture(new IllegalStateException("no answer"));
      });
    }
    SwimMember victim =
        SwimMember.open(MembershipConfig.of("node-1", Host.address(2), Transport.PLAINTEXT_ISOLATED)
            .withSeeds(thief.self().address().toString()));
    opened.add(victim);
    victim.join();
    await().atMost(SOON).until(() -> recorded.size() >= 2);

    for (byte[] payload : recorded) {
      for (String subject : List.of(SYNC, PROBE)) {
        assertThat(thief.request(HostPort.parse(apiAddress), subject, payload, SOON))
            .failsWithin(SOON);
      }
    }
    assertThat(listed(api)).containsExactly("api-1@" + api.self().bootId());
  }

  @Test
  void membersThatProbeSeldomSeeADeathToo() {
    Timings seldom = new Timings(
        Duration.ofSeconds(4),
        Duration.ofMillis(500),
        Duration.ofSeconds(1),
        Duration.ofMillis(100));
    SwimMember api = SwimMember.open(
        MembershipConfig.of("api-1", apiAddress, Transport.PLAINTEXT_ISOLATED).withTimings(seldom));
    opened.add(api);
    api.join();
    SwimMember node = joined("node-1", Host.address(2), Transport.PLAINTEXT_ISOLATED);
    await().atMost(SOON).until(() -> api.members().contains(node.self()));

    node.close(); // tells nobody
    await().atMost(SOON).until(() -> api.members().equals(Set.of(api.self())));
  }

  @Test
  void aSecondProcessOfTheSameNameDoesNotJoin() {
    SwimMember api = joined("api-1", apiAddress, Transport.PLAINTEXT_ISOLATED);
    SwimMember first = joined("node-1", Host.address(2), Transport.PLAINTEXT_ISOLATED);
    await().atMost(SOON).until(() -> api.members().contains(first.self()));
    SwimMember second = open("node-1", Host.address(3), Transport.PLAINTEXT_ISOLATED);

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(second::join)
        .satisfies(e -> assertThat(e.code()).isEqualTo(Code.ALREADY_EXISTS))
        .withMessageContaining(first.self().address());
    assertThat(second.looking()).isNotDone();
    assertThat(first.looking()).isCompleted();
    assertThat(api.members()).containsExactlyInAnyOrder(api.self(), first.self());

    first.leave();
    second.join(); // once the name is free
    assertThat(second.looking()).isCompleted();
    await().atMost(SOON).until(() -> api.members().contains(second.self()));
  }
}
