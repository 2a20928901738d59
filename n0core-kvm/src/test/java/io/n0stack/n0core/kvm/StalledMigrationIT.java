package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.Migration.Verdict;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A target that stands still, and a network that takes nothing more, without any error. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class StalledMigrationIT {
  private static final long SIZE = 64 << 20;
  private static final Duration BOUND = Duration.ofSeconds(5);
  // Long before this the operation would be out of time only if nothing else ended it.
  private static final Duration PATIENCE = Duration.ofMinutes(10);
  // Much more of it than sockets hold, though nearly all is zeros.
  private static final long MEMORY = 1L << 30;
  private static final long FEW_BYTES = 200_000;
  private static final String LOCAL = "127.0.0.1";

  @TempDir
  Path directory;

  private TwoHosts hosts;

  @BeforeEach
  void start() throws Exception {
    Host.run("qemu-img", "create", "-q", "-f", "raw", disk("left").toString(), "64M");
    Host.run("qemu-io", "-f", "raw", "-c", "write -P 0x5a 0 64M", disk("left").toString());
    Host.run("qemu-img", "create", "-q", "-f", "raw", disk("right").toString(), "64M");
    hosts = new TwoHosts(directory, () -> context("left"), () -> context("right"));
    MachineSpec spec =
        hosts.left.nano(Chipset.Q35, Accelerator.TCG, MEMORY).bootDisk("root").build();
    hosts.agent(hosts.left).apply(context("left"), hosts.id, spec);
  }

  @AfterEach
  void nothingIsLeft() {
    hosts.cleanUp();
  }

  private Path disk(String name) {
    return directory.resolve(name + ".raw");
  }

  private StandaloneContext context(String name) {
    return new StandaloneContext(PATIENCE)
        .with(
            "volume",
            "root",
            new VolumeStatus(disk(name), ImageFormat.RAW, SIZE, 0, Optional.empty()));
  }

  private Migration source() {
    return TwoHosts.migration(hosts.agent(hosts.left));
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

  private void assertGoesOnAtTheSource() {
    assertThat(source().phase(hosts.id)).isEqualTo(Phase.SETTLED);
    assertThat(hosts.runs(hosts.left)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    assertThat(TwoHosts.migration(hosts.agent(hosts.right)).phase(hosts.id))
        .isEqualTo(Phase.REFUSED);
    await().until(() -> hosts.right.processes().isEmpty());
    Path socket =
        Host.present(hosts.agent(hosts.left), hosts.id).serialLog().resolveSibling("rescue");
    try (QmpClient qmp = QmpClient.connect(socket, TwoHosts.LIMIT)) {
      assertThat(qmp.execute("query-jobs", TwoHosts.LIMIT).list("")).isEmpty();
      assertThat(qmp.execute("query-named-block-nodes", TwoHosts.LIMIT).list(""))
          .extracting((QmpResult node) -> node.text("/node-name"))
          .noneMatch(name -> name.startsWith("mirror-"));
    }
  }

  /** Whatever has failed, the next attempt finds everything as the first one did. */
  private void assertMovesNow() {
    MigrationReport unused = hosts.migrate(
        hosts.left, hosts.right, MigrationReception.unix().withDisks(), MigrationOptions.usual());
    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
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
    MigrationTerms terms =
        hosts.prepared(hosts.left, hosts.right, MigrationReception.tcp(LOCAL).withDisks());
    try (Strait disks = Strait.tcp(terms.disks().orElseThrow(), 16 * FEW_BYTES)) {
      assertGivenUp(
          context("left"),
          new MigrationTerms(terms.token(), terms.memory(), Optional.of(disks.address())));
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
    MigrationTerms terms =
        hosts.prepared(hosts.left, hosts.right, MigrationReception.tcp(LOCAL).withDisks());
    try (Strait disks = Strait.tcp(terms.disks().orElseThrow(), 16 * FEW_BYTES)) {
      MigrationTerms through =
          new MigrationTerms(terms.token(), terms.memory(), Optional.of(disks.address()));
      CompletableFuture<MigrationReport> outcome = new CompletableFuture<>();
      Thread mover = new Thread(() -> {
        try {
          outcome.complete(source()
              .migrate(
                  context("left"),
                  hosts.id,
                  through,
                  options().withMostSilence(Duration.ofHours(1)),
                  hosts.way(hosts.right)));
        } catch (N0Exception e) {
          outcome.completeExceptionally(e);
        }
      });
      mover.start();
      await().atMost(PATIENCE).until(disks::blocked);

      mover.interrupt();

      mover.join(PATIENCE.toMillis());
      assertThat(outcome)
          .failsWithin(PATIENCE)
          .withThrowableThat()
          .havingCause()
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.CANCELLED));
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
    MigrationTerms terms =
        hosts.prepared(hosts.left, hosts.right, MigrationReception.tcp(LOCAL).withDisks());
    try (Strait memory = Strait.unix(directory.resolve("ram"), terms.memory(), Strait.ALL);
        Strait disks = Strait.tcp(terms.disks().orElseThrow(), Strait.ALL)) {
      assertGivenUp(
          context("left").before("switch over", () -> {
            memory.block();
            disks.block();
          }),
          new MigrationTerms(terms.token(), memory.address(), Optional.of(disks.address())));
      assertGoesOnAtTheSource();
    }
    assertMovesNow();
  }

  /** Another session was there before, so that QEMU cannot be told to let go. */
  @Test
  void switchoverThatCannotBeBrokenOffIsReportedAndEndsWithTheConnection() throws Exception {
    MigrationTerms terms =
        hosts.prepared(hosts.left, hosts.right, MigrationReception.tcp(LOCAL).withDisks());
    BlockMonitor blocks = hosts.agent(hosts.left).capability(BlockMonitor.class).orElseThrow();
    try (Strait memory = Strait.unix(directory.resolve("ram"), terms.memory(), Strait.ALL);
        Strait disks = Strait.tcp(terms.disks().orElseThrow(), Strait.ALL);
        BlockSession session = blocks.connect(hosts.id, TwoHosts.LIMIT)) {
      assertThat(session.capabilities().commands()).contains("yank");
      assertGivenUp(
          context("left").before("switch over", () -> {
            memory.block();
            disks.block();
          }),
          new MigrationTerms(terms.token(), memory.address(), Optional.of(disks.address())));
      assertThat(hosts.running()).isLessThanOrEqualTo(1);
      assertThat(source().phase(hosts.id)).isEqualTo(Phase.HANDING_OVER);
    }

    assertThat(source().settle(context("left"), hosts.id, hosts.way(hosts.right)))
        .isEqualTo(Verdict.REFUSED);
    assertGoesOnAtTheSource();
    assertMovesNow();
  }
}
