package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static io.n0stack.n0core.kvm.Host.pid;
import static io.n0stack.n0core.kvm.Host.present;
import static io.n0stack.n0core.kvm.Host.said;
import static io.n0stack.n0core.kvm.Host.state;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.MachineSnapshot;
import io.n0stack.n0core.api.compute.MachineSnapshot.Consistency;
import io.n0stack.n0core.api.compute.MachineSnapshot.Content;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Points in time of real machines with two disks. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class MachineSnapshotsIT {
  private static final int MOST_POINTS = 40;
  private static final int CLUSTER_BYTES = 65536;

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private Host host;
  private Path root;
  private Path data;
  private QemuMachineDriver driver;
  private MachineSnapshots snapshots;
  private MachineSpec spec;

  @BeforeEach
  void start() throws Exception {
    host = new Host(directory);
    root = directory.resolve("root.qcow2");
    data = directory.resolve("data, of web1.qcow2");
    for (Path volume : List.of(root, data)) {
      Host.run("qemu-img", "create", "-q", "-f", "qcow2", volume.toString(), "32M");
    }
    driver = host.open();
    snapshots = of(driver);
    // QEMU names the one by a path and the other by its id.
    spec = host.nano(Chipset.Q35)
        .bootDisk("root")
        .disk("data", DiskModel.VIRTIO_SCSI)
        .build();
    driver.apply(cx(), id, spec);
    await().until(() -> said(present(driver, id), "READY"));
  }

  private static MachineSnapshots of(QemuMachineDriver driver) {
    return driver.capability(MachineSnapshots.class).orElseThrow();
  }

  private StandaloneContext cx() {
    return context().with("volume", "root", status(root)).with("volume", "data", status(data));
  }

  private static VolumeStatus status(Path file) {
    return new VolumeStatus(file, ImageFormat.QCOW2, 32 << 20, 0, Optional.empty());
  }

  @AfterEach
  void nothingIsLeft() {
    driver.delete(context(), id);
    driver.close();
    List<String> left = host.residue();
    host.cleanUp();
    assertThat(left).isEmpty();
  }

  @Test
  void aMachineGoesBackToItsMemory() throws Exception {
    long pid = pid(driver, id);
    snapshots.takeSnapshot(cx(), id, "before", Content.MEMORY);
    snapshots.takeSnapshot(cx(), id, "before", Content.MEMORY);
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    assertThat(snapshots.snapshots(id))
        .singleElement()
        .returns("before", MachineSnapshot::name)
        .returns(Content.MEMORY, MachineSnapshot::content)
        .returns(Consistency.EXACT, MachineSnapshot::consistency);
    driver.power(cx(), id, PowerAction.PAUSE);
    snapshots.revertToSnapshot(cx(), id, "before");
    assertThat(state(driver, id)).isEqualTo(MachineState.PAUSED);
    driver.power(cx(), id, PowerAction.RESUME);

    snapshots.revertToSnapshot(cx(), id, "before");

    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    assertThat(pid(driver, id)).isEqualTo(pid);
    snapshots.deleteSnapshot(cx(), id, "before");
    snapshots.deleteSnapshot(cx(), id, "before");
    assertThat(snapshots.snapshots(id)).isEmpty();
    assertThat(tags(root) + tags(data)).doesNotContain("n0-before");
    refused(() -> snapshots.revertToSnapshot(cx(), id, "before"), N0Exception.Code.NOT_FOUND);
  }

  @Test
  void disksAreTakenAtOneMomentAndSetBackWhileTheMachineIsOff() throws Exception {
    snapshots.takeSnapshot(cx(), id, "clean", Content.DISKS);
    assertThat(snapshots.snapshots(id))
        .singleElement()
        .returns(Consistency.CRASH, MachineSnapshot::consistency);
    assertThat(tags(root)).contains("n0-clean");
    assertThat(tags(data)).contains("n0-clean");
    refused(() -> snapshots.revertToSnapshot(cx(), id, "clean"), N0Exception.Code.PRECONDITION);
    refused(
        () -> snapshots.takeSnapshot(cx(), id, "clean", Content.MEMORY),
        N0Exception.Code.ALREADY_EXISTS);
    driver.power(cx(), id, PowerAction.HARD_SHUTDOWN);
    Host.run("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 64k", data.toString());

    snapshots.revertToSnapshot(cx(), id, "clean");

    Host.run("qemu-io", "-f", "qcow2", "-c", "read -P 0 0 64k", data.toString());
    snapshots.takeSnapshot(cx(), id, "off", Content.DISKS);
    assertThat(snapshots.snapshots(id))
        .extracting(MachineSnapshot::name)
        .containsExactly("clean", "off");
    assertThat(snapshots.snapshots(id).get(1).consistency()).isEqualTo(Consistency.EXACT);
    snapshots.deleteSnapshot(cx(), id, "clean");
    assertThat(tags(data)).doesNotContain("n0-clean").contains("n0-off");
    driver.power(cx(), id, PowerAction.BOOT);
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void aGuestThatIsSetBackByHalfStandsStillUntilItIsWhole() throws Exception {
    snapshots.takeSnapshot(cx(), id, "before", Content.MEMORY);
    breakMemory();

    refused(() -> snapshots.revertToSnapshot(cx(), id, "before"), N0Exception.Code.UNAVAILABLE);

    assertThat(state(driver, id)).isEqualTo(MachineState.PAUSED);
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(false);
    assertThatThrownBy(() -> driver.power(cx(), id, PowerAction.RESUME))
        .hasMessageContaining("stands still by half");
    assertThat(state(driver, id)).isEqualTo(MachineState.PAUSED);
    try (QemuMachineDriver next = host.open()) {
      refused(() -> next.apply(cx(), id, spec), N0Exception.Code.UNAVAILABLE);
      assertThat(state(next, id)).isEqualTo(MachineState.PAUSED);

      mendMemory();
      next.apply(cx(), id, spec);

      assertThat(state(next, id)).isEqualTo(MachineState.RUNNING);
      assertThat(next.observe(id)).extracting("complete").isEqualTo(true);
      of(next).revertToSnapshot(cx(), id, "before");
      assertThat(state(next, id)).isEqualTo(MachineState.RUNNING);
    }
  }

  @Test
  void theDisksOfAGuestThatIsSetBackByHalfFollowWhenItIsTurnedOff() throws Exception {
    snapshots.takeSnapshot(cx(), id, "before", Content.MEMORY);
    breakMemory();
    refused(() -> snapshots.revertToSnapshot(cx(), id, "before"), N0Exception.Code.UNAVAILABLE);
    driver.power(cx(), id, PowerAction.HARD_SHUTDOWN);
    Host.run("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 64k", data.toString());

    driver.apply(cx(), id, spec);

    Host.run("qemu-io", "-f", "qcow2", "-c", "read -P 0 0 64k", data.toString());
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
    driver.power(cx(), id, PowerAction.BOOT);
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  @Test
  void memoryIsNotPutBackOnABoardWithAnotherScreenOrProcessor() {
    snapshots.takeSnapshot(cx(), id, "plain", Content.MEMORY);
    Hardware other = Hardware.standard()
        .withCpu(new Hardware.Cpu(Optional.of("qemu64"), Optional.empty(), Optional.empty()));
    for (MachineSpec changed : List.of(
        spec.toBuilder(1, spec.memoryBytes()).display(MachineSpec.Display.VNC).build(),
        spec.toBuilder(1, spec.memoryBytes()).hardware(other).build())) {
      startedAs(changed);

      assertThatThrownBy(() -> snapshots.revertToSnapshot(cx(), id, "plain"))
          .hasMessageContaining("its memory belongs to a board of Q35");

      assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    }
    startedAs(spec);
    snapshots.revertToSnapshot(cx(), id, "plain");
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
  }

  private void startedAs(MachineSpec changed) {
    driver.power(cx(), id, PowerAction.HARD_SHUTDOWN);
    driver.apply(cx(), id, changed);
    driver.power(cx(), id, PowerAction.BOOT);
  }

  @Test
  void aCrashWhileItIsSetBackEndsWithAGuestThatRuns() {
    snapshots.takeSnapshot(cx(), id, "one", Content.MEMORY);
    int point = 0;
    boolean crashed = true;
    while (crashed) {
      StandaloneContext cx = cx().crashAt(point++);
      try (QemuMachineDriver dying = host.open()) {
        of(dying).revertToSnapshot(cx, id, "one");
        crashed = false;
      } catch (SimulatedCrash crash) {
        assertThat(point).isLessThan(MOST_POINTS);
      }
      try (QemuMachineDriver next = host.open()) {
        next.apply(cx(), id, spec);
        assertThat(state(next, id)).as("point " + point).isEqualTo(MachineState.RUNNING);
        assertThat(next.observe(id)).extracting("complete").isEqualTo(true);
      }
    }
    assertThat(point).isGreaterThan(3);
  }

  /** QEMU's file of a guest's memory begins with these bytes. */
  private static final byte[] MAGIC = {'Q', 'E', 'V', 'M'};

  private static final byte[] BROKEN = {'q', 'e', 'v', 'm'};

  private void breakMemory() throws IOException {
    assertThat(replaced(MAGIC, BROKEN)).isEqualTo(1);
  }

  private void mendMemory() throws IOException {
    assertThat(replaced(BROKEN, MAGIC)).isEqualTo(1);
  }

  /** Replaces what clusters of the disks begin with, behind the back of the QEMU that has them open. */
  private int replaced(byte[] from, byte[] to) throws IOException {
    int found = 0;
    for (Path volume : List.of(root, data)) {
      try (RandomAccessFile file = new RandomAccessFile(volume.toFile(), "rw")) {
        byte[] begin = new byte[from.length];
        for (long at = 0; at + begin.length <= file.length(); at += CLUSTER_BYTES) {
          file.seek(at);
          file.readFully(begin);
          if (Arrays.equals(begin, from)) {
            file.seek(at);
            file.write(to);
            found++;
          }
        }
      }
    }
    return found;
  }

  @ParameterizedTest
  @EnumSource(Content.class)
  void aCrashAtAnyPointLeavesAWholeSnapshotOrNone(Content content) throws Exception {
    int point = 0;
    boolean crashed = true;
    while (crashed) {
      crashed = crashes(point++, content);
      try (QemuMachineDriver next = host.open()) {
        next.apply(cx(), id, spec);
        assertThat(state(next, id)).as("point " + point).isEqualTo(MachineState.RUNNING);
        assertThat(next.observe(id)).extracting("complete").isEqualTo(true);
        boolean there = !of(next).snapshots(id).isEmpty();
        for (Path volume : List.of(root, data)) {
          assertThat(tags(volume).contains("n0-one")).as("point " + point).isEqualTo(there);
        }
        of(next).takeSnapshot(cx(), id, "one", content);
        assertThat(of(next).snapshots(id)).hasSize(1);
        of(next).deleteSnapshot(cx(), id, "one");
        assertThat(tags(root)).doesNotContain("n0-one");
        assertThat(point).isLessThan(MOST_POINTS);
      }
    }
    assertThat(point).isGreaterThan(4);
  }

  @Test
  void aMachineWithARawDiskIsRefusedBeforeAnything() throws Exception {
    ResourceId other = ResourceId.fresh("machine", "raw1");
    Path raw = directory.resolve("raw.img");
    Host.run("qemu-img", "create", "-q", "-f", "raw", raw.toString(), "8M");
    StandaloneContext cx = context()
        .with(
            "volume", "raw", new VolumeStatus(raw, ImageFormat.RAW, 8 << 20, 0, Optional.empty()));
    driver.apply(cx, other, host.nano(Chipset.PC).disk("raw").build());
    try {
      refused(
          () -> snapshots.takeSnapshot(cx, other, "one", Content.DISKS),
          N0Exception.Code.PRECONDITION);
      assertThat(snapshots.snapshots(other)).isEmpty();
    } finally {
      driver.delete(context(), other);
    }
  }

  /** QEMU refuses to set back a disk on which it marks what is written, when it has set back the one before. */
  @Test
  void aDiskWithCheckpointsIsNotSetBackAndNeitherIsTheOther() throws Exception {
    snapshots.takeSnapshot(cx(), id, "before", Content.MEMORY);
    driver.power(cx(), id, PowerAction.HARD_SHUTDOWN);
    snapshots.takeSnapshot(cx(), id, "off", Content.DISKS);
    Host.run("qemu-io", "-f", "qcow2", "-c", "write -P 7 0 64k", root.toString());
    Host.run("qemu-img", "bitmap", "--add", "-f", "qcow2", data.toString(), "n0core.one");

    refused(() -> snapshots.revertToSnapshot(cx(), id, "off"), N0Exception.Code.PRECONDITION);

    Host.run("qemu-io", "-f", "qcow2", "-c", "read -P 7 0 64k", root.toString());
    driver.power(cx(), id, PowerAction.BOOT);
    refused(() -> snapshots.revertToSnapshot(cx(), id, "before"), N0Exception.Code.PRECONDITION);
    assertThat(state(driver, id)).isEqualTo(MachineState.RUNNING);
    assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
    driver.power(cx(), id, PowerAction.HARD_SHUTDOWN);
    Host.run("qemu-img", "bitmap", "--remove", "-f", "qcow2", data.toString(), "n0core.one");

    snapshots.revertToSnapshot(cx(), id, "off");

    Host.run("qemu-io", "-f", "qcow2", "-c", "read -P 0 0 64k", root.toString());
  }

  private static void refused(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call, N0Exception.Code code) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  private boolean crashes(int point, Content content) {
    StandaloneContext cx = cx().crashAt(point);
    try (QemuMachineDriver dying = host.open()) {
      of(dying).takeSnapshot(cx, id, "one", content);
      return false;
    } catch (SimulatedCrash crash) {
      return true;
    }
  }

  private static String tags(Path volume) throws Exception {
    return Host.run("qemu-img", "snapshot", "-U", "-l", volume.toString());
  }
}
