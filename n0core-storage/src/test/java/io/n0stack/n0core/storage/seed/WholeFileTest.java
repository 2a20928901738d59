package io.n0stack.n0core.storage.seed;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WholeFileTest {
  private static final IsoImage IMAGE =
      IsoImage.labelled("cidata").withFile("meta-data", "{}".getBytes(UTF_8));

  @TempDir
  Path directory;

  @Test
  void theFileIsItsOwnersAlone() throws IOException {
    Path file = directory.resolve("seed.iso");

    IMAGE.write(file);

    assertThat(Files.readAllBytes(file)).isEqualTo(IMAGE.toBytes());
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(names()).containsExactly("seed.iso");
  }

  @Test
  void whoHasTheOldFileOpenKeepsItAndOthersSeeTheNew() throws IOException {
    Path file = directory.resolve("seed.iso");
    Files.writeString(file, "old");
    try (FileChannel old = FileChannel.open(file)) {
      IMAGE.write(file);

      assertThat(old.size()).isEqualTo(3);
    }
    assertThat(Files.size(file)).isEqualTo(64 << 10);
    assertThat(names()).containsExactly("seed.iso");
  }

  @Test
  void aLinkIsReplacedAndWhatItPointsToIsLeftAlone() throws IOException {
    Path other = Files.writeString(directory.resolve("other"), "other");
    Path file = Files.createSymbolicLink(directory.resolve("seed.iso"), other);

    IMAGE.write(file);

    assertThat(other).hasContent("other");
    assertThat(Files.isSymbolicLink(file)).isFalse();
  }

  @Test
  void whatCannotBeWrittenIsSaidAndLeavesNothing() throws IOException {
    Files.createDirectory(directory.resolve("taken"));
    Files.writeString(directory.resolve("file"), "");

    assertFails(directory.resolve("none/seed.iso"), N0Exception.Code.NOT_FOUND, "does not exist");
    assertFails(directory.resolve("taken"), N0Exception.Code.UNAVAILABLE, "is a directory");
    assertFails(
        directory.resolve("file/seed.iso"), N0Exception.Code.UNAVAILABLE, "Not a directory");
    assertFails(Path.of("/proc/seed.iso"), N0Exception.Code.NOT_FOUND, "/proc/seed.iso");
    assertFails(Path.of("seed.iso"), N0Exception.Code.INVALID, "absolute");
    assertThat(names()).containsExactlyInAnyOrder("taken", "file");
  }

  @Test
  void anInterruptedWriterLeavesTheOldFile() throws IOException {
    Path file = Files.writeString(directory.resolve("seed.iso"), "old");
    Thread.currentThread().interrupt();

    assertFails(file, N0Exception.Code.CANCELLED, "interrupted");

    assertThat(Thread.interrupted()).isTrue();
    assertThat(file).hasContent("old");
    assertThat(names()).containsExactly("seed.iso");
  }

  private static void assertFails(Path file, N0Exception.Code code, String reason) {
    assertThatThrownBy(() -> IMAGE.write(file))
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(reason);
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }
}
