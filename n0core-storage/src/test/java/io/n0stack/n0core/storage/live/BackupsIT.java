package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BackupRequest;
import io.n0stack.n0core.api.storage.Encryption;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.SnapshotConsistency;
import io.n0stack.n0core.api.storage.Snapshots;
import io.n0stack.n0core.api.storage.VolumeBackups.Backup;
import io.n0stack.n0core.api.storage.VolumeBackups.Checkpoint;
import io.n0stack.n0core.api.storage.VolumeMaintenance;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.storage.qcow2.Qcow2Header;
import io.n0stack.n0core.tck.StandaloneContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Volumes are backed up through the driver, while a guest writes to them and while they are off. */
class BackupsIT extends BackupFixture {
  @Test
  void eachBackupOfAChainIsTheVolumeOfItsMoment() throws Exception {
    guest.keepWriting(BLOCKS, 7);
    int before = guest.count();

    Backup full = backUp(full("full").withCheckpoint("one"));
    int first = momentOf(full.path(), before, guest.count() + 1);
    awaitWrites(10);
    Backup second = backUp(increment("second", "one", "full").withCheckpoint("two"));
    int next = momentOf(second.path(), first + 10, guest.count() + 1);
    awaitWrites(10);
    Backup third = backUp(increment("third", "two", "second"));
    momentOf(third.path(), next + 10, guest.count() + 1);
    // What was there already shows the same as before, and an increment can be taken again.
    momentOf(second.path(), next, next);
    Backup again = backUp(increment("again", "two", "second"));
    momentOf(again.path(), next + 10, guest.count() + 1);
    guest.stopWriting();

    assertThat(full.consistency()).isEqualTo(SnapshotConsistency.CRASH);
    assertThat(full.path()).isEqualTo(file("full"));
    assertThat(full.lengthBytes()).isEqualTo(Files.size(full.path()));
    assertThat(Qcow2Header.read(full.path()).backingFile()).isEmpty();
    assertThat(Qcow2Header.read(third.path()).backingFile())
        .contains(second.path().toString());
    assertThat(volumes().checkpoints(cx(), root))
        .containsExactlyInAnyOrder(
            new Checkpoint("one", true, true), new Checkpoint("two", true, true));
    assertOnly("full", "second", "third", "again");
    turnOff();
    assertThat(checkpoints()).containsExactly("one", "two");
    Pictures.assertClean(disk());
  }

  @Test
  void incrementsOnlyHoldWhatHasChanged() throws Exception {
    backUp(full("full").withCheckpoint("one"));
    guest.write(17, 99);

    Backup running = backUp(increment("running", "one", "full"));
    turnOff();
    Backup off = backUp(increment("off", "one", "full"));

    for (Backup backup : List.of(running, off)) {
      assertIsTheDisk(backup.path());
      String map = Images.qemuImg("map", "--output=json", "-f", "qcow2", backup.path());
      assertThat(map.lines().filter(line -> line.contains("\"depth\": 0"))).hasSize(1);
      assertThat(map).contains("\"start\": " + 17 * Guest.BLOCK);
    }
  }

  @Test
  void aVolumeThatIsOffIsBackedUpAndItsMachineGoesOnFromThere() throws Exception {
    turnOff();
    Backup full = backUp(full("full").withCheckpoint("one"));
    assertThat(full.consistency()).isEqualTo(SnapshotConsistency.EXACT);
    assertIsTheDisk(full.path());
    boot();
    guest.write(3, 33);
    Backup running = backUp(increment("second", "one", "full").withCheckpoint("two"));
    assertThat(running.consistency()).isEqualTo(SnapshotConsistency.CRASH);
    guest.write(4, 44);
    turnOff();
    assertThat(Pictures.patterns(running.path(), "qcow2")[4]).isEqualTo(FROM_BASE);
    Backup off = backUp(increment("third", "two", "second").withCheckpoint("three"));
    assertThat(off.consistency()).isEqualTo(SnapshotConsistency.EXACT);
    assertIsTheDisk(off.path());
    boot();
    guest.write(5, 55);
    Backup last = backUp(increment("fourth", "three", "third"));
    turnOff();
    assertIsTheDisk(last.path());

    volumes().removeCheckpoint(cx(), root, "one");
    volumes().removeCheckpoint(cx(), root, "one");
    boot();
    volumes().removeCheckpoint(cx(), root, "two");
    volumes().removeCheckpoint(cx(), root, "two");
    assertThat(checkpoints()).containsExactly("three");
    assertOnly("full", "second", "third", "fourth");
  }

