package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.storage.Images;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LiveJobIT extends LiveFixture {
  @ParameterizedTest
  @EnumSource(MirrorSpec.Mode.class)
  void aMirrorHasAllThatTheGuestWritesAndThenTheMachineUsesIt(MirrorSpec.Mode mode)
      throws Exception {
    Path copy = Pictures.qcow2(directory.resolve("copy.qcow2"), BLOCKS);
    guest.keepWriting(BLOCKS, 1);
    Waiting waiting = Waiting.longEnough();

    LiveJob job = volume.mirror(MirrorSpec.of(copy, ImageFormat.QCOW2).withMode(mode));
    assertThat(job.awaitReady(waiting).state()).isEqualTo(JobState.READY);
    awaitWrites(50);
    job.complete(waiting);
    awaitWrites(50);
    guest.stopWriting();

    assertOnly(copy);
    assertThat(volume.layers()).hasSize(1);
    volume.mirror(MirrorSpec.of(copy, ImageFormat.QCOW2)).complete(waiting); // nothing to do
    host.quit();
    assertThat(Pictures.patterns(copy, "qcow2")).isEqualTo(guest.after(guest.count(), BLOCKS));
    Pictures.assertClean(copy);
    Pictures.assertClean(disk);
    assertThat(waiting.fractions()).isNotEmpty().allMatch(f -> f >= 0 && f <= 1);
  }

  @Test
  void aMirrorCanEndWithoutChangingOver() throws Exception {
    Path copy = Pictures.raw(directory.resolve("copy.raw"), BLOCKS);
    guest.keepWriting(BLOCKS, 2);

    LiveJob job = volume.mirror(MirrorSpec.of(copy, ImageFormat.RAW));
    job.awaitReady(Waiting.longEnough());
    int before = guest.count();
    job.detach(Waiting.longEnough());
    int after = guest.count();
    awaitWrites(20);
    guest.stopWriting();

    assertOnly(disk);
    assertThat(prefix(Pictures.patterns(copy, "raw"), before, after + 1)).isTrue();
  }

  /** Tells whether a content is that after some number of writes, none missing, none too early. */
  private boolean prefix(int[] patterns, int least, int most) {
    for (int count = least; count <= Math.min(most, guest.count()); count++) {
      if (Arrays.equals(patterns, guest.after(count, BLOCKS))) {
        return true;
      }
    }
    return false;
  }

  @Test
  void aJobIsCancelledMidwayAndTheVolumeIsAsItWas() throws Exception {
    Path copy = Pictures.qcow2(directory.resolve("copy.qcow2"), BLOCKS);
    LiveJob job = slowMirror(copy);
    assertThat(job.status().state()).isEqualTo(JobState.RUNNING);
    guest.write(3, 33);

    JobStatus end = job.cancel(LIMIT);

    assertThat(end.error()).isPresent();
    assertOnly(disk);
    assertThat(job.cancel(LIMIT).state()).isEqualTo(JobState.GONE);
    guest.write(4, 44);
    host.quit();
    assertThat(Pictures.patterns(disk, "qcow2")).isEqualTo(guest.after(guest.count(), BLOCKS));
    Pictures.assertClean(disk);
  }

  private LiveJob slowMirror(Path copy) {
    LiveJob job =
        volume.mirror(MirrorSpec.of(copy, ImageFormat.QCOW2).withBytesPerSecond(512 << 10));
    assertThat(job.status().fraction()).isLessThan(1);
    return job;
  }

  @Test
  void aCancelledOperationCancelsItsJobAndATimeThatIsUpDoesNot() {
    Path copy = Pictures.qcow2(directory.resolve("copy.qcow2"), BLOCKS);
    Path overlay = Pictures.overlay(directory.resolve("overlay.qcow2"), disk);
    volume.snapshot(overlay);
    LiveJob job = slowMirror(copy);

    refused(() -> job.awaitReady(new Waiting(Duration.ZERO)), N0Exception.Code.UNAVAILABLE);
    assertThat(volume.jobs()).hasSize(1);
    refused(() -> job.complete(Waiting.longEnough().cancel()), N0Exception.Code.CANCELLED);

    assertThat(host.hasJobs()).isFalse();
    assertThat(volume.nodes()).hasSize(2);
  }

  @Test
  void anInterruptedWaitCancelsTheJobAndKeepsTheInterrupt() {
    Path copy = Pictures.qcow2(directory.resolve("copy.qcow2"), BLOCKS);
    LiveJob job = slowMirror(copy);
    Thread.currentThread().interrupt();

    refused(() -> job.complete(Waiting.longEnough()), N0Exception.Code.CANCELLED);

    assertThat(Thread.interrupted()).isTrue();
    job.cancel(LIMIT);
    assertOnly(disk);
  }

  @Test
  void anotherProcessFindsARunningJobAndFinishesIt() throws Exception {
    Path copy = Pictures.qcow2(directory.resolve("copy.qcow2"), BLOCKS);
    guest.keepWriting(BLOCKS, 5);
    slowMirror(copy);
    volume.close();

    volume = open(disk);
    List<LiveJob> jobs = volume.jobs();
    assertThat(jobs).hasSize(1);
    assertThat(jobs.get(0).kind()).isEqualTo(JobKind.MIRROR);
    refused(() -> volume.flatten(), N0Exception.Code.BUSY);
    LiveJob same = volume.mirror(MirrorSpec.of(copy, ImageFormat.QCOW2));
    assertThat(same.id()).isEqualTo(jobs.get(0).id());
    jobs.get(0).limitRate(0);
    jobs.get(0).complete(Waiting.longEnough());
    guest.stopWriting();

    assertOnly(copy);
    host.quit();
    assertThat(Pictures.patterns(copy, "qcow2")).isEqualTo(guest.after(guest.count(), BLOCKS));
  }

  @Test
  void anotherProcessFindsAJobThatFailedMeanwhileAndSaysWhy() {
    Path copy = Pictures.qcow2(directory.resolve("copy.qcow2"), BLOCKS);
    LiveJob job = slowMirror(copy);
    host.run("job-cancel", Map.of("id", job.id()));
    volume.close();

    volume = open(disk);
    assertThatThrownBy(() -> volume.jobs().get(0).complete(Waiting.longEnough()))
        .isInstanceOfSatisfying(JobFailedException.class, e -> {
          assertThat(e.code()).isEqualTo(N0Exception.Code.CANCELLED);
          assertThat(e.jobId()).isEqualTo(job.id());
          assertThat(e.error()).isNotEmpty();
        });
    assertOnly(disk);
  }

  @Test
  @Requires(Requirement.ROOT)
  void aFullTargetIsSaidAndTheVolumeGoesOn() throws Exception {
    Path tiny = Files.createDirectory(directory.resolve("tiny"));
    Images.run(List.of("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", tiny.toString()));
    try {
      Path copy = Pictures.qcow2(tiny.resolve("copy.qcow2"), BLOCKS);

      LiveJob mirror = volume.mirror(MirrorSpec.of(copy, ImageFormat.QCOW2));
      refused(() -> mirror.complete(Waiting.longEnough()), N0Exception.Code.EXHAUSTED);
      assertOnly(disk);
      LiveJob backup =
          volume.backup(BackupSpec.full(copy, ImageFormat.QCOW2).withCheckpoint("monday"));
      refused(() -> backup.complete(Waiting.longEnough()), N0Exception.Code.EXHAUSTED);

      assertOnly(disk);
      assertThat(volume.bitmaps().bitmaps()).isEmpty();
      guest.write(9, 99);
    } finally {
      Images.run(List.of("umount", tiny.toString()));
    }
    host.quit();
    assertThat(Pictures.patterns(disk, "qcow2")).isEqualTo(guest.after(guest.count(), BLOCKS));
  }

  @ParameterizedTest
  @EnumSource(JobKind.class)
  void aMachineThatIsKilledMidwayEndsTheJobAndLeavesSoundImages(JobKind kind) throws Exception {
    Path overlay = Pictures.overlay(directory.resolve("overlay.qcow2"), disk);
    volume.snapshot(overlay);
    for (int block = 0; block < BLOCKS; block += 2) {
      guest.write(block, 2);
    }
    Path copy = Pictures.qcow2(directory.resolve("copy.qcow2"), BLOCKS);
    LiveJob job = switch (kind) {
      case MIRROR -> slowMirror(copy);
      case BACKUP ->
        volume.backup(BackupSpec.full(copy, ImageFormat.QCOW2).withBytesPerSecond(512 << 10));
      case COMMIT -> volume.commit(overlay, disk);
      case STREAM -> volume.flatten();
    };

    host.kill();

    refused(() -> job.complete(Waiting.longEnough()), N0Exception.Code.PRECONDITION);
    refused(() -> job.cancel(LIMIT), N0Exception.Code.PRECONDITION);
    refused(() -> open(disk), N0Exception.Code.PRECONDITION);
    // Clusters may be lost, as after any power failure; nothing may be wrong.
    for (Path image : List.of(disk, overlay)) {
      Images.run(List.of(
          "sh",
          "-c",
          "qemu-img check -q -f qcow2 \"$1\"; r=$?; [ $r = 0 ] || [ $r = 3 ]",
          "sh",
          image.toString()));
    }
  }

  @Test
  void aSmallerTargetIsRefusedAndPutAway() {
    Path small = Pictures.qcow2(directory.resolve("small.qcow2"), BLOCKS / 2);

    LiveJob mirror = volume.mirror(MirrorSpec.of(small, ImageFormat.QCOW2));
    refused(() -> mirror.complete(Waiting.longEnough()), N0Exception.Code.PRECONDITION);
    refused(
        () -> volume.backup(BackupSpec.full(small, ImageFormat.QCOW2)),
        N0Exception.Code.PRECONDITION);

    assertOnly(disk);
  }

  @Test
  void aTargetThatKeepsItsDataElsewhereIsRefusedUnopened() throws Exception {
    Path victim = Files.write(directory.resolve("victim"), new byte[BLOCKS * Guest.BLOCK]);
    Path trap = directory.resolve("trap.qcow2");
    Images.qemuImg(
        "create",
        "-q",
        "-f",
        "qcow2",
        "-o",
        "data_file=" + victim + ",data_file_raw=on",
        trap,
        BLOCKS * Guest.BLOCK);

    refused(() -> volume.mirror(MirrorSpec.of(trap, ImageFormat.QCOW2)), N0Exception.Code.INVALID);

    assertThat(victim).hasBinaryContent(new byte[BLOCKS * Guest.BLOCK]);
    assertOnly(disk);
  }
}
