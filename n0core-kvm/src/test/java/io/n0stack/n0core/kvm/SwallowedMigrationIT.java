package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MigrationAddress;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A target at whose address all attempts to connect are swallowed, as by a firewall that drops: neither an answer nor an
 * error comes, and a kernel tries for two minutes. Both QEMUs are in a network namespace, their agent is not.
 */
@Requires({Requirement.ROOT, Requirement.QEMU})
class SwallowedMigrationIT extends MigrationFixture {
  private static final Duration BOUND = Duration.ofSeconds(3);
  private static final String CONNECTING = " 02 "; // SYN_SENT, net/tcp_states.h

  private String netns;

  SwallowedMigrationIT() {
    super(8 << 20);
  }

  @BeforeEach
  void start() throws Exception {
    netns = "n0kvm-" + hosts.id.uid().toString().substring(0, 8);
    Host.run("ip", "netns", "add", netns);
    Host.run("ip", "-n", netns, "link", "set", "lo", "up");
    hosts.launchIn(netns);
    startAtTheSource(hosts.left.nano(Chipset.Q35));
  }

  @Override
  @AfterEach
  void nothingIsLeft() throws Exception {
    try {
      super.nothingIsLeft();
    } finally {
      Host.run("ip", "netns", "del", netns);
    }
  }

  private String inside(String... command) throws Exception {
    String[] all = new String[command.length + 4];
    System.arraycopy(new String[] {"ip", "netns", "exec", netns}, 0, all, 0, 4);
    System.arraycopy(command, 0, all, 4, command.length);
    return Host.run(all);
  }

  /** From here on nobody hears who calls there. */
  private void swallow(MigrationAddress address) throws Exception {
    int port = ((MigrationAddress.Tcp) address).port();
    inside(
        "nft",
        "add table ip swallow;"
            + " add chain ip swallow in { type filter hook input priority 0; };"
            + " add rule ip swallow in tcp dport " + port + " counter drop");
  }

  private void letThrough() throws Exception {
    assertThat(inside("nft", "list", "table", "ip", "swallow"))
        .contains("drop")
        .doesNotContain("packets 0");
    inside("nft", "delete table ip swallow");
  }

  private static MigrationReception reception(String what) {
    MigrationReception memory = MigrationReception.tcp(LOCAL);
    return what.equals("disks") ? memory.withDisks() : memory;
  }

  private static MigrationAddress address(MigrationTerms terms, String what) {
    return what.equals("disks") ? terms.disks().orElseThrow() : terms.memory();
  }

  private void assertMovesOnceItIsHeard(String what) throws Exception {
    letThrough();
    assertMovesNow(reception(what));
  }

  @ParameterizedTest
  @ValueSource(strings = {"memory", "disks"})
  void migrationToAnAddressThatSwallowsAllIsGivenUp(String what) throws Exception {
    MigrationTerms terms = hosts.prepared(hosts.left, hosts.right, reception(what));
    MigrationAddress.Tcp deaf = (MigrationAddress.Tcp) address(terms, what);
    swallow(deaf);

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> source()
            .migrate(
                context("left"),
                hosts.id,
                terms,
                MigrationOptions.usual().withMostSilence(BOUND),
                hosts.way(hosts.right)))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE))
        .withMessageContaining("connect to " + LOCAL + ":" + deaf.port())
        .withMessageContaining("no answer for 3 s");

    assertGoesOnAtTheSource();
    assertMovesOnceItIsHeard(what);
  }

  @ParameterizedTest
  @ValueSource(strings = {"memory", "disks"})
  void cancellationDoesNotWaitForAnAnswerAndTheGuestGoesOnMeanwhile(String what) throws Exception {
    MigrationTerms terms = hosts.prepared(hosts.left, hosts.right, reception(what));
    swallow(address(terms, what));
    Departure departure =
        new Departure(terms, MigrationOptions.usual().withMostSilence(Duration.ofHours(1)));
    await().atMost(PATIENCE).until(() -> inside("cat", "/proc/net/tcp").contains(CONNECTING));
    assertThat(hosts.runs(hosts.left)).isTrue();

    departure.cancel();

    assertGoesOnAtTheSource();
    assertMovesOnceItIsHeard(what);
  }

  /** Which a kernel says at once, so that there is nothing to wait for. */
  @Test
  void migrationToAPortWhereNobodyListensIsRefusedAndSaysWhich() {
    MigrationTerms terms = hosts.prepared(hosts.left, hosts.right, MigrationReception.tcp(LOCAL));
    MigrationTerms wrong =
        new MigrationTerms(terms.token(), new MigrationAddress.Tcp(LOCAL, 1), Optional.empty());

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> source()
            .migrate(
                context("left"), hosts.id, wrong, MigrationOptions.usual(), hosts.way(hosts.right)))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE))
        .withMessageContaining("connect to 127.0.0.1:1")
        .withMessageContaining("ECONNREFUSED");

    assertGoesOnAtTheSource();
  }
}
