package io.n0stack.n0core.storage.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.storage.ImageFormat;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class HostileImageTest {
  private static final int CLUSTER = HandMade.CLUSTER;
  private static final int L2 = HandMade.L2;
  private static final int BITMAPS = HandMade.BITMAPS;
  private static final int SNAPSHOTS = HandMade.SNAPSHOTS;

  @TempDir
  Path directory;

  static Stream<Arguments> snapshots() {
    return Stream.of(
        odd("image.snapshot.l1Offset", bytes -> bytes.putLong(SNAPSHOTS, 100)),
        odd("image.snapshot.l1Offset", bytes -> bytes.putLong(SNAPSHOTS, -512)),
        odd("image.snapshot.l1Offset", bytes -> bytes.putInt(SNAPSHOTS + 8, 1)),
        odd(
            "image.snapshot.l1Offset",
            bytes -> bytes.putLong(SNAPSHOTS, 2 * CLUSTER).putInt(SNAPSHOTS + 8, 4000)),
        odd("image.snapshot.l1Size", bytes -> bytes.putInt(SNAPSHOTS + 8, (32 << 20) / 8 + 1)),
        odd("image.snapshot.l1Size", bytes -> bytes.putInt(SNAPSHOTS + 8, -1)),
        odd("image.snapshot.idLength", bytes -> bytes.putShort(SNAPSHOTS + 12, (short) 1024)),
        odd("image.snapshot.nameLength", bytes -> bytes.putShort(SNAPSHOTS + 14, (short) -1)),
        odd("image.snapshot.extraDataLength", bytes -> bytes.putInt(SNAPSHOTS + 36, 1025)),
        odd("image.snapshot.extraDataLength", bytes -> bytes.putInt(SNAPSHOTS + 36, -1)),
        odd("image.snapshot.vmStateSize", bytes -> bytes.putLong(SNAPSHOTS + 40, -1)),
        odd("image.snapshot.diskSize", bytes -> bytes.putLong(SNAPSHOTS + 48, -1)),
        odd("image.snapshot.name", bytes -> bytes.put(SNAPSHOTS + 57, (byte) 0)),
        odd("image.snapshot.offset", bytes -> bytes.putShort(SNAPSHOTS + 14, (short) 1000)),
        odd("image.snapshotsOffset", bytes -> bytes.putLong(64, SNAPSHOTS + 8)),
        odd("image.snapshotsOffset", bytes -> bytes.putInt(60, 0).putLong(64, SNAPSHOTS + 8)));
  }

  @ParameterizedTest(name = "{index} {0}")
  @MethodSource
  void snapshots(String field, UnaryOperator<ByteBuffer> change) throws IOException {
    requireRefused(field, change.apply(HandMade.withSnapshots("one")));
  }

  static Stream<Arguments> bitmaps() {
    return Stream.of(
        odd("image.bitmapsLength", bytes -> bytes.putInt(108, 16)),
        odd("image.bitmapsReserved", bytes -> bytes.putInt(116, 1)),
        odd("image.bitmapCount", bytes -> bytes.putInt(112, 0)),
        odd("image.bitmapCount", bytes -> bytes.putInt(112, 65536)),
        odd("image.bitmapDirectorySize", bytes -> bytes.putLong(120, 0)),
        odd("image.bitmapDirectorySize", bytes -> bytes.putLong(120, -1)),
        odd("image.bitmapDirectorySize", bytes -> bytes.putLong(120, 40)),
        odd("image.bitmapDirectoryOffset", bytes -> bytes.putLong(128, BITMAPS + 8)),
        odd("image.bitmapDirectoryOffset", bytes -> bytes.putLong(128, 1L << 40)),
        odd("image.bitmap.offset", bytes -> bytes.putInt(112, 2)),
        odd("image.bitmap.offset", bytes -> bytes.putShort(BITMAPS + 18, (short) 1000)),
        odd("image.bitmap.nameLength", bytes -> bytes.putShort(BITMAPS + 18, (short) 1024)),
        odd("image.bitmap.extraDataLength", bytes -> bytes.putInt(BITMAPS + 20, 1)),
        odd("image.bitmap.tableSize", bytes -> bytes.putInt(BITMAPS + 8, 0)),
        odd("image.bitmap.tableSize", bytes -> bytes.putInt(BITMAPS + 8, 2)),
        odd("image.bitmap.tableSize", bytes -> bytes.putInt(BITMAPS + 8, (1 << 20) + 1)),
        odd("image.bitmap.tableSize", bytes -> bytes.put(BITMAPS + 17, (byte) 9).putLong(24, 0)),
        odd("image.bitmap.tableOffset", bytes -> bytes.putLong(BITMAPS, 100)),
        odd("image.bitmap.tableOffset", bytes -> bytes.putLong(BITMAPS, 1L << 40)),
        odd("image.bitmap.flags", bytes -> bytes.putInt(BITMAPS + 12, 4)),
        odd("image.bitmap.type", bytes -> bytes.put(BITMAPS + 16, (byte) 0)),
        odd("image.bitmap.granularityBits", bytes -> bytes.put(BITMAPS + 17, (byte) 8)),
        odd("image.bitmap.granularityBits", bytes -> bytes.put(BITMAPS + 17, (byte) 32)),
        odd("image.bitmap.name", bytes -> bytes.put(BITMAPS + 24, (byte) 0)),
        odd("image.bitmap.tableEntry", bytes -> bytes.putLong(7 * CLUSTER, 2)),
        odd("image.bitmap.tableEntry", bytes -> bytes.putLong(7 * CLUSTER, CLUSTER | 1)));
  }

  @ParameterizedTest(name = "{index} {0}")
  @MethodSource
  void bitmaps(String field, UnaryOperator<ByteBuffer> change) throws IOException {
    ByteBuffer bytes = change.apply(HandMade.withBitmap("backup"));
    if (bytes.getLong(24) == 0) { // a small granularity, under which the table is too small
      bytes.putLong(24, 4 << 20).putInt(36, 128).putLong(40, SNAPSHOTS);
      bytes = ByteBuffer.allocate(SNAPSHOTS + 1024).put(HandMade.bytes(bytes)).position(0);
    }

    requireRefused(field, bytes);
  }

  static Stream<Arguments> maps() {
    return Stream.of(
        odd("image.l1Entry", bytes -> bytes.putLong(2 * CLUSTER, L2 + 1024 * CLUSTER)),
        odd("image.l1Entry", bytes -> bytes.putLong(2 * CLUSTER, 0x00fffffffffffe00L)),
        odd("image.l2Entry", bytes -> bytes.putInt(4, 2).putLong(72, 0)));
  }

  @ParameterizedTest(name = "{index} {0}")
  @MethodSource
  void maps(String field, UnaryOperator<ByteBuffer> change) {
    MemoryFile file = new MemoryFile(HandMade.bytes(change.apply(HandMade.withClusters())));

    assertThatThrownBy(() -> AllReaders.map(file)).hasMessageContaining(field);
  }

  @Test
  void entriesThatPointBesideClustersOrSayTwoThingsAreRefused() {
    int cluster = 16 << 10;
    UnaryOperator<ByteBuffer> odd = bytes -> bytes.putLong(3 * cluster, 4 * cluster + 512);
    requireMapRefused("image.l2Entry", odd);
    requireMapRefused("image.l2Bitmap", bytes -> bytes.putLong(3 * cluster + 8, 1L << 32 | 1));
    requireMapRefused("image.l2Bitmap", bytes -> bytes.putLong(3 * cluster + 24, 1));
    requireMapRefused("image.l1Entry", bytes -> bytes.putLong(2 * cluster, 3 * cluster + 512));
    requireMapRefused("image.l1Entry", bytes -> bytes.putLong(2 * cluster, 1L << 40));
  }

  private static void requireMapRefused(String field, UnaryOperator<ByteBuffer> change) {
    byte[] bytes = HandMade.bytes(change.apply(HandMade.withSubclusters()));

    assertThatThrownBy(() -> AllReaders.map(new MemoryFile(bytes))).hasMessageContaining(field);
  }

  static Stream<Arguments> overlaps() {
    return Stream.of(
        odd("image.l1Offset", bytes -> bytes.putLong(40, 0)),
        odd("image.tables", bytes -> bytes.putLong(40, CLUSTER)),
        odd("image.tables", bytes -> bytes.putLong(48, 2 * CLUSTER)),
        odd("image.tables", bytes -> bytes.putInt(56, 2)),
        odd("image.tables", bytes -> bytes.putLong(128, 2 * CLUSTER)),
        odd("image.tables", bytes -> bytes.putInt(60, 1).putLong(64, BITMAPS)));
  }

  @ParameterizedTest(name = "{index} {0}")
  @MethodSource
  void overlaps(String field, UnaryOperator<ByteBuffer> change) throws IOException {
    requireRefused(field, change.apply(HandMade.withBitmap("backup")));
  }

  static Stream<Arguments> luks() {
    return Stream.of(
        odd("image.luksHeader", bytes -> bytes.putInt(32, 1)),
        odd("image.luksHeader", bytes -> bytes.putInt(104, 0)),
        odd("image.luksHeaderLength", bytes -> bytes.putInt(108, 8)),
        odd("image.luksHeaderOffset", bytes -> bytes.putLong(112, L2 + 1)),
        odd("image.luksHeaderOffset", bytes -> bytes.putLong(120, 1 << 20)),
        odd("image.luksHeaderSize", bytes -> bytes.putLong(120, 591)),
        odd("image.luks.magic", bytes -> bytes.putInt(L2, 0)),
        odd("image.luks.version", bytes -> bytes.putShort(L2 + 6, (short) 2)),
        odd("image.luks.cipherName", bytes -> bytes.put(L2 + 8, (byte) 'x')),
        odd("image.luks.cipherMode", bytes -> bytes.put(L2 + 40, new byte[32])),
        odd("image.luks.hash", bytes -> bytes.put(L2 + 72, (byte) 'x')),
        odd("image.luks.keyBytes", bytes -> bytes.putInt(L2 + 108, 65)),
        odd("image.luks.payloadOffset", bytes -> bytes.putInt(L2 + 104, 7)),
        odd("image.luks.masterKeyIterations", bytes -> bytes.putInt(L2 + 164, 0)),
        odd("image.luks.slot", bytes -> bytes.putInt(L2 + 208, 1)),
        odd("image.luks.iterations", bytes -> bytes.putInt(L2 + 212, 0)),
        odd("image.luks.stripes", bytes -> bytes.putInt(L2 + 252, -1)),
        odd("image.luks.keyOffset", bytes -> bytes.putInt(L2 + 248, 0)),
        odd("image.luks.keyOffset", bytes -> bytes.putInt(L2 + 248, -1)),
        odd("image.luks.keyOffset", bytes -> bytes.putInt(L2 + 248, 20)));
  }

  @ParameterizedTest(name = "{index} {0}")
  @MethodSource
  void luks(String field, UnaryOperator<ByteBuffer> change) throws IOException {
    requireRefused(field, change.apply(HandMade.withLuks()));
  }

  @Test
  void luksIsLetThroughOnlyIfAskedForAndAesNever() throws IOException {
    byte[] luks = HandMade.bytes(HandMade.withLuks());
    byte[] aes = HandMade.bytes(HandMade.image().putInt(32, 1));
    ImageGate asked = ImageGate.standard().allowingLuks();

    assertThat(asked.qcow2(directory, new MemoryFile(luks)).sizeBytes()).isEqualTo(1 << 20);
    assertThatThrownBy(() -> ImageGate.standard().qcow2(directory, new MemoryFile(luks)))
        .hasMessageContaining("image.encryption");
    assertThatThrownBy(() -> asked.qcow2(directory, new MemoryFile(aes)))
        .hasMessageContaining("image.encryption");
  }

  @Test
  void noBeginningOfAnImageIsTakenForTheWhole() throws IOException {
    for (byte[] sound : AllReaders.soundImages()) {
      for (int length = 0; length < sound.length; length += length < 1100 ? 1 : 97) {
        byte[] cut = Arrays.copyOf(sound, length);

        AllReaders.accepts(cut, AllReaders::gate);
        AllReaders.accepts(cut, AllReaders::map);
        boolean hasHeader = AllReaders.accepts(cut, AllReaders::header);
        assertThat(hasHeader && length < 1024).as("%s bytes", length).isFalse();
      }
    }
  }

  @Test
  void bombsOfExtensionsAreRefused() throws IOException {
    int cluster = 2 << 20;
    ByteBuffer bytes = ByteBuffer.allocate(3 * cluster).put(HandMade.bytes(HandMade.image()));
    bytes.position(0).putInt(20, 21).putLong(40, 2L * cluster).putLong(48, cluster);
    requireRefused("image.extensionLength", bytes.putInt(104, 7).putInt(108, cluster));
    for (int at = 104; at < 104 + 1025 * 8; at += 8) {
      bytes.putInt(at, 7).putInt(at + 4, 0);
    }
    requireRefused("image.extensions", bytes);
    bytes.putInt(104, 7).putInt(108, cluster - 120);

    assertThat(Qcow2Header.read(new MemoryFile(HandMade.bytes(bytes))).extensions())
        .containsExactly(new Qcow2Extension.Other(7, cluster - 120));
  }

  @Test
  void bombsOfSizeAreRefused() throws IOException {
    requireRefused("image.l1Size", HandMade.image().putLong(24, Long.MAX_VALUE - 511));
    int cluster = 2 << 20;
    ByteBuffer bytes = ByteBuffer.allocate(3 * cluster).put(HandMade.bytes(HandMade.image()));
    bytes.position(0).putInt(20, 21).putLong(40, 2L * cluster).putLong(48, cluster);
    requireRefused("image.size", bytes.putLong(24, 128L << 40).putInt(36, 256));
  }

  @Test
  void bombsOfSnapshotsAreRefused() throws IOException {
    Path image = directory.resolve("image.qcow2");
    byte[] name = "x".repeat(1000).getBytes(StandardCharsets.US_ASCII);
    ByteBuffer entry = ByteBuffer.allocate(1064).put(40 + 17, name).put(56, (byte) '1');
    entry.putShort(12, (short) 1).putShort(14, (short) name.length).putInt(36, 16);
    try (FileChannel file =
        FileChannel.open(image, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      file.write(HandMade.image().putInt(60, 65536).putLong(64, SNAPSHOTS), 0);
      ByteBuffer many = ByteBuffer.allocate(1064 * 1024);
      while (many.hasRemaining()) {
        many.put(entry.duplicate());
      }
      for (int i = 0; i < 64; i++) {
        file.write(many.position(0), SNAPSHOTS + (long) i * many.capacity());
      }
    }

    assertThatThrownBy(() -> ImageGate.standard().inspect(image, ImageFormat.QCOW2))
        .isInstanceOf(N0Exception.class)
        .hasMessageContaining("image.snapshot.tableLength");
  }

  private static Arguments odd(String field, UnaryOperator<ByteBuffer> change) {
    return Arguments.of(field, change);
  }

  private void requireRefused(String field, ByteBuffer bytes) {
    MemoryFile file = new MemoryFile(HandMade.bytes(bytes));

    assertThatThrownBy(() -> ImageGate.standard().allowingLuks().qcow2(directory, file))
        .isInstanceOfSatisfying(N0Exception.class, e -> {
          assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID);
          assertThat(e.subject()).isEqualTo(field);
        });
  }
}
