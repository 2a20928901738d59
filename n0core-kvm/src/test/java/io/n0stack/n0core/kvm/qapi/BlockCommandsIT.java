package io.n0stack.n0core.kvm.qapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.kvm.qmp.QmpException;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import jnr.constants.platform.OpenFlags;
import jnr.posix.POSIX;
import jnr.posix.POSIXFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Block nodes, jobs, media, exports, bitmaps and snapshots of a real QEMU. */
@Requires(Requirement.QEMU)
class BlockCommandsIT {
  private static final long SIZE = 4 << 20;

  @TempDir
  Path directory;

  private Qemu qemu;
  private Qapi qapi;

  @BeforeEach
  void start() throws IOException {
    qemu = Qemu.start(
        directory,
        "-machine",
        "q35",
        "-bios",
        Qemu.nano(directory).toString(),
        "-device",
        "virtio-scsi-pci,id=scsi0",
        "-device",
        "scsi-cd,id=cd0,bus=scsi0.0");
    qapi = qemu.qapi();
    create("root", "qcow2");
    open("root");
    qapi.device().deviceAdd(Map.of("driver", "scsi-hd", "drive", "root", "id", "disk0"));
  }

  @AfterEach
  void stop() {
    qemu.close();
  }

  /** Makes an image by jobs of QEMU itself. */
  private void create(String name, String format) {
    String file = directory.resolve(name + ", " + format).toString();
    qapi.blockJob()
        .create(
            "file",
            Map.of("driver", "file", "filename", file, "size", format.equals("raw") ? SIZE : 0));
    assertThat(qemu.ended("file").error()).isEmpty();
    qapi.block().add(Map.of("driver", "file", "filename", file, "node-name", name + "-file"));
    if (!format.equals("raw")) {
      qapi.blockJob()
          .create("format", Map.of("driver", format, "file", name + "-file", "size", SIZE));
      assertThat(qemu.ended("format").error()).isEmpty();
    }
  }

  private void open(String name) {
    qapi.block().add(Map.of("driver", "qcow2", "file", name + "-file", "node-name", name));
  }

  private void overlay(String name) {
    create(name, "qcow2");
    Map<String, Object> options =
        new HashMap<>(Map.of("driver", "qcow2", "file", name + "-file", "node-name", name));
    options.put("backing", null);
    qapi.block().add(options);
  }

  @Test
  void nodesAndDevicesAreDescribed() {
    assertThat(qapi.block().devices())
        .filteredOn(each -> each.qdev().orElse("").equals("disk0"))
        .singleElement()
        .satisfies(each -> {
          assertThat(each.inserted().orElseThrow().name()).contains("root");
          assertThat(each.inserted().orElseThrow().image().virtualBytes()).isEqualTo(SIZE);
        });
    assertThat(qapi.block().nodes())
        .flatExtracting(each -> each.name().stream().toList())
        .containsExactlyInAnyOrder("root", "root-file");
    assertThat(qapi.block().nodesWithBackingImages()).hasSize(2);
    assertThat(qapi.block().deviceStats())
        .filteredOn(each -> each.qdev().orElse("").contains("disk0"))
        .singleElement()
        .satisfies(each -> assertThat(each.counters().failedReads()).isZero());
    assertThat(qapi.block().nodeStats()).hasSize(2);
  }

  @Test
  void nodeIsOpenedFromGivenDescriptor() throws Exception {
    POSIX libc = POSIXFactory.getNativePOSIX();
    Path file = Files.write(directory.resolve("given"), new byte[1 << 16]);
    int fd = libc.open(file.toString(), OpenFlags.O_RDWR.intValue(), 0);
    DescriptorCommands descriptors = qapi.descriptor();
    qapi.machine().cont(); // while the guest stands still, QEMU only marks what is removed
    try {
      AddedFd first = descriptors.add("given, \"quoted\"", fd);
      AddedFd second = descriptors.addTo(first.set(), "again", fd);
      assertThat(descriptors.sets()).singleElement().satisfies(set -> {
        assertThat(set.id()).isEqualTo(first.set());
        assertThat(set.fds())
            .extracting(each -> each.opaque().orElseThrow())
            .containsExactlyInAnyOrder("given, \"quoted\"", "again");
      });
      descriptors.remove(second.set(), second.fd());
      qapi.block()
          .add(Map.of(
              "driver", "file", "node-name", "given", "filename", "/dev/fdset/" + first.set()));
      descriptors.removeSet(first.set());
      qapi.block().del("given");
      assertThat(descriptors.sets()).isEmpty();
      descriptors.give("tap0", fd);
      descriptors.close("tap0");
    } finally {
      libc.close(fd);
    }
  }

