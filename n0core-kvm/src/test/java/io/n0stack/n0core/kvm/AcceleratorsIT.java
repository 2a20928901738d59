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
import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSnapshot;
import io.n0stack.n0core.api.compute.MachineSnapshot.Content;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What touches a guest's processor, memory or devices, under each accelerator that boots one here. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class AcceleratorsIT {
  @TempDir
  Path directory;

  private TwoHosts hosts;
  private Host host;
  private ResourceId id;
  private Path volume;
  private QemuMachineDriver driver;

  @BeforeEach
  void prepare() throws Exception {
    hosts = new TwoHosts(directory);
    host = hosts.left;
    id = hosts.id;
    driver = hosts.agent(host);
    volume = directory.resolve("data.qcow2");
    String unused = Host.run("qemu-img", "create", "-q", "-f", "qcow2", volume.toString(), "32M");
  }

  @AfterEach
  void nothingIsLeft() {
    hosts.cleanUp();
  }

  static Stream<Accelerator> accelerators() {
    return Host.accelerators();
  }

  private StandaloneContext cx() {
    return context()
        .with(
            "volume",
            "data",
            new VolumeStatus(volume, ImageFormat.QCOW2, 32 << 20, 0, Optional.empty()));
  }

  private MachineSpec.Builder nano(Accelerator accelerator) {
    return host.nano(Chipset.Q35, accelerator);
  }

  private void start(MachineSpec spec) {
    driver.apply(cx(), id, spec);
    await().until(() -> said(present(driver, id), "N0: READY"));
    assertThat(present(driver, id).accelerator()).isEqualTo(spec.accelerator());
  }

  /** The guest answers, and has not begun anew. */
  private void assertGoesOn(QemuMachineDriver where) throws Exception {
    try (ByteChannel console = where.openSerial(id)) {
      int unused = console.write(ByteBuffer.wrap("x".getBytes(StandardCharsets.US_ASCII)));
    }
    await().until(() -> said(present(where, id), "x"));
    assertThat(said(present(where, id), "READY")).isFalse();
  }

  private Set<String> parts() {
    Path socket = present(driver, id).serialLog().resolveSibling("qmp");
    try (QmpClient qmp = QmpClient.connect(socket, Board.LIMIT)) {
      return Board.parts(qmp);
    }
  }

  @ParameterizedTest
  @MethodSource("accelerators")
  void aDiskIsPluggedIntoAGuestAndOut(Accelerator accelerator) {
    start(nano(accelerator).build());
    long pid = pid(driver, id);

    driver.apply(cx(), id, nano(accelerator).disk("data").build());
    assertThat(parts()).isEqualTo(Board.expected(Set.of("data"), Set.of()));
    assertThat(pid(driver, id)).isEqualTo(pid);

    KvmConfig config =
        KvmConfig.of(host.root).withPatience(Patience.usual().withUnplug(Duration.ofMillis(100)));
    try (QemuMachineDriver impatient = new QemuMachineDriver(config)) {
      assertThatExceptionOfType(N0Exception.class)
          .as("this guest does not know how to release a disk")
          .isThrownBy(() -> impatient.apply(cx(), id, nano(accelerator).build()));
    }
    driver.power(cx(), id, PowerAction.HARD_REBOOT);
    driver.apply(cx(), id, nano(accelerator).build());

    assertThat(parts()).isEmpty();
    assertThat(pid(driver, id)).isEqualTo(pid);
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  @ParameterizedTest
  @MethodSource("accelerators")
  void aSavedGuestGoesOnWhereItWas(Accelerator accelerator) throws Exception {
    start(nano(accelerator).build());

    driver.power(context(), id, PowerAction.SAVE);
    assertThat(state(driver, id)).isEqualTo(MachineState.SAVED);
    assertThat(host.processes()).isEmpty();
    driver.power(context(), id, PowerAction.BOOT);

    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    assertThat(present(driver, id).accelerator()).isEqualTo(accelerator);
    assertGoesOn(driver);
  }

  @ParameterizedTest
  @MethodSource("accelerators")
  void aGuestGoesBackToItsMemory(Accelerator accelerator) {
    start(nano(accelerator).disk("data").build());
    MachineSnapshots snapshots = driver.capability(MachineSnapshots.class).orElseThrow();

    snapshots.takeSnapshot(cx(), id, "before", Content.MEMORY);
    driver.power(cx(), id, PowerAction.PAUSE);
    snapshots.revertToSnapshot(cx(), id, "before");
    driver.power(cx(), id, PowerAction.RESUME);

    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    assertThat(snapshots.snapshots(id))
        .extracting(MachineSnapshot::name)
        .isEqualTo(List.of("before"));
    snapshots.deleteSnapshot(cx(), id, "before");
  }

  @ParameterizedTest
  @MethodSource("accelerators")
  void aGuestMovesToAnotherHostAndGoesOn(Accelerator accelerator) throws Exception {
    start(nano(accelerator).build());

    MigrationReport report =
        hosts.migrate(hosts.left, hosts.right, MigrationReception.unix(), MigrationOptions.usual());

    assertThat(report.transferredBytes()).isPositive();
    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
    QemuMachineDriver there = hosts.agent(hosts.right);
    assertThat(present(there, id).accelerator()).isEqualTo(accelerator);
    assertGoesOn(there);
  }
}