  @Test
  void guestIsFrozenForTheMomentAlone() throws Exception {
    QuietMonitor monitor = new QuietMonitor(host());

    Backup full = volumes()
        .backUp(
            new StandaloneContext().lending("machine", monitor),
            root,
            full("full").withCheckpoint("one"));

    assertThat(full.consistency()).isEqualTo(SnapshotConsistency.FROZEN);
    assertThat(monitor.whileQuiet()).containsExactly("transaction");
    turnOff();
    assertIsTheDisk(full.path());
  }

  @Test
  void aVolumeThatWasMadeLargerIsBackedUpWhole() throws Exception {
    backUp(full("full").withCheckpoint("one"));
    guest.write(7, 77);
    turnOff();
    driver.apply(cx(), root, spec.withSizeBytes(2L * BLOCKS * Guest.BLOCK));
    io(disk(), "write -P 100 " + 100 * Guest.BLOCK + " " + Guest.BLOCK);
    Backup off = backUp(increment("off", "one", "full"));
    plugIntoAMachine();
    driver.apply(cx(), root, spec.withSizeBytes(3L * BLOCKS * Guest.BLOCK));

    Backup running = backUp(increment("running", "one", "full"));

    host().quit();
    machine = Optional.empty();
    assertThat(Qcow2Header.read(off.path()).sizeBytes()).isEqualTo(2L * BLOCKS * Guest.BLOCK);
    assertThat(Pictures.patterns(off.path(), "qcow2")[100]).isEqualTo(100);
    assertThat(Qcow2Header.read(running.path()).sizeBytes()).isEqualTo(3L * BLOCKS * Guest.BLOCK);
    assertIsTheDisk(running.path());
    assertThat(checkpoints()).containsExactly("one");
    assertOnly("full", "off", "running");
  }

  private void plugIntoAMachine() throws IOException {
    QemuHost host = QemuHost.machine(directory.resolve("host"));
    machine = Optional.of(host);
    host.add("disk-root", disk(), "qcow2");
    host.run(
        "device_add",
        Map.of(
            "driver", "virtio-blk-pci", "id", "disk-root", "bus", "port0", "drive", "disk-root"));
  }

  @Test
  void checkpointsStayWhenTheVolumeIsFlattenedOrRebased() throws Exception {
    VolumeMaintenance maintenance = driver.capability(VolumeMaintenance.class).orElseThrow();
    backUp(full("full").withCheckpoint("one"));
    guest.write(7, 77);
    maintenance.flatten(cx(), root);
    guest.write(8, 88);
    backUp(increment("running", "one", "full"));
    turnOff();
    assertIsTheDisk(file("running"));
    maintenance.rebase(cx(), root, new ImageSource.Backing(status(base).path(), ImageFormat.QCOW2));
    io(disk(), "write -P 99 " + 9 * Guest.BLOCK + " " + Guest.BLOCK);
    boot();

    Backup second = backUp(increment("second", "one", "full"));

    turnOff();
    assertIsTheDisk(second.path());
    assertThat(Pictures.patterns(second.path(), "qcow2")[9]).isEqualTo(99);
  }

