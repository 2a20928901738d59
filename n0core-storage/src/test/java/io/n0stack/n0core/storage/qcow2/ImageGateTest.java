package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageGateTest {
  @TempDir
  Path directory;

  @Test
  void aPlainImagePasses() throws IOException {
    ImageGate.Inspected found =
        ImageGate.standard().inspect(written(HandMade.image()), ImageFormat.QCOW2);

    assertThat(found.sizeBytes()).isEqualTo(1 << 20);
    assertThat(found.header()).isPresent();
  }

  @Test
  void aRawImageIsNeverProbedAndRoundedUpToSectors() throws IOException {
    Path image = written(HandMade.withBacking("/etc/passwd"));
    Files.write(image, new byte[1], java.nio.file.StandardOpenOption.APPEND);

    ImageGate.Inspected found = ImageGate.standard().inspect(image, ImageFormat.RAW);

    assertThat(found.header()).isEmpty();
    assertThat(found.sizeBytes()).isEqualTo(10 * 512);
  }

  @Test
  void whatNamesOtherFilesOrCannotBeUnderstoodIsRefused() throws IOException {
    requireRefused("image.backingFile", HandMade.withBacking("/etc/passwd"));
    requireRefused("image.backingFile", HandMade.withBacking("json:{\"driver\":\"nbd\"}"));
    requireRefused(
        "image.dataFile",
        HandMade.extension(HandMade.image().putLong(72, 4), 104, 0x44415441, "/etc/passwd"));
    requireRefused("image.dataFile", HandMade.image().putLong(72, 4));
    requireRefused(
        "image.dataFile", HandMade.extension(HandMade.image(), 104, 0x44415441, "/etc/passwd"));
    requireRefused("image.incompatibleFeatures", HandMade.image().putLong(72, 32));
    requireRefused("image.incompatibleFeatures", HandMade.image().putLong(72, 2));
    requireRefused("image.encryption", HandMade.image().putInt(32, 2));
    requireRefused("image.size", HandMade.image().putLong(24, 0).putInt(36, 0));
    requireRefused("image.size", HandMade.image().putLong(24, 1000));
    requireRefused("image.magic", ByteBuffer.allocate(4096));
    requireRefused("image.length", ByteBuffer.allocate(3));
  }

  @Test
  void aVirtualSizeAboveTheLimitIsRefused() throws IOException {
    Path image = written(HandMade.image());

    assertThat(ImageGate.limitedTo(1 << 20).inspect(image, ImageFormat.QCOW2)).isNotNull();
    assertThatThrownBy(() -> ImageGate.limitedTo((1 << 20) - 1).inspect(image, ImageFormat.QCOW2))
        .hasMessageContaining("image.size");
  }

  @Test
  void linksDirectoriesAndWhatIsMissingAreRefused() throws IOException {
    Path image = written(HandMade.image());
    Path link = Files.createSymbolicLink(directory.resolve("link.qcow2"), image);

    requireCode(link, N0Exception.Code.INVALID);
    requireCode(directory, N0Exception.Code.INVALID);
    requireCode(Path.of("/dev/zero"), N0Exception.Code.INVALID);
    requireCode(Path.of("relative.qcow2"), N0Exception.Code.INVALID);
    requireCode(directory.resolve("../x.qcow2"), N0Exception.Code.INVALID);
    requireCode(directory.resolve("missing.qcow2"), N0Exception.Code.NOT_FOUND);
  }

  private void requireRefused(String field, ByteBuffer bytes) throws IOException {
    Path image = written(bytes);
    assertThatThrownBy(() -> ImageGate.standard().inspect(image, ImageFormat.QCOW2))
        .isInstanceOfSatisfying(N0Exception.class, e -> {
          assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID);
          assertThat(e.subject()).isEqualTo(field);
        });
  }

  private static void requireCode(Path image, N0Exception.Code code) {
    assertThatThrownBy(() -> ImageGate.standard().inspect(image, ImageFormat.QCOW2))
        .isInstanceOfSatisfying(N0Exception.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  private Path written(ByteBuffer bytes) throws IOException {
    return Files.write(directory.resolve("image.qcow2"), HandMade.bytes(bytes));
  }
}
