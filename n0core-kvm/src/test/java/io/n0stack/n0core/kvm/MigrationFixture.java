package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** Two hosts, each with a raw volume for the disk of the machine that is to move, and what must hold if it does not. */
abstract class MigrationFixture {
  // Long before this the operation would be out of time only if nothing else ended it.
  static final Duration PATIENCE = Duration.ofMinutes(10);
  static final String LOCAL = "127.0.0.1";

  @TempDir
  Path directory;

  TwoHosts hosts;
  private final long diskBytes;

  MigrationFixture(long diskBytes) {
    this.diskBytes = diskBytes;
  }

  @BeforeEach
  final void makeTheHosts() throws Exception {
    for (String name : new String[] {"left", "right"}) {
      Host.run(
          "qemu-img",
          "create",
          "-q",
          "-f",
          "raw",
          disk(name).toString(),
          String.valueOf(diskBytes));
    }
    hosts = new TwoHosts(directory, () -> context("left"), () -> context("right"));
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    hosts.cleanUp();
  }

  final Path disk(String name) {
    return directory.resolve(name + ".raw");
  }

  final StandaloneContext context(String name) {
    return new StandaloneContext(PATIENCE)
        .with(
            "volume",
            "root",
            new VolumeStatus(disk(name), ImageFormat.RAW, diskBytes, 0, Optional.empty()));
  }

  /** Starts the machine with its disk on the left. */
  final void startAtTheSource(MachineSpec.Builder spec) {
    hosts
        .agent(hosts.left)
        .apply(context("left"), hosts.id, spec.bootDisk("root").build());
  }

  final Migration source() {
    return TwoHosts.migration(hosts.agent(hosts.left));
  }

  /** A migration on a thread of its own, which is cancelled as agents do it. */
  final class Departure {
    private final CompletableFuture<MigrationReport> outcome = new CompletableFuture<>();
    private final Thread mover;

    Departure(MigrationTerms terms, MigrationOptions options) {
      mover = new Thread(() -> {
        try {
          outcome.complete(
              source().migrate(context("left"), hosts.id, terms, options, hosts.way(hosts.right)));
        } catch (N0Exception e) {
          outcome.completeExceptionally(e);
        }
      });
      mover.start();
    }

    void cancel() throws InterruptedException {
      mover.interrupt();
      assertThat(outcome)
          .failsWithin(PATIENCE)
          .withThrowableThat()
          .havingCause()
          .isInstanceOfSatisfying(
              N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.CANCELLED));
      mover.join();
    }
  }

  /** The guest was never away, and its target is rid of what waited for it. */
  void assertGoesOnAtTheSource() {
    assertThat(source().phase(hosts.id)).isEqualTo(Phase.SETTLED);
    assertThat(hosts.runs(hosts.left)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    assertThat(TwoHosts.migration(hosts.agent(hosts.right)).phase(hosts.id))
        .isEqualTo(Phase.REFUSED);
    await().until(() -> hosts.right.processes().isEmpty());
  }

  /** Whatever has failed, the next attempt finds everything as the first one did. */
  final void assertMovesNow(MigrationReception reception) {
    MigrationReport unused =
        hosts.migrate(hosts.left, hosts.right, reception, MigrationOptions.usual());
    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
  }
}
