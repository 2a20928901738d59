package io.n0stack.n0core.storage.file;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PreallocationTest {
  private static final long SIZE = (10L << 20) + 5;

  @TempDir
  Path directory;

  private Path file;

  @BeforeEach
  void writeFile() throws IOException {
    file = Files.writeString(directory.resolve("disk.raw"), "guest's");
  }

  @Test
  void reservesAllBlocksAndKeepsWhatIsThere() throws Exception {
    List<Long> reached = new ArrayList<>();

    Preallocation.reserve(file, SIZE, (done, total) -> reached.add(done));

    assertThat(Files.size(file)).isEqualTo(SIZE);
    assertThat(Layouts.allocated(file)).isGreaterThanOrEqualTo(SIZE);
    assertThat(reached).containsExactly(SIZE);
    requireContent();
    Preallocation.reserve(file, 1, FileProgress.NONE);
    assertThat(Files.size(file)).isEqualTo(SIZE);
  }

  @Test
  void writesZerosBehindWhatIsThere() throws Exception {
    List<Long> reached = new ArrayList<>();

    Preallocation.fill(file, SIZE, (done, total) -> reached.add(done));

    assertThat(Files.size(file)).isEqualTo(SIZE);
    assertThat(Layouts.allocated(file)).isGreaterThanOrEqualTo(SIZE);
    assertThat(reached).isSorted().hasSize(3).endsWith(SIZE);
    requireContent();
    Preallocation.fill(file, 1, FileProgress.NONE);
    assertThat(Files.size(file)).isEqualTo(SIZE);
  }

  private void requireContent() throws IOException {
    byte[] content = new byte[(int) SIZE];
    byte[] first = "guest's".getBytes(UTF_8);
    System.arraycopy(first, 0, content, 0, first.length);
    assertThat(file).hasBinaryContent(content);
  }

  @Test
  void whatTheListenerThrowsEndsItAndTheLengthIsAsBefore() {
    IllegalStateException enough = new IllegalStateException("enough");
    FileProgress impatient = (done, total) -> {
      throw enough;
    };

    assertThatThrownBy(() -> Preallocation.reserve(file, SIZE, impatient)).isSameAs(enough);
    assertThatThrownBy(() -> Preallocation.fill(file, SIZE, impatient)).isSameAs(enough);

    assertThat(file).hasContent("guest's");
    assertThat(Layouts.allocated(file)).isLessThan(SIZE);
  }

  @Test
  void moreThanThereIsIsRefusedBeforeAnythingIsTaken() {
    FileSystemSpace space = FileSystemSpace.of(directory);
    long more = space.totalBytes() * 2;

    assertThat(space.availableBytes()).isPositive().isLessThanOrEqualTo(space.freeBytes());
    assertThat(space.freeBytes()).isLessThanOrEqualTo(space.totalBytes());
    assertThat(space.totalBytes()).isEqualTo(directory.toFile().getTotalSpace());
    for (Runnable call : List.<Runnable>of(
        () -> Preallocation.reserve(file, more, FileProgress.NONE),
        () -> Preallocation.fill(file, more, FileProgress.NONE))) {
      assertThatThrownBy(call::run)
          .hasMessageStartingWith("allocate \"" + file + "\": needs ")
          .asInstanceOf(type(N0Exception.class))
          .returns(N0Exception.Code.EXHAUSTED, N0Exception::code);
    }
    assertThat(file).hasContent("guest's");
  }

  @Test
  void linksDirectoriesAndSizesThatAreNoneAreRefused() throws Exception {
    Path link = Files.createSymbolicLink(directory.resolve("link"), file);

    assertThatThrownBy(() -> Preallocation.reserve(link, SIZE, FileProgress.NONE))
        .hasMessageContaining("(ELOOP)");
    assertThatThrownBy(() -> Preallocation.fill(directory, SIZE, FileProgress.NONE))
        .hasMessageContaining("(EISDIR)");
    assertThatThrownBy(() -> Preallocation.reserve(file, 0, FileProgress.NONE))
        .hasMessageStartingWith("invalid sizeBytes \"0\"");
    assertThat(file).hasContent("guest's");
  }
}
