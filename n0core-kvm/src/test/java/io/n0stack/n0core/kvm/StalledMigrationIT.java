package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A target that stands still, and a network that takes nothing more, without any error. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class StalledMigrationIT extends MigrationFixture {
  private static final Duration BOUND = Duration.ofSeconds(5);
  // Much more of it than sockets hold, though nearly all is zeros.
  private static final long MEMORY = 1L << 30;
  private static final long FEW_BYTES = 200_000;

  StalledMigrationIT() {
    super(64 << 20);
  }

  @BeforeEach
  void start() throws Exception {
    Host.run("qemu-io", "-f", "raw", "-c", "write -P 0x5a 0 64M", disk("left").toString());
    startAtTheSource(hosts.left.nano(Chipset.Q35, Accelerator.TCG, MEMORY));
  }

  private static MigrationOptions options() {
    return MigrationOptions.usual().withMostBytesPerSecond(1 << 20).withMostSilence(BOUND);
  }

  private void stopTarget() {
    try {
      Host.signal("STOP", Host.pid(hosts.agent(hosts.right), hosts.id));
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private void assertGivenUp(Context cx, MigrationTerms terms) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> source().migrate(cx, hosts.id, terms, options(), hosts.way(hosts.right)))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE))
        .withMessageContaining("nothing has moved for 5 s");
  }

  @Override
  void assertGoesOnAtTheSource() {
    super.assertGoesOnAtTheSource();
    Path socket =
        Host.present(hosts.agent(hosts.left), hosts.id).serialLog().resolveSibling("rescue");
    try (QmpClient qmp = QmpClient.connect(socket, TwoHosts.LIMIT)) {
      assertThat(qmp.execute("query-jobs", TwoHosts.LIMIT).list("")).isEmpty();
      assertThat(qmp.execute("query-named-block-nodes", TwoHosts.LIMIT).list(""))
          .extracting((QmpResult node) -> node.text("/node-name"))
          .noneMatch(name -> name.startsWith("mirror-"));
    }
  }

  private void assertMovesNow() {
    assertMovesNow(MigrationReception.unix().withDisks());
  }

  /** Prepares the right to receive memory and disks by TCP. */
  private MigrationTerms byTcp() {
    return hosts.prepared(hosts.left, hosts.right, MigrationReception.tcp(LOCAL).withDisks());
  }

  private static MigrationTerms with(MigrationTerms terms, Strait disks) {
    return new MigrationTerms(terms.token(), terms.memory(), Optional.of(disks.address()));
  }

  private interface Deed {
    void run() throws Exception;
  }

  /** Does something while a network takes nothing more from the switchover on. */
  private void blockedInTheSwitchover(Deed whenGivenUp) throws Exception {
    MigrationTerms terms = byTcp();
    try (Strait memory = Strait.unix(directory.resolve("ram"), terms.memory(), Strait.ALL);
        Strait disks = Strait.tcp(terms.disks().orElseThrow(), Strait.ALL)) {
      assertGivenUp(
          context("left").before("switch over", () -> {
            memory.block();
            disks.block();
          }),
          new MigrationTerms(terms.token(), memory.address(), Optional.of(disks.address())));
      whenGivenUp.run();
    }
  }

  @Test
  void targetThatStandsStillWhileMemoryComesIsGivenUp() {
    MigrationTerms terms = hosts.prepared(hosts.left, hosts.right, MigrationReception.unix());
    int[] reports = {0};
    Cancelling cx = new Cancelling(context("left"), message -> {
      if (reports[0]++ == 1) {
        stopTarget();
      }
      return false;
    });

    assertGivenUp(cx, terms);

    assertThat(reports[0]).isGreaterThan(2);
    assertGoesOnAtTheSource();
    assertMovesNow();
  }

  @Test
  void networkThatTakesNoMoreOfTheMemoryIsGivenUp() throws Exception {
    MigrationTerms terms = hosts.prepared(hosts.left, hosts.right, MigrationReception.unix());
    try (Strait memory = Strait.unix(directory.resolve("ram"), terms.memory(), FEW_BYTES)) {
      assertGivenUp(
          context("left"), new MigrationTerms(terms.token(), memory.address(), Optional.empty()));
      assertGoesOnAtTheSource();
    }
    assertMovesNow();
  }

  @Test
  void networkThatTakesNoMoreOfADiskIsGivenUp() throws Exception {
    MigrationTerms terms = byTcp();
    try (Strait disks = Strait.tcp(terms.disks().orElseThrow(), 16 * FEW_BYTES)) {
      assertGivenUp(context("left"), with(terms, disks));
      assertGoesOnAtTheSource();
    }
    assertMovesNow();
  }

  /** QEMU waits for the greeting of an NBD server, and does nothing else meanwhile. */
  @Test
  void targetThatStandsStillBeforeTheDisksIsGivenUp() {
    MigrationTerms terms =
        hosts.prepared(hosts.left, hosts.right, MigrationReception.unix().withDisks());

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> source()
            .migrate(
                context("left").before("copy the disks", this::stopTarget),
                hosts.id,
                terms,
                options(),
                hosts.way(hosts.right)))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE))
        .withMessageContaining("blockdev-add")
        .withMessageContaining("5000 ms");

    assertGoesOnAtTheSource();
    assertMovesNow();
  }

  /** QEMU does not end a copy by itself before what it has sent is answered. */
  @Test
  void cancellationDoesNotWaitForANetworkThatTakesNoMoreOfADisk() throws Exception {
    MigrationTerms terms = byTcp();
    try (Strait disks = Strait.tcp(terms.disks().orElseThrow(), 16 * FEW_BYTES)) {
      Departure departure =
          new Departure(with(terms, disks), options().withMostSilence(Duration.ofHours(1)));
      await().atMost(PATIENCE).until(disks::blocked);

      departure.cancel();

      assertGoesOnAtTheSource();
    }
    assertMovesNow();
  }

  @Test
  void targetThatStandsStillInTheSwitchoverIsGivenUp() {
    MigrationTerms terms =
        hosts.prepared(hosts.left, hosts.right, MigrationReception.unix().withDisks());

    assertGivenUp(context("left").before("switch over", this::stopTarget), terms);

    assertGoesOnAtTheSource();
    assertMovesNow();
  }

  @Test
  void networkThatTakesNothingInTheSwitchoverIsGivenUp() throws Exception {
    blockedInTheSwitchover(this::assertGoesOnAtTheSource);
    assertMovesNow();
  }

  /** Another session was there before, so that QEMU cannot be told to let go. */
  @Test
  void switchoverThatCannotBeBrokenOffIsReportedAndEndsWithTheConnection() throws Exception {
    BlockMonitor blocks = hosts.agent(hosts.left).capability(BlockMonitor.class).orElseThrow();
    try (BlockSession session = blocks.connect(hosts.id, TwoHosts.LIMIT)) {
      assertThat(session.capabilities().commands()).contains("yank");
      blockedInTheSwitchover(() -> {
        assertThat(hosts.running()).isLessThanOrEqualTo(1);
        assertThat(source().phase(hosts.id)).isEqualTo(Phase.HANDING_OVER);
      });
    }

    assertThat(source().settle(context("left"), hosts.id, hosts.way(hosts.right)))
        .isEqualTo(Verdict.REFUSED);
    assertGoesOnAtTheSource();
    assertMovesNow();
  }
}
