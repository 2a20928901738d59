package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;

/** A QEMU that is not stopped by a signal, which can be seen, but hangs: only waiting tells. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class SilentQemuIT extends HostFixture {
  private static final int FLEET = 3;
  // Less than an idle connection is kept.
  private static final Duration STAYS = Duration.ofMillis(150);
  private static final Path UNIFIED = Path.of("/sys/fs/cgroup/unified");
  private static final List<String> SOCKETS = List.of("qmp", "rescue", "link1", "link2");

  private MachineSpec spec;
  private Duration limit;

  @BeforeEach
  void start() {
    limit = KvmConfig.of(host.root).monitorTimeout();
    spec = host.nano(Chipset.PC).build();
    driver.apply(context(), id, spec);
    for (int i = 0; i < FLEET; i++) {
      driver.apply(context(), another("db" + i), spec);
    }
  }

  @Test
  void aFrozenProcessIsUnknownInTimeWhetherOrNotWeWereConnected() throws Exception {
    Path group = group();
    long pid = pid(driver, id);
    try {
      Files.writeString(group.resolve("cgroup.procs"), String.valueOf(pid));
      driver.close(); // what it had to do with the first monitor must be over before that is frozen
      driver = host.open();
      freezeWhileConnected(group);

      assertUnknownInTime(driver, "does not answer");
      try (QemuMachineDriver next = host.open()) {
        assertUnknownInTime(next, "is silent");
        assertNothingTouchesIt(next);
      }
    } finally {
      Files.writeString(group.resolve("cgroup.freeze"), "0");
      Files.writeString(group.resolveSibling("cgroup.procs"), String.valueOf(pid));
      await().ignoreExceptions().until(() -> Files.deleteIfExists(group));
    }
    await().until(() -> driver.observe(id) instanceof Observed.Present<?>);
    assertThat(pid(driver, id)).isEqualTo(pid);
  }

  /** A look leaves a connection, but not for long: what took too long is begun anew. */
  private void freezeWhileConnected(Path group) throws IOException {
    long begin;
    do {
      freeze(group, 0);
      assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
      begin = System.nanoTime();
      freeze(group, 1);
    } while (System.nanoTime() - begin > STAYS.toNanos());
  }

  private static void freeze(Path group, int frozen) throws IOException {
    Files.writeString(group.resolve("cgroup.freeze"), String.valueOf(frozen));
    await()
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(1))
        .until(() -> Files.readString(group.resolve("cgroup.events")).contains("frozen " + frozen));
  }

  /** QEMU says then, too, that it is shut down, if it comes to answering at all, which it mostly does. */
  @RepeatedTest(3)
  void aProcessThatIsToldToEndWhileItIsAskedIsCrashedAndNotOff() throws Exception {
    Path group = group();
    long pid = pid(driver, id);
    CompletableFuture<Observed<MachineStatus>> look;
    try {
      Files.writeString(group.resolve("cgroup.procs"), String.valueOf(pid));
      freezeWhileConnected(group);
      look = CompletableFuture.supplyAsync(() -> driver.observe(id));
      await().pollDelay(Duration.ofMillis(200)).until(() -> true);
      Host.signal("TERM", pid);
    } finally {
      freeze(group, 0);
      await().ignoreExceptions().until(() -> Files.deleteIfExists(group));
    }

    assertThat(look.get(1, TimeUnit.MINUTES)).isNotNull();
    await()
        .until(() -> driver.observe(id) instanceof Observed.Present<MachineStatus> seen
            && seen.status().pid().isEmpty());
    assertThat(state(driver, id)).isEqualTo(MachineState.CRASHED);
  }

  private Path group() throws IOException {
    Path unified = Files.isDirectory(UNIFIED) ? UNIFIED : Path.of("/sys/fs/cgroup");
    assumeThat(unified.resolve("cgroup.procs"))
        .as("control groups of version 2")
        .exists();
    return Files.createDirectory(unified.resolve("n0core-test-" + id.uid()));
  }

  @Test
  void aMonitorThatAStrangerServesIsUnknownInTime() throws Exception {
    long pid = pid(driver, id);
    Path run = present(driver, id).serialLog().resolveSibling("");
    Path away = Files.createDirectory(directory.resolve("away"));
    for (String socket : SOCKETS) {
      Files.move(run.resolve(socket), away.resolve(socket));
    }
    try (QemuMachineDriver next = host.open();
        ServerSocketChannel one = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        ServerSocketChannel two = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      ServerSocketChannel unused = one.bind(UnixDomainSocketAddress.of(run.resolve("qmp")));
      unused = two.bind(UnixDomainSocketAddress.of(run.resolve("rescue")));

      assertUnknownInTime(
          next, "is served by process " + ProcessHandle.current().pid());
      assertNothingTouchesIt(next);
    } finally {
      for (String socket : SOCKETS) {
        Files.deleteIfExists(run.resolve(socket));
        Files.move(away.resolve(socket), run.resolve(socket));
      }
    }
    assertThat(pid(driver, id)).isEqualTo(pid);
  }

  /** It takes the limit; twice that leaves room for a busy host, but not for a second wait. */
  private void assertUnknownInTime(QemuMachineDriver looking, String why) {
    long begin = System.nanoTime();
    Observed<?> seen = looking.observe(id);
    Duration took = Duration.ofNanos(System.nanoTime() - begin);

    assertThat(seen)
        .isInstanceOfSatisfying(
            Observed.Unknown.class,
            unknown ->
                assertThat(unknown.why()).contains(why).doesNotContain("stopped by a signal"));
    assertThat(took).isLessThan(limit.multipliedBy(4));
    for (ResourceId other : others) {
      assertThat(state(looking, other)).isEqualTo(MachineState.RUNNING);
    }
  }

  private void assertNothingTouchesIt(QemuMachineDriver agent) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> agent.power(context(), id, PowerAction.BOOT));
    assertThatExceptionOfType(N0Exception.class).isThrownBy(() -> agent.apply(context(), id, spec));
    assertThat(host.processes()).hasSize(FLEET + 1);
  }
}
