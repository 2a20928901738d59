package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.BackupRequest;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import io.n0stack.n0core.tck.SimulatedCrash;
import io.n0stack.n0core.tck.StandaloneContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Backups are cut short at each point, and the same call is made again. */
class BackupCrashIT extends BackupFixture {
  private static final int MOST_POINTS = 30;

  private static StandaloneContext dyingBefore(StandaloneContext cx, String step) {
    return cx.before(step, () -> {
      throw new SimulatedCrash(step);
    });
  }

  /** Whatever instruction it dies at, there are file and checkpoint afterwards, or neither; then both. */
  @Test
  void crashOfABackupOfARunningMachineLosesNothing() throws Exception {
    crashEverywhere();
  }

  @Test
  void crashOfABackupOfAMachineThatIsOffLosesNothing() throws Exception {
    turnOff();
    crashEverywhere();
  }

  private void crashEverywhere() throws Exception {
    backUp(full("full").withCheckpoint("since"));
    boolean crashed = true;
    for (int point = 0; crashed; point++) {
      assertThat(point).isLessThan(MOST_POINTS);
      write(point + 1, point + 1);
      BackupRequest request =
          increment("inc-" + point, "since", "full").withCheckpoint("cp-" + point);
      crashed = crashes(point, request);
      openAgain();

      boolean made = Files.exists(request.target());
      assertThat(checkpoints().contains("cp-" + point)).isEqualTo(made);
      assertSettled(request.target());
      if (made) {
        refused(N0Exception.Code.ALREADY_EXISTS, () -> backUp(request));
      } else {
        backUp(request);
      }
      assertThat(checkpoints()).containsExactlyInAnyOrder("cp-" + point, "since");

      // The checkpoint is that of the file.
      write(point + 1, 100 + point);
      BackupRequest next = increment("next-" + point, "cp-" + point, "inc-" + point);
      backUp(next);
      assertThat(Pictures.patterns(next.target(), "qcow2"))
          .isEqualTo(Pictures.patterns(disk(), "qcow2"));
      volumes().removeCheckpoint(cx(), root, "cp-" + point);
    }
  }

  private boolean crashes(int point, BackupRequest request) {
    try {
      volumes().backUp(cx().crashAt(point), root, request);
      return false;
    } catch (SimulatedCrash e) {
      return true;
    }
  }

  private void write(int block, int pattern) {
    if (machine.isPresent()) {
      guest.write(block, pattern);
    } else {
      io(disk(), "write -P " + pattern + " " + block * Guest.BLOCK + " " + Guest.BLOCK);
    }
  }

  /** Fails if the work on a backup has left anything but the backup. */
  private void assertSettled(Path target) throws Exception {
    assertThat(disk().resolveSibling("export.qcow2")).doesNotExist();
    assertThat(disk().resolveSibling("backup.json")).doesNotExist();
    machine.ifPresent(host -> assertThat(host.hasJobs()).isFalse());
    assertThat(Images.tree(backups)).noneMatch(line -> line.startsWith(".n0-"));
    if (Files.exists(target)) {
      Pictures.assertClean(target);
    }
  }

  /** It was about to get its name and may have had it; that it is there is what counts. */
  @Test
  void checkpointGoesWithABackupThatIsNotThere() throws Exception {
    for (boolean off : List.of(false, true)) {
      if (off) {
        turnOff();
      }
      BackupRequest request = full("full").withCheckpoint("one");
      assertThatThrownBy(() -> volumes().backUp(dyingBefore(cx(), "forget note"), root, request))
          .isInstanceOf(SimulatedCrash.class);
      Files.move(request.target(), file("elsewhere"));
      Files.writeString(request.target(), "another file");
      assertThat(checkpoints()).isEmpty();

      openAgain();

      assertThat(checkpoints()).isEmpty();
      refused(N0Exception.Code.ALREADY_EXISTS, () -> backUp(request));
      Files.delete(request.target());
      Files.delete(file("elsewhere"));
      backUp(request);
      assertThat(checkpoints()).containsExactly("one");
      volumes().removeCheckpoint(cx(), root, "one");
      Files.delete(request.target());
    }
  }

