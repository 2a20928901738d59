package io.n0stack.n0core.storage.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.storage.Images;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SparseCopyTest {
  private static final int DATA = 40 << 20;
  private static final long SIZE = 200L << 20;

  @TempDir
  Path directory;

  private Path source;
  private Path copy;

  @BeforeEach
  void writeSource() throws IOException {
    source = directory.resolve("source");
    copy = directory.resolve("copy");
    try (FileChannel out =
        FileChannel.open(source, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      out.write(Layouts.bytes(new Random(1), DATA), 1 << 20);
      out.write(ByteBuffer.allocate(1), SIZE - 1);
      out.force(true);
    }
    Files.setLastModifiedTime(source, FileTime.fromMillis(0));
  }

  @Test
  void copiesDataAndLeavesHolesAndSaysHowFarItIs() throws Exception {
    List<Long> reached = new ArrayList<>();

    CopyResult result = SparseCopy.create(source, copy, (done, total) -> {
      assertThat(total).isEqualTo(SIZE);
      reached.add(done);
    });

    Layouts.requireCopy(source, copy, result);
    assertThat(Layouts.allocated(copy)).isLessThan(2L * DATA);
    assertThat(reached).isSorted().endsWith(SIZE);
    if (result.way() != CopyResult.Way.CLONED) {
      assertThat(reached).hasSizeGreaterThan(3);
      assertThat(result.copiedBytes()).isBetween((long) DATA, (long) DATA + (1 << 20));
    }
  }

  @Test
  void whatTheListenerThrowsEndsTheCopyAndLeavesNothing() {
    IllegalStateException enough = new IllegalStateException("enough");

    assertThatThrownBy(() -> SparseCopy.create(source, copy, (done, total) -> {
          throw enough;
        }))
        .isSameAs(enough);
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> SparseCopy.create(source, copy, FileProgress.NONE))
        .asInstanceOf(type(N0Exception.class))
        .returns(N0Exception.Code.CANCELLED, N0Exception::code);

    assertThat(Thread.interrupted()).isTrue();
    assertThat(directory.toFile().list()).containsExactly("source");
  }

  @Test
  void aSourceThatChangesMeanwhileGivesNoCopy() throws Exception {
    refusesWhile(channel -> channel.truncate(20 << 20));
    refusesWhile(channel -> channel.write(ByteBuffer.allocate(1), SIZE + 1));
    refusesWhile(channel -> channel.write(ByteBuffer.allocate(1), 0));
  }

  private interface Change {
    void to(FileChannel source) throws IOException;
  }

  private void refusesWhile(Change change) throws IOException {
    try {
      CopyResult result = SparseCopy.create(source, copy, (done, total) -> {
        try (FileChannel channel = FileChannel.open(source, StandardOpenOption.WRITE)) {
          change.to(channel);
        } catch (IOException e) {
          throw new AssertionError(e);
        }
      });
      // A clone was complete before anything could change.
      assertThat(result.way()).isEqualTo(CopyResult.Way.CLONED);
      Files.delete(copy);
    } catch (N0Exception e) {
      assertThat(e).hasMessage("copy \"" + source + "\": it was changed while it was copied");
      assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY);
    }
    assertThat(directory.toFile().list()).containsExactly("source");
    Files.delete(source);
    writeSource();
  }

  @Test
  void copiesWhateverIsWhereInAFile() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    DurableFiles files = new DurableFiles();
    for (int i = 0; i < 40; i++) {
      Layouts.write(source, random);
      try (FileDraft draft = files.draft(copy)) {
        CopyResult result = SparseCopy.into(source, draft, FileProgress.NONE);
        assertThat(Files.mismatch(source, draft.path()))
            .as("seed %s file %s", seed, i)
            .isEqualTo(-1);
        Layouts.requireCopy(source, draft.path(), result);
      }
    }
  }

  @Test
  void whatIsNoFileIsRefusedAndNothingWaits() throws Exception {
    Path pipe = directory.resolve("pipe");
    Images.run(List.of("mkfifo", pipe.toString()));

    assertThatThrownBy(() -> SparseCopy.create(pipe, copy, FileProgress.NONE))
        .hasMessage("invalid source \"" + pipe + "\": must be a regular file");
    assertThatThrownBy(() -> SparseCopy.create(directory, copy, FileProgress.NONE))
        .hasMessageContaining("must be a regular file");
    assertThatThrownBy(() -> SparseCopy.create(source, source, FileProgress.NONE))
        .hasMessageContaining("exists already");
    try (FileDraft draft = new DurableFiles().draft(copy)) {
      Files.writeString(draft.path(), "something");
      assertThatThrownBy(() -> SparseCopy.into(source, draft, FileProgress.NONE))
          .hasMessageContaining("it is not empty");
    }
    assertThat(copy).doesNotExist();
  }
}