  @Test
  void limitsAreSet() {
    qapi.block().resize("root", 2 * SIZE);
    assertThat(qapi.block().nodes())
        .filteredOn(each -> each.name().orElse("").equals("root"))
        .singleElement()
        .satisfies(each -> assertThat(each.image().virtualBytes()).isEqualTo(2 * SIZE));
    qapi.block()
        .throttle(
            IoThrottle.builder("disk0").iops(100).iopsMax(200).burstSeconds(1).build());
    qapi.block().setWriteThreshold("root", SIZE);
    qapi.block().setLatencyHistogram("disk0", List.of(1_000L, 1_000_000L));
    assertThat(qapi.block().deviceStats())
        .anyMatch(each -> each.counters().readLatency().isPresent());
    qapi.block().setLatencyHistogram("disk0", List.of());
    qapi.block()
        .reopen(List.of(Map.of(
            "driver", "qcow2", "file", "root-file", "node-name", "root", "discard", "unmap")));
  }

  @Test
  void overlaysAreCommittedStreamedAndMirrored() {
    overlay("top");
    qapi.block().snapshot("root", "top");
    qapi.blockJob()
        .commit(BlockCommit.builder("top").jobId("commit0").waitForDismiss().build());
    await()
        .atMost(Qemu.LIMIT)
        .until(() -> qapi.job().find("commit0").orElseThrow().status().is(JobStatus.READY));
    assertThat(qapi.blockJob().list()).singleElement().satisfies(job -> {
      assertThat(job.id()).isEqualTo("commit0");
      assertThat(job.type().is(JobType.COMMIT)).isTrue();
      assertThat(job.ready()).isTrue();
    });
    qapi.job().complete("commit0");
    assertThat(qemu.ended("commit0").error()).isEmpty();
    qemu.await1(JobEvent.Ready.class);
    qemu.await1(JobEvent.Completed.class);
    assertThat(qemu.heard(JobEvent.StatusChange.class))
        .anyMatch(each -> each.status().is(JobStatus.CONCLUDED));

    qapi.block().del("top");

    Path file = directory.resolve("sync, top");
    qapi.block().snapshotSync("root", "sync", file);
    qapi.blockJob()
        .changeBackingFile("sync", "sync", directory.resolve("root, qcow2").toString());
    qapi.blockJob().stream(
        BlockStream.builder("sync").jobId("stream0").waitForDismiss().build());
    assertThat(qemu.ended("stream0").error()).isEmpty();

    create("copy", "raw");
    qapi.blockJob()
        .mirror(BlockMirror.builder("sync", "copy-file", SyncMode.FULL)
            .jobId("mirror0")
            .copyMode(CopyMode.WRITE_BLOCKING)
            .onSourceError(ErrorPolicy.REPORT)
            .build());
    await()
        .atMost(Qemu.LIMIT)
        .until(() -> qapi.job().find("mirror0").orElseThrow().status().is(JobStatus.READY));
    qapi.blockJob().setSpeed("mirror0", 1 << 20);
    qapi.blockJob().pause("mirror0");
    await()
        .atMost(Qemu.LIMIT)
        .until(() -> qapi.job().find("mirror0").orElseThrow().status().is(JobStatus.STANDBY));
    qapi.blockJob().resume("mirror0");
    qapi.blockJob().cancel("mirror0");
    await().atMost(Qemu.LIMIT).until(() -> qapi.job().find("mirror0").isEmpty());
  }

  @Test
  void backupsRunInTransactionsWithBitmaps() {
    BitmapCommands bitmaps = qapi.bitmap();
    bitmaps.add(
        TransactionAction.BitmapAdd.of("root", "b0").withPersistence().withGranularity(65_536));
    bitmaps.add(TransactionAction.BitmapAdd.of("root", "b1").withoutRecording());
    bitmaps.enable("root", "b1");
    bitmaps.disable("root", "b1");
    bitmaps.merge("root", "b1", List.of(new BitmapName("root", "b0")));
    bitmaps.clear("root", "b1");
    create("copy", "raw");
    BlockBackup backup = BlockBackup.builder("root", "copy-file", SyncMode.INCREMENTAL)
        .jobId("backup0")
        .bitmap("b0")
        .bitmapMode(BitmapMode.ON_SUCCESS)
        .waitForFinalize()
        .waitForDismiss()
        .build();

    qapi.block()
        .transaction(List.of(
            new TransactionAction.Backup(backup),
            new TransactionAction.BitmapAdd("root", "b2", OptionalLong.empty(), false, false),
            new TransactionAction.BitmapRemove(new BitmapName("root", "b1"))));

    assertThat(qemu.await1(JobEvent.Pending.class).id()).isEqualTo("backup0");
    qapi.job().finish("backup0");
    assertThat(qemu.ended("backup0").error()).isEmpty();
    assertThat(qapi.block().nodes())
        .filteredOn(each -> each.name().orElse("").equals("root"))
        .flatExtracting(BlockNode::dirtyBitmaps)
        .extracting(each -> each.name().orElseThrow())
        .containsExactlyInAnyOrder("b0", "b2");
    qapi.block().transaction(List.of(new TransactionAction.InternalSnapshot("root", "before")));
    assertThat(qapi.block().deleteInternalSnapshot("root", "before").name()).isEqualTo("before");
    assertThatThrownBy(() -> qapi.block()
            .transactionGrouped(List.of(
                new TransactionAction.BitmapClear(new BitmapName("root", "b0")),
                new TransactionAction.Abort())))
        .isInstanceOf(QmpException.class);
    bitmaps.remove("root", "b2");
    bitmaps.remove("root", "b0");
    qapi.blockJob()
        .backup(BlockBackup.builder("root", "copy-file", SyncMode.FULL)
            .jobId("backup1")
            .waitForDismiss()
            .build());
    assertThat(qemu.ended("backup1").error()).isEmpty();
    qapi.block().del("copy-file");
    assertThatThrownBy(() -> qapi.block().del("root"))
        .isInstanceOf(QmpException.class)
        .hasMessageContaining("in use");
  }

