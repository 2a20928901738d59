package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.Images;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LiveBackupIT extends LiveFixture {
  @Test
  void aBackupIsTheVolumeOfOneMomentAndItsIncrementsFollowWithoutAGap() throws Exception {
    guest.keepWriting(BLOCKS, 7);
    Path full = Pictures.qcow2(directory.resolve("full.qcow2"), BLOCKS);

    int first = backup(BackupSpec.full(full, ImageFormat.QCOW2).withCheckpoint("one"), 0);
    awaitWrites(30);
    Path second = Pictures.overlay(directory.resolve("second.qcow2"), full);
    int next = backup(
        BackupSpec.full(second, ImageFormat.QCOW2).since("one").withCheckpoint("two"), first);
    awaitWrites(30);
    Path third = Pictures.overlay(directory.resolve("third.qcow2"), second);
    backup(BackupSpec.full(third, ImageFormat.QCOW2).since("two"), next);
    guest.stopWriting();

    assertOnly(disk);
    assertThat(volume.bitmaps().bitmaps())
        .extracting(LiveBitmap::name)
        .containsExactlyInAnyOrder("one", "two");
    host.quit();
    Pictures.assertClean(disk);
    assertThat(Images.qemuImg("info", "-f", "qcow2", disk)).contains("name: n0core.one");
  }

  /** Takes a backup while the guest writes; returns after which write it was, at the earliest. */
  private int backup(BackupSpec spec, int earliest) throws Exception {
    int before = Math.max(earliest, guest.count());
    LiveJob job = volume.backup(spec.withBytesPerSecond(1 << 20));
    int after = guest.count() + 1;
    awaitWrites(20);
    if (spec.since().isEmpty()) {
      assertThat(job.status().state()).isEqualTo(JobState.RUNNING);
    }
    job.limitRate(0);
    job.complete(Waiting.longEnough());
    int[] patterns = Pictures.patterns(spec.target(), "qcow2");
    for (int count = before; count <= after; count++) {
      if (Arrays.equals(patterns, guest.after(count, BLOCKS))) {
        return count;
      }
    }
    throw new AssertionError(spec + " is no moment between " + before + " and " + after);
  }

  @Test
  void anIncrementHoldsWhatHasChangedAloneAndCanBeTakenAgain() throws Exception {
    Path full = Pictures.raw(directory.resolve("full.raw"), BLOCKS);
    volume
        .backup(BackupSpec.full(full, ImageFormat.RAW).withCheckpoint("one"))
        .complete(Waiting.longEnough());
    guest.write(17, 99);

    for (String name : List.of("a.qcow2", "b.qcow2")) {
      Path increment = Pictures.qcow2(directory.resolve(name), BLOCKS);
      volume
          .backup(BackupSpec.full(increment, ImageFormat.QCOW2).since("one").withCheckpoint("two"))
          .complete(Waiting.longEnough());
      int[] expected = new int[BLOCKS];
      expected[17] = 99;
      assertThat(Pictures.patterns(increment, "qcow2")).isEqualTo(expected);
    }
  }

  @Test
  void checkpointsSurviveAMachineThatEndsInOrderAndAreSpoiltInOneThatIsKilled() throws Exception {
    Path full = Pictures.qcow2(directory.resolve("full.qcow2"), BLOCKS);
    volume
        .backup(BackupSpec.full(full, ImageFormat.QCOW2).withCheckpoint("one"))
        .complete(Waiting.longEnough());
    guest.write(5, 55);
    restart(false);

    guest.write(6, 66);
    Path increment = Pictures.overlay(directory.resolve("increment.qcow2"), full);
    volume
        .backup(BackupSpec.full(increment, ImageFormat.QCOW2).since("one"))
        .complete(Waiting.longEnough());
    int[] patterns = Pictures.patterns(increment, "qcow2");
    assertThat(patterns[5]).isEqualTo(55);
    assertThat(patterns[6]).isEqualTo(66);
    assertThat(patterns[7]).isEqualTo(1);

    restart(true);
    assertThat(volume.bitmaps().bitmaps())
        .extracting(LiveBitmap::inconsistent)
        .containsExactly(true);
    refused(
        () -> volume.backup(BackupSpec.full(increment, ImageFormat.QCOW2).since("one")),
        N0Exception.Code.PRECONDITION);
    volume.bitmaps().remove("one");
    assertThat(volume.bitmaps().bitmaps()).isEmpty();
    assertOnly(disk);
  }

  private void restart(boolean killed) throws Exception {
    volume.close();
    if (killed) {
      host.kill();
    } else {
      host.quit();
    }
    guest.close();
    host = QemuHost.daemon(directory);
    plug();
  }

  @Test
  void aCheckpointThatIsMissingOrBelowOrExportedIsRefusedAndSaidWhich() throws Exception {
    Path target = Pictures.qcow2(directory.resolve("target.qcow2"), BLOCKS);
    BackupSpec since = BackupSpec.full(target, ImageFormat.QCOW2).since("one");
    refused(() -> volume.backup(since), N0Exception.Code.NOT_FOUND);
    volume.bitmaps().add("one");
    volume.bitmaps().add("one");
    volume.bitmaps().disable("one");
    LiveExport export =
        volume.export(ExportSpec.readOnly(directory, "look").withBitmaps(List.of("one")));

    refused(() -> volume.backup(since), N0Exception.Code.BUSY);
    refused(() -> volume.bitmaps().remove("one"), N0Exception.Code.BUSY);
    refused(() -> volume.bitmaps().clear("one"), N0Exception.Code.BUSY);

    export.remove();
    assertThatThrownBy(() -> volume.backup(since))
        .isInstanceOfSatisfying(
            N0Exception.class, e -> assertThat(e.code()).isEqualTo(N0Exception.Code.PRECONDITION))
        .hasMessageContaining("\"one\"");
    assertThat(volume.jobs()).isEmpty();
    volume.bitmaps().enable("one");
    volume.backup(since).complete(Waiting.longEnough());
    volume.snapshot(Pictures.overlay(directory.resolve("overlay.qcow2"), disk));
    refused(() -> volume.backup(since), N0Exception.Code.NOT_FOUND);
  }

  @Test
  void bitmapsAreClearedMergedAndRemoved() {
    LiveBitmaps bitmaps = volume.bitmaps();
    bitmaps.add("one");
    bitmaps.add("two");
    guest.write(3, 3);
    bitmaps.clear("two");
    assertThat(dirty("one")).isEqualTo(Guest.BLOCK);
    assertThat(dirty("two")).isZero();

    bitmaps.merge("two", List.of("one"));
    bitmaps.disable("one");
    guest.write(4, 4);
    assertThat(dirty("one")).isEqualTo(Guest.BLOCK);
    assertThat(dirty("two")).isEqualTo(2 * Guest.BLOCK);
    bitmaps.enable("one");
    bitmaps.remove("one");
    bitmaps.remove("one");

    assertThat(bitmaps.bitmaps()).extracting(LiveBitmap::name).containsExactly("two");
    refused(() -> bitmaps.clear("one"), N0Exception.Code.NOT_FOUND);
    refused(() -> bitmaps.merge("two", List.of("one")), N0Exception.Code.NOT_FOUND);
    refused(() -> bitmaps.add("No Label"), N0Exception.Code.INVALID);
  }

  private long dirty(String name) {
    return volume.bitmaps().bitmaps().stream()
        .filter(bitmap -> bitmap.name().equals(name))
        .mapToLong(LiveBitmap::dirtyBytes)
        .sum();
  }

  @Test
  void anExportIsReadThroughASocketInAPrivateDirectoryAndRemoved() throws Exception {
    host.run("block-export-del", Map.of("id", "dev-disk-root", "mode", "hard"));
    await().atMost(LIMIT).until(() -> host.run("query-block-exports", Map.of()).isEmpty());
    host.run("nbd-server-stop", Map.of());
    Path open = Files.createDirectory(
        directory.resolve("open"),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
    Path closed = Files.createDirectory(
        directory.resolve("a private, one"),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));

    refused(() -> volume.export(ExportSpec.readOnly(open, "root")), N0Exception.Code.INVALID);
    refused(
        () -> volume.export(ExportSpec.readOnly(open.resolve("none"), "root")),
        N0Exception.Code.PRECONDITION);
    refused(
        () -> ExportSpec.readOnly(Path.of("/" + "x".repeat(100)), "root"),
        N0Exception.Code.INVALID);
    LiveExport export = volume.export(ExportSpec.readOnly(closed, "root"));
    assertThat(volume.export(ExportSpec.readOnly(closed, "root")).uri()).isEqualTo(export.uri());

    assertThat(Images.qemuImg("compare", "-f", "raw", "-F", "qcow2", "-U", export.uri(), disk))
        .contains("identical");
    refused(() -> volume.stopExporting(), N0Exception.Code.BUSY);
    export.remove();
    export.remove();
    volume.stopExporting();
    volume.stopExporting();
    assertThat(closed).isEmptyDirectory();
  }

  @Test
  void aServerThatListensElsewhereIsNotTakenForOurs() throws Exception {
    Path closed = Files.createDirectory(
        directory.resolve("closed"),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));

    refused(() -> volume.export(ExportSpec.readOnly(closed, "root")), N0Exception.Code.BUSY);
  }
}
