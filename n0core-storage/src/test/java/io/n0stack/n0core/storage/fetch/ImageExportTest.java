package io.n0stack.n0core.storage.fetch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageExportTest {
  private static final byte[] CONTENT = Contents.random(1_000_001);

  @TempDir
  Path directory;

  @Test
  void allBytesAreReadAndHashed() throws IOException {
    Path image = Files.write(directory.resolve("image"), CONTENT);
    try (ImageExport export = ImageExport.open(image, Digest.Algorithm.SHA512)) {
      assertThat(export.sizeBytes()).isEqualTo(CONTENT.length);
      assertThat(export.stream().readAllBytes()).isEqualTo(CONTENT);
      assertThat(export.digest(Digest.Algorithm.SHA256)).isEqualTo(Contents.sha256(CONTENT));
      assertThat(export.digest(Digest.Algorithm.SHA512))
          .isEqualTo(Contents.digest(Digest.Algorithm.SHA512, CONTENT));
    }
  }

  @Test
  void aChannelGetsAllAndTheListenerHears() throws IOException {
    Path image = Files.write(directory.resolve("image"), CONTENT);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    List<Long> heard = new ArrayList<>();
    try (ImageExport export = ImageExport.open(image)) {
      Digest digest =
          export.writeTo(Channels.newChannel(out), (received, total) -> heard.add(received));

      assertThat(digest).isEqualTo(Contents.sha256(CONTENT));
      assertThat(out.toByteArray()).isEqualTo(CONTENT);
      assertThat(heard).isSorted().endsWith((long) CONTENT.length);
    }
  }

  @Test
  void thereIsNoDigestBeforeTheEnd() throws IOException {
    Path image = Files.write(directory.resolve("image"), CONTENT);
    try (ImageExport export = ImageExport.open(image)) {
      assertThat(export.stream().read(new byte[10])).isEqualTo(10);
      assertThatThrownBy(() -> export.digest(Digest.Algorithm.SHA256))
          .isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void aFileThatShrinksIsNotTakenForWhole() throws IOException {
    Path image = Files.write(directory.resolve("image"), CONTENT);
    try (ImageExport export = ImageExport.open(image)) {
      Files.write(image, new byte[10]);
      Contents.refused(
          N0Exception.Code.UNAVAILABLE,
          "shorter",
          () ->
              export.writeTo(Channels.newChannel(new ByteArrayOutputStream()), FetchListener.NONE));
    }
  }

  @Test
  void onlyRegularFilesAreOpened() throws IOException {
    Path link = Files.createSymbolicLink(directory.resolve("link"), Path.of("/etc/passwd"));
    for (Path path : List.of(link, directory, Path.of("/dev/zero"))) {
      Contents.refused(
          N0Exception.Code.INVALID, "must be a regular file", () -> ImageExport.open(path));
    }
    Contents.refused(
        N0Exception.Code.NOT_FOUND,
        "no such file",
        () -> ImageExport.open(directory.resolve("none")));
  }
}
