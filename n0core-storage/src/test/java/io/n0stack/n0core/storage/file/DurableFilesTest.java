package io.n0stack.n0core.storage.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.storage.Images;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class DurableFilesTest {
  @TempDir
  Path directory;

  private final DurableFiles files = new DurableFiles();
  private Path disk;

  @BeforeEach
  void nameDisk() {
    disk = directory.resolve("disk.raw");
  }

  @Test
  void createsAPrivateFileAndLeavesNothingElse() throws Exception {
    files.create(disk, Whole.of("new"));

    assertThat(Whole.label(disk)).isEqualTo("new");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(disk)))
        .isEqualTo("rw-------");
    assertThat(names()).containsExactly("disk.raw");
  }

  @Test
  void aNameThatIsTakenStaysAsItIs() throws Exception {
    Path target = directory.resolve("target");
    Files.writeString(target, "other's");
    Path link = Files.createSymbolicLink(directory.resolve("link"), target);
    Path dangling =
        Files.createSymbolicLink(directory.resolve("dangling"), directory.resolve("none"));
    List<String> present = names();

    for (Path taken : List.of(target, link, dangling, Files.createDirectory(disk))) {
      assertThatThrownBy(() -> files.create(taken, Whole.of("new")))
          .hasMessage("create \"" + taken + "\": exists already")
          .asInstanceOf(type(N0Exception.class))
          .returns(N0Exception.Code.ALREADY_EXISTS, N0Exception::code);
    }

    assertThat(target).hasContent("other's");
    assertThat(directory.resolve("none")).doesNotExist();
    assertThat(names()).containsAll(present).hasSize(present.size() + 1);
  }

  @Test
  void aNameThatIsTakenMeanwhileStaysAsItIs() throws Exception {
    Path target = Files.writeString(directory.resolve("target"), "other's");

    assertThatThrownBy(() -> files.create(disk, channel -> Files.createSymbolicLink(disk, target)))
        .hasMessage("create \"" + disk + "\": File exists (EEXIST)")
        .asInstanceOf(type(N0Exception.class))
        .returns(N0Exception.Code.ALREADY_EXISTS, N0Exception::code);

    assertThat(target).hasContent("other's");
    assertThat(disk).isSymbolicLink();
    assertThat(names()).containsExactly("disk.raw", "target");
  }

  @Test
  void contentThatFailsLeavesNothing() throws Exception {
    IOException full = new IOException("No space left on device");
    IllegalStateException own = new IllegalStateException("own");

    assertThatThrownBy(() -> files.create(disk, channel -> {
          throw full;
        }))
        .hasMessage("write \"" + disk + "\": No space left on device")
        .hasCause(full)
        .asInstanceOf(type(N0Exception.class))
        .returns(N0Exception.Code.EXHAUSTED, N0Exception::code);
    assertThatThrownBy(() -> files.create(disk, channel -> {
          throw own;
        }))
        .isSameAs(own);

    assertThat(names()).isEmpty();
  }

  @Test
  void replacesWhatIsThereOrNothing() throws Exception {
    files.replace(disk, Whole.of("first"));
    files.replace(disk, Whole.of("second"));

    assertThat(Whole.label(disk)).isEqualTo("second");
    assertThat(names()).containsExactly("disk.raw");
  }

  @Test
  void aReplacementThatFailsLeavesTheOldFile() throws Exception {
    files.create(disk, Whole.of("old"));

    assertThatThrownBy(() -> files.replace(disk, channel -> {
          throw new IOException("half-way");
        }))
        .isInstanceOf(N0Exception.class);

    assertThat(Whole.label(disk)).isEqualTo("old");
    assertThat(names()).containsExactly("disk.raw");
  }

  @Test
  void replacesNoLinkAndNoDirectory() throws Exception {
    Path target = Files.writeString(directory.resolve("target"), "other's");
    Path link = Files.createSymbolicLink(directory.resolve("link"), target);
    for (Path taken : List.of(link, Files.createDirectory(directory.resolve("directory")))) {
      assertThatThrownBy(() -> files.replace(taken, Whole.of("new")))
          .hasMessage("invalid destination \"" + taken + "\": must be a regular file, or free");
    }

    files.replace(disk, channel -> Files.createSymbolicLink(disk, target));

    assertThat(disk).isRegularFile();
    assertThat(Files.isSymbolicLink(disk)).isFalse();
    assertThat(target).hasContent("other's");
  }

  @ParameterizedTest
  @EnumSource(
      value = Seam.Step.class,
      names = {"LINKED"},
      mode = EnumSource.Mode.EXCLUDE)
  void aFailureAfterAnyStepLeavesNothingNew(Seam.Step failing) throws Exception {
    Path old = directory.resolve("old");
    files.create(old, Whole.of("old"));
    IllegalStateException failure = new IllegalStateException("at " + failing);
    DurableFiles broken = new DurableFiles(step -> {
      if (step == failing) {
        throw failure;
      }
    });

    assertThatThrownBy(() -> broken.create(disk, Whole.of("new"))).isSameAs(failure);
    assertThatThrownBy(() -> broken.createAll(
            List.of(new NewFile(disk, Whole.of("new")), newFile("second"), newFile("third"))))
        .isSameAs(failure);
    assertThat(names()).containsExactly("old");
    assertThatThrownBy(() -> broken.replace(old, Whole.of("new"))).isSameAs(failure);

    boolean replaced = failing == Seam.Step.NAMED || failing == Seam.Step.DURABLE;
    assertThat(Whole.label(old)).isEqualTo(replaced ? "new" : "old");
    assertThat(names()).containsExactly("old");
  }

  @Test
  void manyFilesAreMadeInSeveralDirectories() throws Exception {
    List<NewFile> wanted = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Path parent = directory.resolve("volume" + i % 3);
      Files.createDirectories(parent);
      wanted.add(new NewFile(parent.resolve("disk" + i), Whole.of("new" + i)));
    }

    files.createAll(wanted);
    files.createAll(List.of());

    for (int i = 0; i < 20; i++) {
      assertThat(Whole.label(wanted.get(i).destination())).isEqualTo("new" + i);
    }
    assertThat(Images.tree(directory)).hasSize(23);
  }

  @Test
  void ofManyFilesNoneIsMadeIfOneNameIsTakenMeanwhile() throws Exception {
    Path taken = directory.resolve("taken");
    NewFile clash = new NewFile(taken, channel -> Files.writeString(taken, "other's"));

    assertThatThrownBy(() -> files.createAll(List.of(newFile("first"), clash, newFile("third"))))
        .hasMessageContaining("(EEXIST)");
    assertThat(names()).containsExactly("taken");
    assertThat(taken).hasContent("other's");

    assertThatThrownBy(() -> files.createAll(List.of(newFile("first"), newFile("taken"))))
        .hasMessageContaining("exists already");
    assertThatThrownBy(() -> files.createAll(List.of(newFile("first"), newFile("first"))))
        .hasMessageContaining("must be there once");
    assertThat(names()).containsExactly("taken");
  }

  @Test
  void aDraftIsWrittenByItsPathAndSeenByNobodyBefore() throws Exception {
    try (FileDraft draft = files.draft(disk)) {
      Files.writeString(draft.path(), "by another program");
      assertThat(disk).doesNotExist();
      draft.publish();
      assertThat(disk).hasContent("by another program");
      assertThatThrownBy(draft::publish).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(draft::replace).isInstanceOf(IllegalStateException.class);
      assertThat(disk).hasContent("by another program");
    }
    assertThat(names()).containsExactly("disk.raw");
  }

  @Test
  void aDraftThatAnotherFileTookThePlaceOfIsNotPublished() throws Exception {
    try (FileDraft draft = files.draft(disk)) {
      Path other = Files.writeString(directory.resolve("other"), "unsynced");
      Files.delete(draft.path());
      Files.move(other, draft.path());

      assertThatThrownBy(draft::publish)
          .hasMessageContaining("was replaced or unlinked")
          .asInstanceOf(type(N0Exception.class))
          .returns(N0Exception.Code.PRECONDITION, N0Exception::code);
    }
    assertThat(disk).doesNotExist();
  }

  @Test
  void aDraftThatIsClosedTwiceLeavesNothing() {
    FileDraft draft = files.draft(disk);
    draft.close();
    draft.close();

    assertThat(names()).isEmpty();
  }

  @Test
  void sweepsWhatNobodyMakesAnyMore() throws Exception {
    Path abandoned = directory.resolve(".n0-" + UUID.randomUUID() + ".tmp");
    Files.writeString(abandoned, "half");
    Path link = directory.resolve(".n0-" + UUID.randomUUID() + ".tmp");
    Files.createSymbolicLink(link, Files.writeString(directory.resolve("target"), "other's"));
    Files.createDirectory(directory.resolve(".n0-" + UUID.randomUUID() + ".tmp"));
    Files.writeString(directory.resolve(".n0-mine.tmp"), "another's");
    Files.writeString(directory.resolve("disk.tmp"), "another's");
    try (FileDraft living = files.draft(disk)) {
      List<String> before = names();

      assertThat(files.sweep(directory)).containsExactly(abandoned);

      before.remove(abandoned.getFileName().toString());
      assertThat(names()).isEqualTo(before);
      living.publish();
    }
    assertThat(files.sweep(directory)).isEmpty();
    assertThat(directory.resolve("target")).hasContent("other's");
  }

  @Test
  void aSweepBeforeTheLockIsTakenDoesNotHurt() throws Exception {
    List<Path> swept = new ArrayList<>();
    DurableFiles unlucky = new DurableFiles(step -> {
      if (step == Seam.Step.CREATED && swept.size() < 3) {
        swept.addAll(files.sweep(directory));
      }
    });

    unlucky.create(disk, Whole.of("new"));

    assertThat(swept).hasSize(3);
    assertThat(Whole.label(disk)).isEqualTo("new");
    assertThat(names()).containsExactly("disk.raw");
  }

  @Test
  void anInterruptedThreadLeavesNothing() {
    Thread.currentThread().interrupt();

    assertThatThrownBy(() -> files.create(disk, Whole.of("new")))
        .asInstanceOf(type(N0Exception.class))
        .returns(N0Exception.Code.CANCELLED, N0Exception::code);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(names()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"disk", "/", "/tmp/../disk", "/tmp/.n0-disk", "/tmp/a\nb"})
  void aDestinationThatIsNoneIsRefused(String destination) {
    assertThatThrownBy(() -> files.create(Path.of(destination), Whole.of("new")))
        .hasMessageStartingWith("invalid destination")
        .asInstanceOf(type(N0Exception.class))
        .returns(N0Exception.Code.INVALID, N0Exception::code);
    assertThatThrownBy(() -> new NewFile(Path.of(destination), Whole.of("new")))
        .hasMessageStartingWith("invalid destination");
  }

  @Test
  void aDirectoryThatIsNotThereIsNamed() {
    Path nowhere = directory.resolve("none/disk");

    assertThatThrownBy(() -> files.create(nowhere, Whole.of("new")))
        .hasMessage(
            "open \"" + directory.resolve("none") + "\": No such file or directory (ENOENT)");
    assertThatThrownBy(() -> files.create(directory.resolve("n".repeat(256)), Whole.of("new")))
        .hasMessageContaining("(ENAMETOOLONG)");
  }

  private NewFile newFile(String name) {
    return new NewFile(directory.resolve(name), Whole.of(name));
  }

  private List<String> names() {
    String[] names = directory.toFile().list();
    assertThat(names).isNotNull();
    return new ArrayList<>(List.of(names).stream().sorted().toList());
  }
}
