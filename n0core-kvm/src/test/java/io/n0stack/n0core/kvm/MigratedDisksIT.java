package io.n0stack.n0core.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.DiskLimits;
import io.n0stack.n0core.api.compute.Hardware;
import io.n0stack.n0core.api.compute.Hardware.Cdrom;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.compute.MachineSpec.Chipset;
import io.n0stack.n0core.api.compute.MachineSpec.Disk;
import io.n0stack.n0core.api.compute.MachineSpec.DiskModel;
import io.n0stack.n0core.api.compute.MigrationOptions;
import io.n0stack.n0core.api.compute.MigrationReception;
import io.n0stack.n0core.api.compute.MigrationReport;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.qmp.QmpClient;
import io.n0stack.n0core.kvm.qmp.QmpResult;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Disks of all kinds move with their machine, changed and unchanged since it was started. */
@Requires({Requirement.ROOT, Requirement.QEMU})
class MigratedDisksIT {
  private static final long MIB = 1 << 20;
  private static final long SIZE = 8 * MIB;

  @TempDir
  Path directory;

  private TwoHosts hosts;

  @BeforeEach
  void prepare() throws Exception {
    for (String name : List.of("a", "b", "m", "n", "a-there", "b-there")) {
      Host.run("qemu-img", "create", "-q", "-f", "qcow2", file(name).toString(), "8M");
    }
    Host.run("qemu-io", "-c", "write -P 0x5a 0 1M", file("a").toString());
    hosts = new TwoHosts(directory, () -> context(""), () -> context(""));
  }

  @AfterEach
  void nothingIsLeft() {
    hosts.cleanUp();
  }

  private Path file(String name) {
    return directory.resolve(name + ".qcow2");
  }

  private StandaloneContext context(String suffix) {
    StandaloneContext cx = new StandaloneContext();
    for (String name : List.of("a", "b")) {
      cx.with("volume", name, volume(name + suffix));
    }
    return cx.with("volume", "m", volume("m")).with("volume", "n", volume("n"));
  }

  private VolumeStatus volume(String name) {
    return new VolumeStatus(file(name), ImageFormat.QCOW2, SIZE, 0, Optional.empty());
  }

  private static Disk disk(String volume, DiskModel model, DiskLimits limits) {
    return new Disk(volume, Optional.empty(), Optional.of(model)).withLimits(limits);
  }

  private MachineSpec spec(DiskLimits limits, Cdrom drive, Disk... more) {
    MachineSpec.Builder builder = hosts
        .left
        .nano(Chipset.Q35)
        .disk(disk("a", DiskModel.VIRTIO_SCSI, limits))
        .hardware(Hardware.standard().withCdroms(List.of(drive)));
    for (Disk disk : more) {
      builder.disk(disk);
    }
    return builder.build();
  }

  private void apply(MachineSpec spec) {
    hosts.agent(hosts.left).apply(context(""), hosts.id, spec);
  }

  private void move(MigrationReception reception) {
    MigrationReport unused =
        hosts.migrate(hosts.left, hosts.right, reception, MigrationOptions.usual());
    assertThat(hosts.runs(hosts.right)).isTrue();
    assertThat(hosts.running()).isEqualTo(1);
  }

  /** The limits and the medium of each by the device's id. */
  private Map<String, String> seen(Host host) {
    Map<String, String> all = new TreeMap<>();
    Path socket = Host.present(hosts.agent(host), hosts.id).serialLog().resolveSibling("qmp");
    try (QmpClient qmp = QmpClient.connect(socket, Board.LIMIT)) {
      for (QmpResult block : qmp.execute("query-block", Board.LIMIT).list("")) {
        String medium = block.find("/inserted").isEmpty()
            ? "empty"
            : block.text("/inserted/node-name") + " " + block.number("/inserted/bps") + " "
                + block.number("/inserted/iops");
        all.put(
            block.text("/qdev").replaceAll(".*/(disk|cd)-", "$1-").replaceAll("/.*", ""), medium);
      }
    }
    return all;
  }

