package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.compute.DiskLimits;
import io.n0stack.n0core.api.compute.DiskTuning;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Cdrom;
import io.n0stack.n0core.api.compute.Hardware.Memory;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.compute.MachineSpec.Nic;
import io.n0stack.n0core.api.compute.MachineStatistics;
import io.n0stack.n0core.api.compute.MachineUsage;
import io.n0stack.n0core.api.compute.Migration;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.compute.MigrationTarget;
import io.n0stack.n0core.api.compute.MigrationTerms;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.PortStatus;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A Linux guest with limited and tuned disks, drives, a balloon and a NIC of two queues moves. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class MigratedHardwareIT {
  private static final long MIB = 1 << 20;
  private static final long SIZE = 8 * MIB;

  @TempDir
  Path directory;

  private TwoHosts hosts;
  private MachineSpec all;
  private QueuedTap leftTap;
  private QueuedTap rightTap;

  @BeforeEach
  void prepare() throws Exception {
    hosts = new TwoHosts(directory);
    leftTap = QueuedTap.make(hosts.id, "multi_queue");
    rightTap = QueuedTap.make(ResourceId.fresh("machine", "there"), "multi_queue");
    for (String name : List.of("root", "data", "medium", "root-there", "data-there")) {
      Host.run("qemu-img", "create", "-q", "-f", "qcow2", file(name).toString(), "8M");
    }
    Host.run("qemu-io", "-c", "write -P 0x5a 0 1M", file("root").toString());
    MachineSpec one = LinuxGuest.build().spec("n0.ip=10.77.0.2/24").build();
    all = one.toBuilder(2, one.memoryBytes())
        .disk(new Disk("root", Optional.empty(), Optional.of(DiskModel.VIRTIO_SCSI))
            .withLimits(DiskLimits.none().withBytes(8 * MIB, 9 * MIB).withRequests(1000))
            .withTuning(DiskTuning.standard().withCache(DiskTuning.Cache.NONE)))
        .disk(new Disk("data", Optional.empty(), Optional.of(DiskModel.VIRTIO_BLK))
            .withLimits(DiskLimits.none().withRequests(2000, 3000)))
        .nic(new Nic("eth0").withQueues(2))
        .hardware(keeping(192))
        .build();
  }

  private static Hardware keeping(long mebibytes) {
    return Hardware.standard()
        .withCdroms(List.of(Cdrom.of("one", "medium"), Cdrom.empty("two")))
        .withMemory(Memory.standard().withTargetBytes(mebibytes * MIB));
  }

  @AfterEach
  void nothingIsLeft() throws Exception {
    hosts.cleanUp();
    leftTap.remove();
    rightTap.remove();
  }

  private Path file(String name) {
    return directory.resolve(name + ".qcow2");
  }

  private StandaloneContext context(QueuedTap tap, String suffix) {
    return new StandaloneContext(LinuxGuest.BOOT)
        .with("volume", "root", volume("root" + suffix))
        .with("volume", "data", volume("data" + suffix))
        .with("volume", "medium", volume("medium"))
        .with(
            ResourceId.fresh("port", "eth0"),
            new PortStatus(tap.name, 1, "br0", Board.mac(0), 1500, 0))
        .lending("port", tap);
  }

  private VolumeStatus volume(String name) {
    return new VolumeStatus(file(name), ImageFormat.QCOW2, SIZE, 0, Optional.empty());
  }

  @Test
  void machineHasThereWhatItHadHere() throws Exception {
    String suffix = "-there";
    QemuMachineDriver source = hosts.agent(hosts.left);
    QemuMachineDriver target = hosts.agent(hosts.right);
    source.apply(context(leftTap, ""), hosts.id, all);
    LinuxGuest.awaitSaid(source, hosts.id, "N0: READY");
    awaitKept(source, 192);
    MachineUsage before = usage(source);
    List<String> had = parts(source);
    assertThat(had).hasSizeGreaterThan(6);

    move();

    assertThat(parts(target)).isEqualTo(had);
    MachineUsage after = usage(target);
    assertThat(after.balloonBytes()).contains(192 * MIB);
    assertThat(names(after)).isEqualTo(names(before)).containsExactly("disk-data", "disk-root");
    assertThat(after.vcpuTimes()).hasSize(2);
    long pid = Host.pid(target, hosts.id);
    target.apply(context(rightTap, suffix), hosts.id, all);
    assertThat(target.observe(hosts.id)).extracting("complete").isEqualTo(true);
    assertThat(parts(target)).isEqualTo(had);
    LinuxGuest.awaitShell(target, hosts.id);
    LinuxGuest.type(target, hosts.id, "echo QUE''UES $(ls /sys/class/net/eth0/queues | sort)");
    LinuxGuest.awaitSaid(target, hosts.id, "QUEUES rx-0 rx-1 tx-0 tx-1");
    assertThat(rightTap.ping()).contains(" 3 received");
    target.apply(
        context(rightTap, suffix),
        hosts.id,
        all.toBuilder(2, all.memoryBytes()).hardware(keeping(208)).build());
    awaitKept(target, 208);
    assertThat(Host.pid(target, hosts.id)).isEqualTo(pid);
    hosts.cleanUp();
    Host.run("qemu-io", "-r", "-c", "read -P 0x5a 0 1M", file("root" + suffix).toString());
  }

  private void move() {
    Migration from = TwoHosts.migration(hosts.agent(hosts.left));
    Migration to = TwoHosts.migration(hosts.agent(hosts.right));
    MigrationReception reception = MigrationReception.unix().withDisks();
    MigrationTarget way =
        new ComparingTarget(hosts, directory, TwoHosts.direct(to, context(rightTap, "-there")));
    to.expect(from.offer(hosts.id));
    MigrationTerms terms = to.prepare(context(rightTap, "-there"), hosts.id, reception);
    MigrationReport unused =
        from.migrate(context(leftTap, ""), hosts.id, terms, MigrationOptions.usual(), way);
    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
  }

  private MachineUsage usage(QemuMachineDriver driver) {
    return driver.capability(MachineStatistics.class).orElseThrow().usage(hosts.id);
  }

  private static List<String> names(MachineUsage usage) {
    return usage.disks().stream().map(MachineUsage.Disk::name).sorted().toList();
  }

  private void awaitKept(QemuMachineDriver driver, long mebibytes) {
    await("balloon")
        .atMost(LinuxGuest.BOOT)
        .untilAsserted(() -> assertThat(usage(driver).balloonBytes()).contains(mebibytes * MIB));
  }

  /** What QEMU has: limits, caches and media of disks and drives, queues of NICs, where all sits. */
  private List<String> parts(QemuMachineDriver driver) {
    TreeSet<String> parts = new TreeSet<>();
    Path socket = Host.present(driver, hosts.id).serialLog().resolveSibling("qmp");
    try (QmpClient qmp = QmpClient.connect(socket, Board.LIMIT)) {
      parts.addAll(Board.parts(qmp));
      parts.addAll(Board.pci(qmp));
      for (QmpResult block : qmp.execute("query-block", Board.LIMIT).list("")) {
        parts.add(block.text("/qdev") + " " + medium(block));
      }
      for (String property : List.of("mq", "vectors", "mac")) {
        parts.add(property + " "
            + qmp.execute(
                "qom-get",
                java.util.Map.of("path", "/machine/peripheral/nic-eth0", "property", property),
                Board.LIMIT));
      }
    }
    return List.copyOf(parts);
  }

  private static String medium(QmpResult block) {
    if (block.find("/inserted").isEmpty()) {
      return "empty";
    }
    StringBuilder text = new StringBuilder(block.text("/inserted/node-name"));
    for (String limit : List.of("bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr")) {
      text.append(' ').append(block.number("/inserted/" + limit));
    }
    return text.append(" read-only ")
        .append(block.flag("/inserted/ro"))
        .append(" direct ")
        .append(block.flag("/inserted/cache/direct"))
        .toString();
  }
}