  @Test
  void mediaAreChanged() throws Exception {
    Path iso = Files.write(directory.resolve("a, b.iso"), new byte[1 << 16]);
    MediumCommands media = qapi.medium();
    media.change("cd0", iso, "raw", ReadOnlyMode.READ_ONLY);
    assertThat(qapi.block().devices())
        .filteredOn(each -> each.qdev().orElse("").equals("cd0"))
        .singleElement()
        .satisfies(each -> assertThat(each.inserted().orElseThrow().file()).contains("a, b.iso"));
    media.eject("cd0");
    assertThat(qemu.await1(DeviceEvent.DeviceTrayMoved.class).open()).isTrue();
    qapi.block().add(Map.of("driver", "null-co", "node-name", "empty", "read-only", true));
    media.insert("cd0", "empty");
    media.closeTray("cd0");
    media.openTray("cd0");
    media.openTrayForcibly("cd0");
    media.remove("cd0");
    media.ejectForcibly("cd0");
  }

  @Test
  void nodesAreOffered() throws Exception {
    ExportCommands exports = qapi.export();
    exports.startNbd(NbdServer.builder(SocketAddress.Unix.of(directory.resolve("nbd")))
        .maxConnections(3)
        .build());
    exports.add(Map.of("type", "nbd", "id", "export0", "node-name", "root", "name", "r"));
    assertThat(exports.list()).singleElement().satisfies(each -> {
      assertThat(each.type().is(ExportType.NBD)).isTrue();
      assertThat(each.nodeName()).isEqualTo("root");
    });
    try (Qemu client = Qemu.start(directory, "-machine", "none")) {
      client
          .qapi()
          .block()
          .add(Map.of(
              "driver", "nbd",
              "node-name", "remote",
              "read-only", true,
              "export", "r",
              "server", Map.of("type", "unix", "path", directory.resolve("nbd").toString())));
      assertThat(client.qapi().migration().yankable()).contains(new YankInstance.Node("remote"));
      assertThatThrownBy(() -> exports.remove("export0", RemoveMode.SAFE))
          .isInstanceOf(QmpException.class);
      client.qapi().migration().yank(List.of(new YankInstance.Node("remote")));
      client.qapi().block().del("remote");
    }
    exports.remove("export0", RemoveMode.HARD);
    assertThat(qemu.await1(BlockEvent.ExportDeleted.class).id()).isEqualTo("export0");
    exports.addNbd("root", "ro");
    exports.removeNbd("ro", RemoveMode.HARD);
    qapi.block().add(Map.of("driver", "null-co", "node-name", "null0"));
    exports.addWritableNbd("null0", "rw");
    exports.stopNbd();
    assertThat(exports.list()).isEmpty();
  }

  @Test
  void snapshotsWithMemoryAreSavedLoadedAndDeleted() {
    qapi.machine().cont();
    SnapshotCommands snapshots = qapi.snapshot();
    snapshots.save("save0", "s1", "root", List.of("root"));
    assertThat(qemu.ended("save0").error()).isEmpty();
    assertThat(qapi.block().nodes())
        .filteredOn(each -> each.name().orElse("").equals("root"))
        .flatExtracting(each -> each.image().snapshots())
        .singleElement()
        .satisfies(each -> {
          assertThat(each.name()).isEqualTo("s1");
          assertThat(each.vmStateBytes()).isPositive();
        });
    qapi.machine().stop();
    snapshots.load("load0", "s1", "root", List.of("root"));
    assertThat(qemu.ended("load0").error()).isEmpty();
    snapshots.load("load1", "none", "root", List.of("root"));
    assertThat(qemu.ended("load1").error()).isPresent();
    snapshots.delete("delete0", "s1", List.of("root"));
    assertThat(qemu.ended("delete0").error()).isEmpty();
    qapi.machine().cont();
    assertThat(qapi.machine().status().running()).isTrue();
  }
}
