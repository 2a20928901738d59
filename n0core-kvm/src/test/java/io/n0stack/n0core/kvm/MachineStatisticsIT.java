package io.n0stack.n0core.kvm;

import static io.n0stack.n0core.kvm.Host.context;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.Accelerator;
import io.n0stack.n0core.api.compute.MachineSnapshot;
import io.n0stack.n0core.api.compute.MachineSnapshot.Consistency;
import io.n0stack.n0core.api.compute.MachineSnapshot.Content;
import io.n0stack.n0core.api.compute.MachineSnapshots;
import io.n0stack.n0core.api.compute.MachineState;
import io.n0stack.n0core.api.compute.MachineStatistics;
import io.n0stack.n0core.api.compute.MachineUsage;
import io.n0stack.n0core.api.compute.PowerAction;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a Linux guest with a disk, a NIC and an agent is seen to use, and how it is frozen. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class MachineStatisticsIT {
  private static final MacAddress MAC = MacAddress.parse("52:54:00:12:34:56");

  @TempDir
  Path directory;

  private final ResourceId id = ResourceId.fresh("machine", "web1");
  private final String netns = "n0use-" + id.uid().toString().substring(0, 8);
  private LinuxGuest guest;
  private Host host;
  private Path volume;
  private QemuMachineDriver driver;

  @BeforeEach
  void boot() throws Exception {
    guest = LinuxGuest.build();
    host = new Host(directory);
    volume = directory.resolve("data.qcow2");
    Host.run(
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-F",
        "qcow2",
        "-b",
        guest.base().toString(),
        volume.toString());
    Host.run("ip", "netns", "add", netns);
    Host.run("ip", "-n", netns, "tuntap", "add", "dev", "tap0", "mode", "tap");
    Host.run("ip", "-n", netns, "addr", "add", "10.77.0.1/24", "dev", "tap0");
    Host.run("ip", "-n", netns, "link", "set", "tap0", "up");
    driver = open();
    driver.apply(
        cx(), id, guest.spec("n0.ip=10.77.0.2/24").disk("data").nic("eth0").build());
    LinuxGuest.awaitSaid(driver, id, "N0: READY");
  }

  private QemuMachineDriver open() {
    return new QemuMachineDriver(KvmConfig.of(host.root)
        .withAccelerator(Accelerator.TCG)
        .withLaunch(LaunchConfig.standard().withNetworkNamespace(Path.of("/run/netns", netns))));
  }

  private StandaloneContext cx() {
    return context()
        .with(
            "volume",
            "data",
            new VolumeStatus(volume, ImageFormat.QCOW2, 64 << 20, 0, Optional.of(guest.base())))
        .with("port", "eth0", new PortStatus("tap0", 1, "br0", MAC, 1500, 0));
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    try {
      driver.delete(context(), id);
      driver.close();
      List<String> left = host.residue();
      host.cleanUp();
      assertThat(left).isEmpty();
    } finally {
      Host.run("ip", "netns", "del", netns);
    }
  }

  @Test
  void whatTheGuestUsesIsCounted() throws Exception {
    MachineStatistics statistics = driver.capability(MachineStatistics.class).orElseThrow();

    MachineUsage before = statistics.usage(id);
    Host.run(
        "ip", "netns", "exec", netns, "ping", "-c", "3", "-w", "30", "-s", "1000", "10.77.0.2");
    MachineUsage after = statistics.usage(id);

    assertThat(before.cpuTime()).isPositive();
    assertThat(before.vcpuTimes())
        .singleElement()
        .satisfies(time -> assertThat(time).isPositive().isLessThanOrEqualTo(after.cpuTime()));
    assertThat(before.residentBytes()).isBetween(10L << 20, 2L << 30);
    assertThat(before.balloonBytes()).contains(LinuxGuest.BOARD_BYTES);
    assertThat(before.disks()).singleElement().satisfies(disk -> {
      assertThat(disk.name()).isEqualTo("disk-data");
      assertThat(disk.readBytes()).isPositive();
      assertThat(disk.reads()).isPositive();
      assertThat(disk.writes()).isPositive();
      assertThat(disk.readTime()).isPositive();
    });
    assertThat(after.nics()).singleElement().satisfies(nic -> {
      assertThat(nic.tap()).isEqualTo("tap0");
      MachineUsage.Nic was = before.nics().get(0);
      assertThat(nic.receivedBytes() - was.receivedBytes()).isGreaterThan(3000);
      assertThat(nic.sentBytes() - was.sentBytes()).isGreaterThan(3000);
      assertThat(nic.sentPackets() - was.sentPackets()).isGreaterThanOrEqualTo(3);
    });
    await()
        .atMost(Duration.ofMinutes(1))
        .untilAsserted(() -> assertThat(statistics.usage(id).guestMemory())
            .hasEntrySatisfying(
                "stat-total-memory", bytes -> assertThat(bytes).isBetween(100L << 20, 256L << 20)));

    driver.power(context(), id, PowerAction.HARD_SHUTDOWN);
    assertThatThrownBy(() -> statistics.usage(id)).hasMessageContaining("it is off");
  }

  @Test
  @Requires(Requirement.GUEST_AGENT)
  void aGuestWithAnAgentIsFrozenForASnapshotAndThawedWhereverTheAgentProgramDies()
      throws Exception {
    MachineSnapshots snapshots = driver.capability(MachineSnapshots.class).orElseThrow();
    LinuxGuest.awaitShell(driver, id);
    await().atMost(LinuxGuest.BOOT).until(() -> {
      snapshots.deleteSnapshot(cx(), id, "one");
      snapshots.takeSnapshot(cx(), id, "one", Content.DISKS);
      return snapshots.snapshots(id).get(0).consistency() == Consistency.FROZEN;
    });
    snapshots.deleteSnapshot(cx(), id, "one");

    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      try (QemuMachineDriver dying = open()) {
        dying
            .capability(MachineSnapshots.class)
            .orElseThrow()
            .takeSnapshot(cx().crashAt(point), id, "one", Content.DISKS);
        crashed = false;
      } catch (SimulatedCrash e) {
        crashed = true;
      }
      driver.apply(
          cx(), id, guest.spec("n0.ip=10.77.0.2/24").disk("data").nic("eth0").build());
      assertThat(driver.observe(id)).extracting("complete").isEqualTo(true);
      // Only a guest that is thawed writes this.
      String word = "thawed" + point;
      LinuxGuest.type(
          driver,
          id,
          "echo > /mnt/f; sync; echo " + word.substring(0, 3) + "''" + word.substring(3));
      LinuxGuest.awaitSaid(driver, id, word);
      assertThat(snapshots.snapshots(id))
          .allSatisfy(
              snapshot -> assertThat(snapshot).returns(Content.DISKS, MachineSnapshot::content));
      snapshots.deleteSnapshot(cx(), id, "one");
    }
    assertThat(Host.state(driver, id)).isEqualTo(MachineState.RUNNING);
  }
}