  @Test
  void placesThatCannotBeAreRefusedBeforeAnythingIsDone() throws Exception {
    Path taken = Files.writeString(file("taken"), "mine");
    BackupRequest full = full("full").withCheckpoint("one");
    refused(
        N0Exception.Code.ALREADY_EXISTS,
        () -> backUp(BackupRequest.full(taken).withCheckpoint("one")));
    refused(
        N0Exception.Code.INVALID,
        () -> backUp(BackupRequest.full(directory.resolve("none/full")).withCheckpoint("one")));
    refused(
        N0Exception.Code.INVALID,
        () -> backUp(BackupRequest.full(disk().resolveSibling("full")).withCheckpoint("one")));
    refused(N0Exception.Code.INVALID, () -> backUp(full(".n0-full").withCheckpoint("one")));
    refused(
        N0Exception.Code.NOT_FOUND,
        () -> volumes().backUp(cx(), ResourceId.fresh("volume", "none"), full));
    refused(N0Exception.Code.BUSY, () -> volumes().backUp(new StandaloneContext(), root, full));
    refused(N0Exception.Code.BUSY, () -> volumes().checkpoints(new StandaloneContext(), root));
    refused(
        N0Exception.Code.BUSY,
        () -> volumes().removeCheckpoint(new StandaloneContext(), root, "one"));
    try (LiveVolume live = LiveVolume.open(host(), root, disk(), LIMIT)) {
      Path other = Pictures.qcow2(directory.resolve("other.qcow2"), BLOCKS);
      LiveJob job = live.backup(BackupSpec.full(other, ImageFormat.QCOW2).withBytesPerSecond(1));
      refused(N0Exception.Code.BUSY, () -> backUp(full));
      job.cancel(LIMIT);
    }
    assertThat(checkpoints()).isEmpty();
    assertThat(taken).hasContent("mine");
    Files.delete(taken);
    assertOnly();

    backUp(full);

    refused(N0Exception.Code.ALREADY_EXISTS, () -> backUp(full));
    refused(N0Exception.Code.ALREADY_EXISTS, () -> backUp(full("another").withCheckpoint("one")));
    turnOff();
    refused(N0Exception.Code.ALREADY_EXISTS, () -> backUp(full));
    refused(N0Exception.Code.ALREADY_EXISTS, () -> backUp(full("another").withCheckpoint("one")));
    assertThat(checkpoints()).containsExactly("one");
    assertOnly("full");
  }

  @Test
  void whatIsNoBackupOfItIsNotBuiltUpon() throws Exception {
    backUp(full("full").withCheckpoint("one"));
    Path large = Pictures.qcow2(directory.resolve("large.qcow2"), 2 * BLOCKS);
    Path text = Files.writeString(directory.resolve("text"), "no image");
    Path orphan = Pictures.overlay(directory.resolve("orphan"), large);
    Files.delete(large);
    Pictures.qcow2(large, 2 * BLOCKS);
    Path looped = Pictures.overlay(directory.resolve("looped"), file("full"));
    Images.qemuImg("rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", looped, looped);
    for (boolean off : List.of(false, true)) {
      for (Path onto : List.of(large, text, disk(), orphan, looped)) {
        refused(
            N0Exception.Code.INVALID,
            () -> backUp(BackupRequest.increment(file("second"), "one", onto)));
      }
      refused(N0Exception.Code.NOT_FOUND, () -> backUp(increment("second", "one", "none")));
      refused(N0Exception.Code.NOT_FOUND, () -> backUp(increment("second", "two", "full")));
      refused(N0Exception.Code.INVALID, () -> increment("second", "No Label", "full"));
      refused(N0Exception.Code.INVALID, () -> increment("full", "one", "full"));
      refused(
          N0Exception.Code.INVALID, () -> increment("second", "one", "full").withCheckpoint("one"));
      if (!off) {
        turnOff();
      }
    }
    assertThat(checkpoints()).containsExactly("one");
    assertOnly("full");
  }