  @Test
  void aNoteThatIsDamagedIsInNobodysWay() throws Exception {
    Path note = disk().resolveSibling("backup.json");
    for (String damaged :
        List.of("", "{", "[]", "{\"version\":1}", "{\"version\":2,\"target\":\"/a\"}")) {
      Files.writeString(note, damaged);

      openAgain();

      assertThat(note).doesNotExist();
    }
    backUp(full("full").withCheckpoint("one"));
    assertOnly("full");
  }

  @Test
  void whatQemuGoesOnWithWithoutUsIsEnded() throws Exception {
    for (boolean ended : List.of(false, true)) {
      BackupRequest request = full("full-" + ended).withCheckpoint("one");
      assertThatThrownBy(
              () -> volumes().backUp(dyingBefore(cx(), "copy running disk"), root, request))
          .isInstanceOf(SimulatedCrash.class);
      Path copy = disk().resolveSibling("export.qcow2");
      try (LiveVolume live = LiveVolume.open(host(), root, disk(), LIMIT)) {
        LiveJob job = live.backup(BackupSpec.full(copy, ImageFormat.QCOW2)
            .withCheckpoint("one")
            .withBytesPerSecond(ended ? 0 : 1));
        await()
            .atMost(LIMIT)
            .until(() -> job.status().state() == (ended ? JobState.CONCLUDED : JobState.RUNNING));
      }
      assertThat(checkpoints()).isEmpty(); // it is in QEMU, and of no backup

      // Whatever is done next with the volume.
      driver.close();
      open();
      driver.createExternalSnapshot(cx(), root, "s");

      assertThat(host().hasJobs()).isFalse();
      driver.deleteExternalSnapshot(cx(), root, "s");
      assertThat(checkpoints()).isEmpty();
      assertSettled(request.target());
      backUp(request);
      volumes().removeCheckpoint(cx(), root, "one");
    }
    assertOnly("full-false", "full-true");
  }

  /** The machine has ended before the next agent looks, in order or not. */
  @Test
  void checkpointOfABackupThatThereIsNotIsRemovedFromTheFile() throws Exception {
    for (boolean killed : List.of(false, true)) {
      BackupRequest request = full("full-" + killed).withCheckpoint("one");
      assertThatThrownBy(() -> volumes().backUp(dyingBefore(cx(), "write backup"), root, request))
          .isInstanceOf(SimulatedCrash.class);
      if (killed) {
        killMachine();
      } else {
        turnOff();
      }

      openAgain();

      assertThat(Images.qemuImg("info", "-f", "qcow2", disk())).doesNotContain("n0core.one");
      assertSettled(request.target());
      backUp(request);
      assertIsTheDisk(request.target());
      volumes().removeCheckpoint(cx(), root, "one");
      boot();
    }
  }

  @Test
  void aMachineThatEndsMeanwhileLeavesNothing() throws Exception {
    BackupRequest request = full("full").withCheckpoint("one");
    QemuHost running = host();
    assertThatThrownBy(
            () -> volumes().backUp(cx().before("copy running disk", running::kill), root, request))
        .isInstanceOf(N0Exception.class);
    guest.close();
    machine = Optional.empty();

    openAgain();

    assertThat(checkpoints()).isEmpty();
    assertOnly();
    backUp(request);
    assertIsTheDisk(request.target());
  }

