package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class Qcow2HeaderTest {
  @TempDir
  Path directory;

  @Test
  void aPlainHeaderIsRead() throws IOException {
    Qcow2Header header = Qcow2Header.read(written(HandMade.image()));

    assertThat(header.version()).isEqualTo(3);
    assertThat(header.sizeBytes()).isEqualTo(1 << 20);
    assertThat(header.clusterSizeBytes()).isEqualTo(512);
    assertThat(header.refcountBits()).isEqualTo(16);
    assertThat(header.l1Size()).isEqualTo(32);
    assertThat(header.backingFile()).isEmpty();
    assertThat(header.dataFile()).isEmpty();
    assertThat(header.snapshots().count()).isZero();
  }

  @Test
  void backingFileAndFormatAreRead() throws IOException {
    Qcow2Header header = Qcow2Header.read(written(HandMade.withBacking("/images/base,1 é.qcow2")));

    assertThat(header.backingFile()).contains("/images/base,1 é.qcow2");
    assertThat(header.backingFormat()).contains("qcow2");
  }

  @Test
  void snapshotNamesAreReadInOrder() throws IOException {
    assertThat(Qcow2Header.snapshotNames(written(HandMade.withSnapshots("before", "after"))))
        .containsExactly("before", "after");
  }

  static Stream<Arguments> oddities() {
    return Stream.of(
        odd("image.magic", bytes -> bytes.putInt(0, 0x514649fa)),
        odd("image.version", bytes -> bytes.putInt(4, 4)),
        odd("image.clusterBits", bytes -> bytes.putInt(20, 8)),
        odd("image.clusterBits", bytes -> bytes.putInt(20, 22)),
        odd("image.clusterBits", bytes -> bytes.putLong(72, 16)),
        odd("image.size", bytes -> bytes.putLong(24, Long.MIN_VALUE)),
        odd("image.encryption", bytes -> bytes.putInt(32, 3)),
        odd("image.l1Size", bytes -> bytes.putInt(36, 31)),
        odd("image.l1Size", bytes -> bytes.putInt(36, -1)),
        odd("image.l1Size", bytes -> bytes.putInt(36, (32 << 20) / 8 + 1)),
        odd("image.l1Offset", bytes -> bytes.putLong(40, 513)),
        odd("image.l1Offset", bytes -> bytes.putLong(40, 1L << 40)),
        odd("image.l1Offset", bytes -> bytes.putLong(40, -512)),
        odd("image.refcountTableClusters", bytes -> bytes.putInt(56, 0)),
        odd("image.refcountTableClusters", bytes -> bytes.putInt(56, -1)),
        odd("image.refcountTableOffset", bytes -> bytes.putLong(48, 0)),
        odd("image.refcountOrder", bytes -> bytes.putInt(96, 7)),
        odd("image.headerLength", bytes -> bytes.putInt(100, 103)),
        odd("image.headerLength", bytes -> bytes.putInt(100, 1024)),
        odd("image.compressionType", bytes -> bytes.putInt(100, 112).put(104, (byte) 1)),
        odd("image.compressionType", bytes -> bytes.putLong(72, 8)),
        odd("image.snapshotCount", bytes -> bytes.putInt(60, 65537)),
        odd("image.snapshotsOffset", bytes -> bytes.putInt(60, 1)),
        odd("image.snapshotsOffset", bytes -> bytes.putInt(60, 65536).putLong(64, 4096)),
        odd("image.backingFileLength", bytes -> bytes.putLong(8, 200).putInt(16, 1024)),
        odd("image.backingFileOffset", bytes -> bytes.putLong(8, 1L << 40).putInt(16, 5)),
        odd("image.backingFileOffset", bytes -> bytes.putLong(8, 508).putInt(16, 5)),
        odd("image.backingFile", bytes -> bytes.putLong(8, 200).putInt(16, 5)),
        odd(
            "image.backingFile",
            bytes -> bytes.putLong(8, 200).putInt(16, 1).put(200, (byte) 0xff)),
        odd("image.extensionLength", bytes -> bytes.putInt(104, 7).putInt(108, -1)),
        odd("image.backingFormatLength", bytes -> bytes.putInt(104, 0xe2792aca).putInt(108, 16)));
  }

  private static Arguments odd(String field, UnaryOperator<ByteBuffer> change) {
    return Arguments.of(field, change);
  }

  @ParameterizedTest(name = "{index} {0}")
  @MethodSource("oddities")
  void whatIsOddIsRefusedByField(String field, UnaryOperator<ByteBuffer> change)
      throws IOException {
    Path image = written(change.apply(HandMade.image()));

    assertThatThrownBy(() -> Qcow2Header.read(image))
        .isInstanceOfSatisfying(N0Exception.class, e -> {
          assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID);
          assertThat(e.subject()).isEqualTo(field);
          assertThat(e).hasMessageContaining("must");
        });
  }

  private Path written(ByteBuffer bytes) throws IOException {
    Path image = directory.resolve("image.qcow2");
    // ext4 flushes a file that is truncated and written again, which takes milliseconds.
    Files.deleteIfExists(image);
    return Files.write(image, HandMade.bytes(bytes));
  }
}