  @Test
  void rawVolumesAreBackedUpWithoutCheckpoints() throws Exception {
    ResourceId raw = ResourceId.fresh("volume", "raw");
    driver.apply(
        cx(),
        raw,
        new VolumeSpec(
            ImageFormat.RAW, Optional.of((long) BLOCKS * Guest.BLOCK), Optional.empty()));
    Path disk = status(raw).path();
    Images.run(List.of("qemu-io", "-f", "raw", "-c", "write -P 5 64k 64k", disk.toString()));

    Backup full = volumes().backUp(cx(), raw, full("full"));

    assertThat(Images.qemuImg("compare", "-f", "raw", "-F", "qcow2", disk, full.path()))
        .contains("identical");
    assertThat(volumes().checkpoints(cx(), raw)).isEmpty();
    refused(
        N0Exception.Code.UNSUPPORTED,
        () -> volumes().backUp(cx(), raw, full("a").withCheckpoint("one")));
    refused(
        N0Exception.Code.UNSUPPORTED,
        () -> volumes().backUp(cx(), raw, increment("b", "one", "full")));
    driver.createExternalSnapshot(cx(), raw, "s");
    // From now on a qcow2 layer is written to.
    Backup layered = volumes().backUp(cx(), raw, full("layered").withCheckpoint("one"));
    assertThat(Images.qemuImg("compare", "-f", "raw", "-F", "qcow2", disk, layered.path()))
        .contains("identical");
    assertOnly("full", "layered");
  }

  @Test
  void encryptedVolumesAreNotWrittenInTheClear() throws Exception {
    ResourceId secret = ResourceId.fresh("volume", "secret");
    Path key = Files.writeString(directory.resolve("key"), "a passphrase");
    driver.apply(
        cx(),
        secret,
        VolumeSpec.empty((long) BLOCKS * Guest.BLOCK).withEncryption(new Encryption(key)));
    Files.delete(key);

    refused(
        N0Exception.Code.UNSUPPORTED,
        () -> volumes().backUp(cx(), secret, full("full").withCheckpoint("one")));

    assertThat(volumes().checkpoints(cx(), secret)).isEmpty();
    assertOnly();
  }

  @Test
  void aKilledQemuTakesCheckpointsWithItAndTheNextBackupIsFull() throws Exception {
    backUp(full("full").withCheckpoint("one"));
    guest.write(9, 99);
    killMachine();
    // It was in QEMU alone, which writes it down when it ends.
    refused(N0Exception.Code.NOT_FOUND, () -> backUp(increment("second", "one", "full")));
    boot();
    refused(N0Exception.Code.NOT_FOUND, () -> backUp(increment("second", "one", "full")));

    backUp(full("second").withCheckpoint("one"));
    turnOff();
    assertIsTheDisk(file("second"));
    assertOnly("full", "second");
  }

  @Test
  void aKilledQemuSpoilsCheckpointsAndTheNextBackupIsFull() throws Exception {
    backUp(full("full").withCheckpoint("one"));
    turnOff();
    boot();
    guest.write(9, 99);
    killMachine();
    assertThat(volumes().checkpoints(cx(), root))
        .containsExactly(new Checkpoint("one", false, true));
    refused(N0Exception.Code.PRECONDITION, () -> backUp(increment("second", "one", "full")));
    boot();
    assertThat(volumes().checkpoints(cx(), root))
        .extracting(Checkpoint::consistent)
        .containsExactly(false);
    refused(N0Exception.Code.PRECONDITION, () -> backUp(increment("second", "one", "full")));
    refused(N0Exception.Code.ALREADY_EXISTS, () -> backUp(full("second").withCheckpoint("one")));

    volumes().removeCheckpoint(cx(), root, "one");
    backUp(full("second").withCheckpoint("one"));
    turnOff();
    boot();
    guest.write(10, 100);
    killMachine();
    volumes().removeCheckpoint(cx(), root, "one");

    assertThat(checkpoints()).isEmpty();
    backUp(full("third").withCheckpoint("one"));
    assertIsTheDisk(file("third"));
    assertOnly("full", "second", "third");
  }

