package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static io.n0stack.n0core.kvm.Host.said;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatus;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What an agent finds of machines that it did not start, in whatever state their monitors are. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class ReattachIT extends HostFixture {
  private static final Duration LIMIT = Duration.ofSeconds(5);
  private static final int FLEET = 6;

  private MachineSpec spec;

  @BeforeEach
  void start() {
    spec = host.nano(Chipset.PC).build();
    driver.apply(context(), id, spec);
  }

  @Test
  void aMachineWhoseMonitorPathsWereRemovedIsReachedThroughTheirLinks() throws Exception {
    long pid = pid(driver, id);
    driver.close();
    Files.delete(run().resolve("qmp"));
    Files.delete(run().resolve("rescue"));

    try (QemuMachineDriver next = host.open()) {
      assertThat(state(next, id)).isEqualTo(MachineState.RUNNING);
      next.apply(context(), id, spec);
      next.power(context(), id, PowerAction.PAUSE);
      assertThat(state(next, id)).isEqualTo(MachineState.PAUSED);
      next.power(context(), id, PowerAction.RESUME);
      assertThat(pid(next, id)).isEqualTo(pid);
    }
  }

  @Test
  void aMachineThatNoPathLeadsToIsUnknownAndNotStartedTwice() throws Exception {
    driver.close();
    for (String name : List.of("qmp", "rescue", "link1", "link2")) {
      Files.deleteIfExists(run().resolve(name));
    }

    try (QemuMachineDriver next = host.open()) {
      unknown(next, "the sockets of its monitors are gone");
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> next.apply(context(), id, spec));
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> next.power(context(), id, PowerAction.BOOT));
    }
    assertThat(host.processes()).hasSize(1);
  }

  @Test
  void aStoppedMachineIsUnknownAtOnceAndTheOthersAreNotHeldUp() throws Exception {
    for (int i = 0; i < FLEET; i++) {
      ResourceId other = ResourceId.fresh("machine", "db" + i);
      others.add(other);
      driver.apply(context(), other, spec);
    }
    long pid = pid(driver, id);
    Host.signal("STOP", pid);
    try (QemuMachineDriver next = host.open()) {
      unknown(next, "stopped by a signal");
      for (ResourceId other : others) {
        assertThat(state(next, other)).isEqualTo(MachineState.RUNNING);
      }
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> next.power(context(), id, PowerAction.BOOT));
    } finally {
      Host.signal("CONT", pid);
    }
    await().until(() -> driver.observe(id) instanceof Observed.Present<?>);
    assertThat(pid(driver, id)).isEqualTo(pid);
  }

  @Test
  void monitorsHeldByStrangersAreBusyAndReadyAgainSoonAfter() {
    driver.close();
    try (QmpClient one = QmpClient.connect(run().resolve("qmp"), LIMIT)) {
      try (QemuMachineDriver next = host.open()) {
        assertThat(state(next, id)).isEqualTo(MachineState.RUNNING); // by the other monitor
        next.power(context(), id, PowerAction.PAUSE);
        next.power(context(), id, PowerAction.RESUME);
      }
      try (QmpClient two = QmpClient.connect(run().resolve("rescue"), LIMIT);
          QemuMachineDriver next = host.open()) {
        unknown(next, "other clients hold both of its monitors");
        assertThat(two.execute("query-status", LIMIT).flag("/running")).isTrue();
      }
      assertThat(one.execute("query-status", LIMIT).flag("/running")).isTrue();
    }
    try (QemuMachineDriver next = host.open()) {
      await().until(() -> next.observe(id) instanceof Observed.Present<?>);
    }
  }

  @Test
  void aLentBlockSessionStarvesNeitherLooksNorChangesNorOtherSessions() {
    BlockMonitor blocks = driver.capability(BlockMonitor.class).orElseThrow();
    try (BlockSession two = blocks.connect(id, LIMIT)) {
      try (BlockSession one = blocks.connect(id, LIMIT)) {
        driver.power(context(), id, PowerAction.PAUSE);
        assertThat(state(driver, id)).isEqualTo(MachineState.PAUSED);
        driver.power(context(), id, PowerAction.RESUME);
        assertThat(one.execute("query-status", Map.of(), LIMIT)).contains("running");
      }
      assertThat(two.execute("query-status", Map.of(), LIMIT)).contains("running");
    }
    // Both monitors are left to others soon after.
    await().ignoreExceptions().until(() -> {
      try (QmpClient one = QmpClient.connect(run().resolve("qmp"), LIMIT);
          QmpClient two = QmpClient.connect(run().resolve("rescue"), LIMIT)) {
        return one.execute("query-status", LIMIT).flag("/running")
            && two.execute("query-status", LIMIT).flag("/running");
      }
    });
  }

  @Test
  void aRestartedMachineIsNotLookedAtThroughItsFormerConnection() {
    for (int round = 0; round < 3; round++) {
      long pid = pid(driver, id);
      driver.power(context(), id, PowerAction.HARD_SHUTDOWN);
      assertThat(state(driver, id)).isEqualTo(MachineState.SHUTDOWN);
      driver.power(context(), id, PowerAction.BOOT);
      assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
      assertThat(pid(driver, id)).isNotEqualTo(pid);
    }
  }

  @Test
  void aPanicIsFailedWithItsReasonAndAResetCuresIt() throws Exception {
    await().until(() -> said(present(driver, id), "READY"));
    try (ByteChannel console = driver.openSerial(id)) {
      console.write(ByteBuffer.wrap("c".getBytes(StandardCharsets.US_ASCII)));
    }
    await().until(() -> state(driver, id) == MachineState.FAILED);

    assertThat(present(driver, id).reason()).contains("guest-panicked");
    driver.power(context(), id, PowerAction.HARD_REBOOT);
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    assertThat(present(driver, id).reason()).isEmpty();
  }

  @Test
  void aProcessThatWasToldToEndIsCrashedWithItsLastWords() throws Exception {
    Host.signal("TERM", pid(driver, id));
    // It hangs up before it has ended: for a moment nobody can tell what it does.
    await()
        .until(() -> driver.observe(id) instanceof Observed.Present<MachineStatus> seen
            && seen.status().pid().isEmpty());

    assertThat(state(driver, id)).isEqualTo(MachineState.CRASHED);
    assertThat(present(driver, id).reason().orElseThrow()).contains("signal 15");
  }

  private void unknown(QemuMachineDriver by, String why) {
    assertThat(by.observe(id))
        .isInstanceOfSatisfying(
            Observed.Unknown.class, unknown -> assertThat(unknown.why()).contains(why));
  }

  private Path run() {
    try (var runs = Files.newDirectoryStream(host.root.resolve(id.uid().toString()), "run.*")) {
      return runs.iterator().next();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
