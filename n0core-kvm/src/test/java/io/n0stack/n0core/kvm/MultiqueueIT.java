package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Nic;
import io.n0stack.n0core.api.compute.MachineStatistics;
import io.n0stack.n0core.api.driver.Driver.Change;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.network.TapQueues;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** NICs by which several processors send and receive at once. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class MultiqueueIT {
  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private final ResourceId port = ResourceId.fresh("port", "eth0");
  private Host host;
  private QueuedTap tap;
  private QemuMachineDriver driver;

  @BeforeEach
  void prepare() throws Exception {
    host = new Host(directory);
    tap = QueuedTap.make(id, "multi_queue");
    driver = host.open();
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    driver.delete(Host.context(), id);
    List<String> left = host.residue();
    host.cleanUp();
    int held = tap.held();
    tap.remove();
    assertThat(left).isEmpty();
    assertThat(held).isZero();
  }

  private StandaloneContext cx(TapQueues queues) {
    return new StandaloneContext(Duration.ofMinutes(3))
        .with(port, new PortStatus(tap.name, 1, "br0", Board.mac(0), 1500, 0))
        .lending("port", queues);
  }

  private MachineSpec nano(int queues) {
    MachineSpec one = host.nano(Chipset.PC).build();
    return one.toBuilder(4, one.memoryBytes())
        .nic(new Nic("eth0").withQueues(queues))
        .build();
  }

  private QmpClient qmp() {
    Path socket = Host.present(driver, id).serialLog().resolveSibling("qmp");
    return QmpClient.connect(socket, Board.LIMIT);
  }

  private Object property(String name) {
    try (QmpClient qmp = qmp()) {
      return qmp.execute(
              "qom-get",
              Map.of("path", "/machine/peripheral/nic-eth0", "property", name),
              Board.LIMIT)
          .toString();
    }
  }

  private void assertPlugged(int queues) throws Exception {
    try (QmpClient qmp = qmp()) {
      assertThat(Board.parts(qmp)).isEqualTo(Board.expected(Set.of(), Set.of("eth0")));
    }
    assertThat(tap.held()).isEqualTo(queues);
    assertThat(property("vectors").toString()).contains(String.valueOf(2 * queues + 2));
    assertThat(property("mq").toString()).contains("true");
  }

  @Test
  void theGuestHasAsManyQueuesAndIsReachedAlsoAfterTheAgentHasGone() throws Exception {
    MachineSpec one = LinuxGuest.build().spec("n0.ip=10.77.0.2/24").build();
    MachineSpec spec =
        one.toBuilder(2, one.memoryBytes()).nic(new Nic("eth0").withQueues(2)).build();
    driver.apply(cx(tap), id, spec);
    LinuxGuest.awaitShell(driver, id);
    LinuxGuest.type(driver, id, "echo QUE''UES $(ls /sys/class/net/eth0/queues | sort)");
    LinuxGuest.awaitSaid(driver, id, "QUEUES rx-0 rx-1 tx-0 tx-1");
    assertThat(
            driver.capability(MachineStatistics.class).orElseThrow().usage(id).nics())
        .as("each tap once; its counters are in another namespace")
        .hasSizeLessThanOrEqualTo(1);
    driver.close();

    assertThat(tap.ping()).contains(" 3 received");
  }

  @Test
  void whereverTheAgentDiesTheQueuesAreLentOnce() throws Exception {
    boolean crashed = true;
    int point = 0;
    for (; crashed; point++) {
      crashed = false;
      int queues = 2 + point % 3;
      try {
        driver.apply(cx(tap).crashAt(point), id, nano(queues));
      } catch (SimulatedCrash e) {
        crashed = true;
        driver.apply(cx(tap), id, nano(queues));
      }
      assertPlugged(queues);
      driver.delete(Host.context(), id);
    }
    assertThat(point).isGreaterThan(3);
  }

  @Test
  void queuesThatWereLentButNotUsedAreTakenBackAlsoIfOthersAreWantedNow() throws Exception {
    MachineSpec one = host.nano(Chipset.PC).build();
    driver.apply(cx(tap), id, one.toBuilder(4, one.memoryBytes()).build());
    try (QmpClient qmp = qmp();
        TapQueues.Descriptors lent = tap.open(port, 3)) {
      for (int i = 0; i < 3; i++) {
        qmp.executeWithDescriptor(
            "getfd", Map.of("fdname", "net-eth0." + i), lent.numbers().get(i), Board.LIMIT);
      }
    }
    assertThat(tap.held()).isEqualTo(3);

    driver.apply(cx(tap), id, nano(2));

    assertPlugged(2);
  }

  @Test
  void otherQueuesNeedARestart() {
    assertThat(driver.change("nics", nano(2), nano(4))).isEqualTo(Change.RESTART);
    assertThat(driver.change(
            "nics", nano(2), nano(2).toBuilder(4, 16 << 20).nic("eth1").build()))
        .isEqualTo(Change.LIVE);
  }

  @Test
  void aTapWithFewerQueuesIsRefusedBeforeAnythingIsLaunched() throws Exception {
    ResourceId other = ResourceId.fresh("machine", "web2");
    QueuedTap single = QueuedTap.make(other);
    try {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> driver.apply(cx(single), id, nano(2)))
          .withMessageContaining("nic.queues 2")
          .withMessageContaining("port \"eth0\"")
          .withMessageContaining("it has not 2 queues")
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION));
      StandaloneContext lendingNothing = new StandaloneContext(Duration.ofMinutes(1))
          .with(port, new PortStatus(tap.name, 1, "br0", Board.mac(0), 1500, 0));
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> driver.apply(lendingNothing, id, nano(2)))
          .withMessageContaining("must lend the queues of its taps");
      assertThat(host.processes()).isEmpty();
    } finally {
      single.remove();
    }
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> nano(5))
        .withMessageContaining("nic.queues")
        .withMessageContaining("must be at most as many as there can be vCPUs, 4");
  }
}
