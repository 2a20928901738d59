package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Cdrom;
import io.n0stack.n0core.api.compute.MachineSnapshot;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Volumes that nobody may write to, because others lie on them. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class BaseDisksIT extends BoardFixture {
  private static final String WHY = "volume \"clone\" lies on it";

  BaseDisksIT() {
    super(Duration.ofSeconds(2), 0, "base", "own");
  }

  private StandaloneContext cx() throws IOException {
    return board.cx();
  }

  /** As from the moment at which a volume lies on it. */
  private StandaloneContext cloned(StandaloneContext cx) {
    return cx.with(
        "volume",
        "base",
        new VolumeStatus(board.file("base"), ImageFormat.QCOW2, 8 << 20, 0, Optional.empty())
            .withReadOnly(WHY));
  }

  private MachineSpec.Builder nano() {
    return board.host.nano(Chipset.PC);
  }

  private static void refused(ThrowingCallable call) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(call)
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION))
        .withMessageContaining("volume \"base\"")
        .withMessageContaining(WHY);
  }

  /** Fails if a process has the disk open for writing. */
  private void assertFree() throws Exception {
    Host.run(
        "qemu-io", "-f", "qcow2", "-c", "write -P 1 0 64k", board.file("base").toString());
  }

  @Test
  void noGuestIsStartedThatCouldWriteToIt() throws Exception {
    for (DiskModel model : List.of(DiskModel.VIRTIO_BLK, DiskModel.VIRTIO_SCSI, DiskModel.NVME)) {
      StandaloneContext cx = cloned(cx());

      refused(() -> driver.apply(cx, id, nano().disk("base", model).build()));

      assertThat(board.host.processes()).isEmpty();
      assertThat(cx.steps()).doesNotContain("launch qemu");
      driver.delete(Host.context(), id);
    }
    driver.apply(cx(), id, nano().disk("base", DiskModel.VIRTIO_BLK).build());
    assertThat(Host.state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void guestsMayReadIt() throws Exception {
    MachineSpec spec = nano()
        .disk("base", DiskModel.CDROM)
        .hardware(Hardware.standard().withCdroms(List.of(Cdrom.empty("one"))))
        .build();
    driver.apply(cloned(cx()), id, spec);
    assertThat(Host.state(driver, id)).isEqualTo(MachineState.RUNNING);

    driver.apply(
        cloned(cx()),
        id,
        nano()
            .hardware(Hardware.standard().withCdroms(List.of(Cdrom.of("one", "base"))))
            .build());
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
  }

  /** Not even one that has had it since before: storage keeps clones from being made while that runs. */
  @Test
  void runningGuestIsLeftAloneAndNotStartedAgain() throws Exception {
    MachineSpec spec = nano().disk("base", DiskModel.VIRTIO_BLK).build();
    driver.apply(cx(), id, spec);
    long pid = Host.pid(driver, id);

    driver.apply(cloned(cx()), id, spec);
    refused(() -> power(PowerAction.REBOOT));
    assertThat(Host.pid(driver, id)).isEqualTo(pid);
    assertThat(Host.state(driver, id)).isEqualTo(MachineState.RUNNING);

    power(PowerAction.HARD_SHUTDOWN);
    refused(() -> power(PowerAction.BOOT));
    assertThat(Host.state(driver, id)).isEqualTo(MachineState.SHUTDOWN);
    assertFree();
    driver.power(cx(), id, PowerAction.BOOT);
    assertThat(Host.state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  private void power(PowerAction action) throws IOException {
    driver.power(cloned(cx()), id, action);
  }

  @Test
  void itIsNotPluggedIntoARunningGuest() throws Exception {
    driver.apply(cx(), id, nano().disk("own", DiskModel.VIRTIO_BLK).build());
    long pid = Host.pid(driver, id);
    MachineSpec both = nano()
        .disk("own", DiskModel.VIRTIO_BLK)
        .disk("base", DiskModel.VIRTIO_BLK)
        .build();

    refused(() -> driver.apply(cloned(cx()), id, both));

    assertThat(Host.pid(driver, id)).isEqualTo(pid);
    assertThat(nodes()).containsExactly("disk-own");
    driver.apply(cx(), id, both);
    assertThat(nodes()).containsExactly("disk-base", "disk-own");
    assertThat(Host.pid(driver, id)).isEqualTo(pid);
  }

  /** A clone that is made between the first look and the moment at which QEMU has the file open. */
  @Test
  void cloneThatIsMadeMeanwhileIsSeenBeforeTheGuestHasTheDisk() throws Exception {
    MachineSpec spec = nano().disk("base", DiskModel.VIRTIO_BLK).build();
    StandaloneContext late = cx();
    late.before("plug disk \"base\"", () -> cloned(late));

    refused(() -> driver.apply(late, id, spec));

    assertThat(Host.state(driver, id)).isEqualTo(MachineState.PREPARED);
    assertThat(nodes()).isEmpty();
    assertFree();
    refused(() -> driver.apply(cloned(cx()), id, spec));
    driver.apply(cx(), id, spec);
    assertThat(Host.state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void itIsNotSetBackToASnapshot() throws Exception {
    driver.apply(cx(), id, nano().disk("base", DiskModel.VIRTIO_BLK).build());
    power(PowerAction.HARD_SHUTDOWN);
    MachineSnapshots snapshots = driver.capability(MachineSnapshots.class).orElseThrow();
    snapshots.takeSnapshot(cx(), id, "one", MachineSnapshot.Content.DISKS);

    StandaloneContext cx = cloned(cx());
    refused(() -> snapshots.revertToSnapshot(cx, id, "one"));

    assertThat(cx.steps()).doesNotContain("set the disks back");
    snapshots.revertToSnapshot(cx(), id, "one");
    snapshots.deleteSnapshot(cloned(cx()), id, "one");
  }

  private List<String> nodes() {
    try (QmpClient qmp = board.qmp(driver, id)) {
      return Board.parts(qmp).stream()
          .filter(part -> part.startsWith("node "))
          .map(part -> part.substring("node ".length()))
          .toList();
    }
  }
}