  @Test
  void limitsAndMediaThatWereChangedLiveAreTheSameThere() {
    apply(spec(DiskLimits.none().withBytes(MIB), Cdrom.of("one", "m")));
    MachineSpec changed = spec(
        DiskLimits.none().withBytes(2 * MIB).withRequests(500),
        Cdrom.of("one", "n"),
        disk("b", DiskModel.VIRTIO_BLK, DiskLimits.none().withRequests(700)));
    apply(changed);
    Map<String, String> had = seen(hosts.left);
    assertThat(had)
        .containsEntry("disk-a", "disk-a 2097152 500")
        .containsEntry("disk-b", "disk-b 0 700")
        .containsEntry("cd-one", "disk-n 0 0");

    move(MigrationReception.unix());

    assertThat(seen(hosts.right)).isEqualTo(had);
    StandaloneContext again = context("");
    hosts.agent(hosts.right).apply(again, hosts.id, changed);
    assertThat(again.steps()).isEmpty();
    assertThat(seen(hosts.right)).isEqualTo(had);
    hosts
        .agent(hosts.right)
        .apply(
            context(""),
            hosts.id,
            spec(
                DiskLimits.none(),
                Cdrom.empty("one"),
                disk("b", DiskModel.VIRTIO_BLK, DiskLimits.none())));
    assertThat(seen(hosts.right))
        .containsEntry("disk-a", "disk-a 0 0")
        .containsEntry("cd-one", "empty");
  }

  @Test
  void readOnlyDiskIsNotCopiedAndMovesAllTheSame() throws Exception {
    hosts.cleanUp();
    hosts = new TwoHosts(sub("copied"), () -> context(""), () -> context("-there"));
    apply(spec(
        DiskLimits.none().withBytes(MIB),
        Cdrom.of("one", "n"),
        disk("m", DiskModel.CDROM, DiskLimits.none())));

    move(MigrationReception.unix().withDisks());

    assertThat(seen(hosts.right))
        .containsEntry("disk-a", "disk-a 1048576 0")
        .containsEntry("disk-m", "disk-m 0 0");
    hosts.cleanUp();
    Host.run("qemu-io", "-r", "-c", "read -P 0x5a 0 1M", file("a-there").toString());
  }

  private Path sub(String name) throws IOException {
    return java.nio.file.Files.createDirectory(directory.resolve(name));
  }

  @Test
  void machineWithADiskThatCannotMoveIsNotOffered() {
    apply(
        spec(DiskLimits.none(), Cdrom.empty("one"), disk("b", DiskModel.NVME, DiskLimits.none())));

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> TwoHosts.migration(hosts.agent(hosts.left)).offer(hosts.id))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED))
        .withMessageContaining("nvme");
    assertThat(hosts.running()).isEqualTo(1);
  }

  @Test
  void machineWhoseGuestHasADiskThatIsNotWantedAnyMoreIsNotOffered() throws Exception {
    QemuMachineDriver impatient = new QemuMachineDriver(KvmConfig.of(hosts.left.root)
        .withAccelerator(io.n0stack.n0core.api.compute.Accelerator.TCG)
        .withPatience(Patience.usual().withUnplug(java.time.Duration.ofMillis(200))));
    try (impatient) {
      impatient.apply(
          context(""),
          hosts.id,
          spec(
              DiskLimits.none(),
              Cdrom.empty("one"),
              disk("b", DiskModel.VIRTIO_BLK, DiskLimits.none())));
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() ->
              impatient.apply(context(""), hosts.id, spec(DiskLimits.none(), Cdrom.empty("one"))))
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
    }

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> TwoHosts.migration(hosts.agent(hosts.left)).offer(hosts.id))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION))
        .withMessageContaining("unfinished");
    assertThat(hosts.running()).isEqualTo(1);
  }
}