  @Test
  void checkpointsRestBelowAnExternalSnapshotAndComeBackWithWhatWasWrittenAbove() throws Exception {
    for (boolean off : List.of(false, true)) {
      String checkpoint = off ? "off" : "running";
      String full = checkpoint + "-full";
      backUp(full(full).withCheckpoint(checkpoint));
      guest.write(20, off ? 21 : 20);
      driver.createExternalSnapshot(cx(), root, "s");
      guest.write(30, off ? 31 : 30);
      if (off) {
        turnOff();
      }
      assertThat(checkpoints()).isEmpty();
      assertThatThrownBy(() -> backUp(increment("no", checkpoint, full)))
          .hasMessageContaining("in a layer below");
      refused(N0Exception.Code.NOT_FOUND, () -> backUp(increment("no", checkpoint, full)));
      refused(N0Exception.Code.ALREADY_EXISTS, () -> backUp(full("no").withCheckpoint(checkpoint)));
      Backup above = backUp(full(checkpoint + "-above").withCheckpoint("above"));
      assertThat(checkpoints()).containsExactly("above");

      driver.deleteExternalSnapshot(cx(), root, "s");

      assertThat(checkpoints()).contains(checkpoint).doesNotContain("above");
      Backup second = backUp(increment(checkpoint + "-second", checkpoint, full));
      if (!off) {
        turnOff();
      }
      assertIsTheDisk(above.path());
      assertIsTheDisk(second.path());
      if (!off) {
        boot();
      }
    }
  }

  @Test
  void whatIsThrownAwayAboveAnExternalSnapshotIsInNoIncrement() throws Exception {
    backUp(full("full").withCheckpoint("one"));
    guest.write(20, 20);
    turnOff();
    driver.createExternalSnapshot(cx(), root, "s");
    io(disk(), "write -P 30 " + 30 * Guest.BLOCK + " " + Guest.BLOCK);
    driver.revertToExternalSnapshot(cx(), root, "s");
    io(disk(), "write -P 40 " + 40 * Guest.BLOCK + " " + Guest.BLOCK);
    driver.deleteExternalSnapshot(cx(), root, "s");
    boot();

    Backup second = backUp(increment("second", "one", "full"));

    turnOff();
    assertIsTheDisk(second.path());
    int[] patterns = Pictures.patterns(second.path(), "qcow2");
    assertThat(patterns[20]).isEqualTo(20);
    assertThat(patterns[30]).isEqualTo(FROM_BASE);
    assertThat(patterns[40]).isEqualTo(40);
  }

  /** These change the disk, and nothing marks it. */
  @Test
  void aVolumeWithCheckpointsIsNeitherSetBackNorCutOff() throws Exception {
    backUp(full("full").withCheckpoint("one"));
    turnOff();
    Snapshots snapshots = driver.capability(Snapshots.class).orElseThrow();
    VolumeMaintenance maintenance = driver.capability(VolumeMaintenance.class).orElseThrow();
    snapshots.createSnapshot(cx(), root, "s");
    refused(N0Exception.Code.PRECONDITION, () -> snapshots.revertToSnapshot(cx(), root, "s"));
    snapshots.deleteSnapshot(cx(), root, "s");
    refused(N0Exception.Code.PRECONDITION, () -> maintenance.shrink(cx(), root, 1 << 20));
    assertThat(checkpoints()).containsExactly("one");
    assertIsTheDisk(backUp(increment("second", "one", "full")).path());

    volumes().removeCheckpoint(cx(), root, "one");
    maintenance.shrink(cx(), root, 1 << 20);

    Backup small = backUp(full("small"));
    assertThat(Qcow2Header.read(small.path()).sizeBytes()).isEqualTo(1 << 20);
  }
}
