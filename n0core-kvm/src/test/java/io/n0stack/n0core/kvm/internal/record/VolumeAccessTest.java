package io.n0stack.n0core.kvm.internal.record;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineSpec;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.kvm.internal.launch.Owner;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is on record of opened files; the lists themselves are the kernel's. */
class VolumeAccessTest {
  @TempDir
  Path place;

  private MachineDirectory directory;
  private Path disk;
  private Path base;

  @BeforeEach
  void open() throws Exception {
    ResourceId id = ResourceId.fresh("machine", "web1");
    directory = new MachineDirectory(place.resolve("machines"), id.uid());
    directory.create(new MachineRecord(id, MachineSpec.builder(1, 1 << 20).build()));
    directory.recordOwner(new Owner(700_051, 700_051));
    base = Files.writeString(place.resolve("base"), "x");
    disk = Files.writeString(place.resolve("disk"), "x");
    VolumeAccess.allow(
        directory, "root", new VolumeStatus(disk, ImageFormat.QCOW2, 1, 0, Optional.of(base)));
  }

  private List<Path> opened() {
    return new OpenedFiles(directory.path()).all();
  }

  @Test
  void nothingIsTakenBackWhereTheLookFailed() {
    List<Path> before = opened();

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> VolumeAccess.takeBack(directory, List.of(disk, base), () -> {
          throw new N0Exception(N0Exception.Code.UNAVAILABLE, "web1", "no answer");
        }));

    assertThat(opened()).isEqualTo(before).contains(disk, base, place);
  }

  @Test
  void whatIsNeededByAnotherNameIsNotTakenBack() throws Exception {
    Path link = Files.createSymbolicLink(place.resolve("link"), base);

    VolumeAccess.takeBack(directory, List.of(disk, base), () -> List.of(link.toString()));

    assertThat(opened()).contains(base, place).doesNotContain(disk);
  }

  @Test
  void whatIsNeededInOtherWordsIsNotTakenBack() {
    VolumeAccess.takeBack(
        directory,
        List.of(disk, base),
        () -> List.of("json:{\"driver\": \"raw\", \"file\": {\"filename\": \"" + base + "\"}}"));

    assertThat(opened()).contains(base, place).doesNotContain(disk);
  }

  @Test
  void whatWasOpenedByAnotherNameIsTakenBackWithTheDirectoriesAboveThatNobodyNeeds()
      throws Exception {
    Path link = Files.createSymbolicLink(place.resolve("link"), disk);

    VolumeAccess.takeBack(directory, List.of(link, base), List::of);

    assertThat(opened()).isEmpty();
    VolumeAccess.takeBack(directory, List.of(link, base), List::of);
  }

  @Test
  void whatWasOpenedForVolumesThatAreGoneIsTold() {
    VolumeAccess.allow(
        directory, "data", new VolumeStatus(base, ImageFormat.QCOW2, 1, 0, Optional.empty()));

    assertThat(VolumeAccess.obsolete(directory, List.of("root", "data"))).isEmpty();
    assertThat(VolumeAccess.obsolete(directory, List.of("data"))).containsExactly(disk);
    assertThat(VolumeAccess.obsolete(directory, List.of())).contains(disk, base, place);
    new OpenedFiles(directory.path()).add(List.of(disk));
    assertThat(VolumeAccess.obsolete(directory, List.of("data"))).isEmpty();
  }

  @Test
  void volumeThatIsDeletedIsForgotten() throws Exception {
    Files.delete(disk);

    VolumeAccess.takeBack(directory, List.of(disk), List::of);

    assertThat(opened()).contains(base, place).doesNotContain(disk);
  }

  @Test
  void whatACommandOpensIsOpenedBefore() {
    Path copy = place.resolve("disk");

    assertThat(VolumeAccess.allowing(
            directory, Map.of("file", Map.of("filename", copy.toString())), this::opened))
        .contains(copy);
  }

  @Test
  void aQemuThatDoesNotAnswerHoldsUpNobodyElseOfItsUser() throws Exception {
    ResourceId id = ResourceId.fresh("machine", "db1");
    MachineDirectory other = new MachineDirectory(place.resolve("machines"), id.uid());
    other.create(new MachineRecord(id, MachineSpec.builder(1, 1 << 20).build()));
    other.recordOwner(new Owner(700_051, 700_051));
    Path overlay = Files.writeString(place.resolve("overlay"), "x");

    String answer = VolumeAccess.allowing(
        directory,
        Map.of("filename", overlay.toString()),
        () -> inAnotherThread(() -> {
          VolumeAccess.allow(
              other, "root", new VolumeStatus(disk, ImageFormat.QCOW2, 1, 0, Optional.empty()));
          VolumeAccess.takeBack(other, List.of(base), List::of);
          return "answered";
        }));

    assertThat(answer).isEqualTo("answered");
    assertThat(new OpenedFiles(other.path()).all()).contains(disk);
  }

  @Test
  void whatQemuIsJustBeingToldToOpenIsNotTakenBack() throws Exception {
    Path overlay = Files.writeString(place.resolve("overlay"), "x");

    String unused = VolumeAccess.allowing(
        directory,
        Map.of("filename", overlay.toString()),
        () -> inAnotherThread(() -> {
          VolumeAccess.takeBack(directory, List.of(overlay), List::of);
          return "";
        }));

    assertThat(opened()).contains(overlay);
    VolumeAccess.takeBack(directory, List.of(overlay), List::of);
    assertThat(opened()).doesNotContain(overlay);
  }

  @Test
  void whoLooksWhileSomethingIsOpenedLooksAgain() throws Exception {
    Path overlay = Files.writeString(place.resolve("overlay"), "x");
    AtomicInteger looks = new AtomicInteger();

    VolumeAccess.takeBack(directory, List.of(disk, overlay), () -> {
      if (looks.getAndIncrement() > 0) {
        return List.of(overlay.toString());
      }
      String unused =
          VolumeAccess.allowing(directory, Map.of("filename", overlay.toString()), () -> "");
      return List.of();
    });

    assertThat(looks).hasValue(2);
    assertThat(opened()).contains(overlay).doesNotContain(disk);
  }

  private static String inAnotherThread(Callable<String> work) {
    FutureTask<String> task = new FutureTask<>(work);
    new Thread(task, "another").start();
    try {
      return task.get(1, TimeUnit.MINUTES);
    } catch (InterruptedException | ExecutionException | TimeoutException e) {
      throw new AssertionError(e);
    }
  }
}