  @Test
  void cancelledBackupsLeaveNothing() throws Exception {
    for (boolean off : List.of(false, true)) {
      if (off) {
        turnOff();
      }
      String name = "full-" + off;
      String since = "since-" + off;
      backUp(full(name).withCheckpoint(since));
      BackupRequest request = increment("second-" + off, since, name).withCheckpoint("one");
      // What an interrupted thread does with a machine is for its driver to say.
      for (String step :
          off ? List.of("add checkpoint", "write backup") : List.of("write backup")) {
        StandaloneContext interrupted =
            cx().before(step, () -> Thread.currentThread().interrupt());
        refused(N0Exception.Code.CANCELLED, () -> volumes().backUp(interrupted, root, request));
        assertThat(Thread.interrupted()).isTrue();
        assertThat(checkpoints()).doesNotContain("one");
        assertSettled(request.target());
        assertThat(request.target()).doesNotExist();
      }
      for (int step = 0; step < 3; step++) {
        StandaloneContext cancelled = cx().cancelBefore(step);
        refused(N0Exception.Code.CANCELLED, () -> volumes().backUp(cancelled, root, request));
        assertThat(checkpoints()).doesNotContain("one");
        assertSettled(request.target());
        assertThat(request.target()).doesNotExist();
      }
      backUp(request);
      volumes().removeCheckpoint(cx(), root, "one");
    }
    assertIsTheDisk(file("second-true"));
  }

  @Test
  void whatIsOutOfTimeIsUndoneAtTheNextUse() throws Exception {
    for (int step = 0; step < 4; step++) {
      BackupRequest request = full("full-" + step).withCheckpoint("one");
      StandaloneContext late = cx().expireBefore(step);
      refused(N0Exception.Code.UNAVAILABLE, () -> volumes().backUp(late, root, request));
      assertThat(request.target()).doesNotExist();
      assertThat(checkpoints()).isEmpty();

      volumes().removeCheckpoint(cx(), root, "another");

      assertThat(checkpoints()).isEmpty();
      assertSettled(request.target());
    }
    backUp(full("full").withCheckpoint("one"));
    assertOnly("full");
  }

  /** A guest that has broken into its QEMU can write to what QEMU has open. */
  @Test
  void aCopyThatNamesAnotherFileIsNoBackup() throws Exception {
    Path secret = Files.writeString(directory.resolve("secret"), "of the host");
    backUp(full("full").withCheckpoint("one"));
    for (BackupRequest request : List.of(
        full("second").withCheckpoint("two"),
        increment("second", "one", "full").withCheckpoint("two"))) {
      Path copy = disk().resolveSibling("export.qcow2");
      StandaloneContext cx = cx().before(
              "write backup",
              () -> Images.qemuImg("rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", secret, copy));
      refused(N0Exception.Code.UNAVAILABLE, () -> volumes().backUp(cx, root, request));
      assertThat(checkpoints()).containsExactly("one");
      assertOnly("full");
    }
  }

  /** The file is there and has its name, so that is what the caller hears. */
  @Test
  void whatCannotBePutAwayAfterwardsIsNoFailure() throws Exception {
    StandaloneContext cancelled = cx().cancelBefore(4);
    volumes().backUp(cancelled, root, full("full").withCheckpoint("one"));
    assertThat(cancelled.steps())
        .containsExactly("note backup", "make copy", "copy running disk", "write backup");
    assertThat(checkpoints()).containsExactly("one");

    openAgain();

    assertThat(checkpoints()).containsExactly("one");
    assertOnly("full");
    guest.write(3, 3);
    backUp(increment("second", "one", "full"));
    turnOff();
    assertIsTheDisk(file("second"));
  }

  @Test
  @Requires(Requirement.ROOT)
  void backupsThatDoNotFitLeaveNothing() throws Exception {
    Path small = Files.createDirectory(directory.resolve("small"));
    Images.run(List.of("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small.toString()));
    try {
      for (boolean off : List.of(false, true)) {
        if (off) {
          turnOff();
        }
        refused(
            N0Exception.Code.EXHAUSTED,
            () -> backUp(BackupRequest.full(small.resolve("full")).withCheckpoint("one")));
        assertThat(Images.tree(small)).isEmpty();
        assertThat(checkpoints()).isEmpty();
        assertOnly();
      }
      backUp(full("full").withCheckpoint("one"));
      io(disk(), "write -P 5 0 64k");
      backUp(BackupRequest.increment(small.resolve("second"), "one", file("full")));
      assertThat(Images.qemuImg("compare", small.resolve("second"), disk())).contains("identical");
    } finally {
      Images.run(List.of("umount", small.toString()));
    }
  }
}
