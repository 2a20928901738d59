package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.Migration.Phase;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationOptions.Convergence;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Linux guest that changes memory faster than it is sent. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class ConvergingIT {
  private static final long RATE = 16L << 20;
  // Many more than an idle guest needs, of which some change nearly nothing.
  private static final int PASSES = 6;
  private static final Duration PATIENCE = Duration.ofMinutes(4);
  private static final Pattern PASS = Pattern.compile("pass (\\d+)");
  // No zeros, which would be sent as a few bytes; and the same pages each time, so that a pass is
  // short.
  private static final String BUSY = "yes n0core | head -c 4000000 > /a; while :; do"
      + " dd if=/a of=/b bs=1M conv=notrunc 2>/dev/null; done & echo BU''SY";

  private static final Duration LATE = Duration.ofMinutes(1);

  @TempDir
  Path directory;

  private TwoHosts hosts;
  private Path monitor;

  @BeforeEach
  void runsBusyGuest() throws Exception {
    LinuxGuest guest = LinuxGuest.build();
    hosts = new TwoHosts(directory);
    QemuMachineDriver source = hosts.agent(hosts.left);
    source.apply(new StandaloneContext(PATIENCE), hosts.id, guest.spec("").build());
    LinuxGuest.awaitShell(source, hosts.id);
    LinuxGuest.type(source, hosts.id, BUSY);
    LinuxGuest.awaitSaid(source, hosts.id, "BUSY");
    monitor = Host.present(source, hosts.id).serialLog().resolveSibling("rescue");
  }

  @AfterEach
  void nothingIsLeft() {
    hosts.cleanUp();
  }

  @Test
  void guestThatIsWaitedForIsSentWithoutEndAndOneThatIsSlowedDownArrives() {
    requireEndless();
    requireArrival();
  }

  private void requireEndless() {
    MigrationTerms terms = hosts.prepared(hosts.left, hosts.right, MigrationReception.unix());
    AtomicLong mostThrottled = new AtomicLong();
    Cancelling cx = new Cancelling(new StandaloneContext(PATIENCE), message -> {
      mostThrottled.accumulateAndGet(throttled(), Math::max);
      return pass(message) >= PASSES;
    });

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> migration()
            .migrate(cx, hosts.id, terms, slow(Convergence.WAIT), hosts.way(hosts.right)))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.CANCELLED));

    assertThat(mostThrottled).hasValue(0);
    assertThat(migration().phase(hosts.id)).isEqualTo(Phase.SETTLED);
    assertThat(hosts.runs(hosts.left)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
  }

  private void requireArrival() {
    MigrationTerms terms = hosts.prepared(hosts.left, hosts.right, MigrationReception.unix());
    AtomicLong mostThrottled = new AtomicLong();
    Cancelling cx = new Cancelling(new StandaloneContext(PATIENCE), message -> {
      mostThrottled.accumulateAndGet(throttled(), Math::max);
      return false;
    });

    MigrationReport report = migration()
        .migrate(
            cx,
            hosts.id,
            terms,
            slow(Convergence.SLOW_DOWN),
            new ComparingTarget(hosts, directory, hosts.way(hosts.right)));

    assertThat(mostThrottled).hasPositiveValue();
    assertThat(report.transferredBytes()).isPositive();
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> // it answers late while it is busy
            assertThat(hosts.seen(hosts.right, LATE)).isEqualTo("running"));
    assertThat(hosts.running()).isEqualTo(1);
  }

  private Migration migration() {
    return TwoHosts.migration(hosts.agent(hosts.left));
  }

  private static MigrationOptions slow(Convergence convergence) {
    return MigrationOptions.usual()
        .withMostBytesPerSecond(RATE)
        .withMostDowntime(Duration.ofMillis(10))
        .withConvergence(convergence);
  }

  private static long pass(String message) {
    Matcher found = PASS.matcher(message);
    assertThat(found.find()).as(message).isTrue();
    return Long.parseLong(found.group(1));
  }

  /** Asks the source's other monitor how much of the time the guest's processors stand still. */
  private long throttled() {
    try (QmpClient qmp = QmpClient.connect(monitor, TwoHosts.LIMIT)) {
      return qmp.execute("query-migrate", TwoHosts.LIMIT)
          .find("/cpu-throttle-percentage")
          .map(percent -> percent.number(""))
          .orElse(0L);
    }
  }
}
