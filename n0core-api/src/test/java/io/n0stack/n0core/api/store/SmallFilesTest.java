package io.n0stack.n0core.api.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SmallFilesTest {
  private static final byte[] NEW = "new".getBytes(StandardCharsets.UTF_8);

  @TempDir
  Path directory;

  private Path record;

  @BeforeEach
  void nameRecord() {
    record = directory.resolve("record");
  }

  @Test
  void makesAPrivateFileOrReplacesOneAndLeavesNothingElse() throws IOException {
    SmallFiles.replace(record, "old, and longer".getBytes(StandardCharsets.UTF_8));
    SmallFiles.replace(record, NEW);

    assertThat(record).hasContent("new");
    assertThat(mode(record)).isEqualTo("rw-------");
    assertThat(directory).isDirectoryNotContaining("glob:**/.tmp-*");
  }

  @Test
  void replacesALinkAndFollowsNone() throws IOException {
    Path target = Files.writeString(directory.resolve("target"), "other's");
    Files.createSymbolicLink(record, target);
    Files.createSymbolicLink(directory.resolve(".tmp-record"), target);

    SmallFiles.replace(record, NEW);

    assertThat(record).isRegularFile().hasContent("new");
    assertThat(Files.isSymbolicLink(record)).isFalse();
    assertThat(target).hasContent("other's");
  }

  @Test
  void whatAWriterLeftThatWasCutOffIsInNobodysWay() throws IOException {
    Files.writeString(directory.resolve(".tmp-record"), "a part that is longer than the new one");

    SmallFiles.replace(record, NEW);

    assertThat(record).hasContent("new");
    assertThat(directory).isDirectoryNotContaining("glob:**/.tmp-*");
  }

  @Test
  void anInterruptedThreadFinishesAndStaysInterrupted() throws IOException {
    Thread.currentThread().interrupt();
    try {
      SmallFiles.replace(record, NEW);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }

    assertThat(record).hasContent("new");
    assertThat(directory).isDirectoryNotContaining("glob:**/.tmp-*");
  }

  @Test
  void aFailureBeforeTheRenameSaysThatTheOldFileStands() throws IOException {
    Files.writeString(record, "old");
    Files.createDirectories(directory.resolve(".tmp-record/full"));

    assertThatThrownBy(() -> SmallFiles.replace(record, NEW))
        .asInstanceOf(type(SmallFiles.NotWrittenException.class))
        .satisfies(
            failure -> assertThat(failure.reason()).isInstanceOf(DirectoryNotEmptyException.class));
    assertThatThrownBy(() -> SmallFiles.replace(directory.resolve("none/record"), NEW))
        .asInstanceOf(type(SmallFiles.NotWrittenException.class))
        .satisfies(failure -> assertThat(failure.reason()).isInstanceOf(NoSuchFileException.class));

    assertThat(record).hasContent("old");
  }

  @Test
  void aDirectoryInThePlaceOfTheFileIsNotReplaced() throws IOException {
    Files.createDirectories(record.resolve("full"));

    assertThatThrownBy(() -> SmallFiles.replace(record, NEW)).isInstanceOf(IOException.class);

    assertThat(record.resolve("full")).isDirectory();
  }

  @Test
  void sweepsTemporaryFilesAlone() throws IOException {
    Files.writeString(record, "old");
    Files.writeString(directory.resolve(".tmp-record"), "a part");
    Files.writeString(directory.resolve(".other"), "other's");

    SmallFiles.sweep(directory);

    assertThat(Files.exists(directory.resolve(".tmp-record"))).isFalse();
    assertThat(record).exists();
    assertThat(directory.resolve(".other")).exists();
  }

  @Test
  void deletesWhatMayBeGoneAlready() throws IOException {
    SmallFiles.replace(record, NEW);

    SmallFiles.delete(record);
    SmallFiles.delete(record);

    assertThat(record).doesNotExist();
  }

  @Test
  void makesADirectoryForThisUserAloneAndThoseAboveIt() throws IOException {
    Path deep = directory.resolve("a/b");

    assertThat(SmallFiles.createDirectory(deep)).isEqualTo(deep);
    assertThat(SmallFiles.createDirectory(deep)).isEqualTo(deep);
    Files.writeString(record, "in the way");

    assertThat(mode(deep)).isEqualTo("rwx------");
    assertThatThrownBy(() -> SmallFiles.createDirectory(record)).isInstanceOf(IOException.class);
  }

  private static String mode(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }
}
