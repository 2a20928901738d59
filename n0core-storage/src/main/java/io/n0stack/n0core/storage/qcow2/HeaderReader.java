package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Decodes the first cluster of an image. Offsets: QEMU's docs/interop/qcow2.txt, "Header". */
final class HeaderReader {
  static final int FIXED_BYTES = 104;
  private static final int V2_BYTES = 72;
  private static final int NAME_BYTES = 1023;
  private static final int FORMAT_BYTES = 15;
  private static final long L1_BYTES = 32L << 20; // QCOW_MAX_L1_SIZE
  private static final long REFCOUNT_TABLE_BYTES = 8L << 20; // QCOW_MAX_REFTABLE_SIZE
  private static final int SNAPSHOTS = 65536; // QCOW_MAX_SNAPSHOTS
  private static final int EXTENSION_BACKING_FORMAT = 0xe2792aca;
  private static final int EXTENSION_DATA_FILE = 0x44415441;
  private static final int LEAST_EXTENDED_L2_BITS = 14; // 32 subclusters of 512 bytes

  private final ByteBuffer bytes;
  private final long fileLength;
  private final int clusterBits;
  private final int version;
  private Optional<String> backingFormat = Optional.empty();
  private Optional<String> dataFile = Optional.empty();

  /**
   * Takes the bytes.
   *
   * @param bytes the first cluster, or the whole file if it is shorter
   * @param fileLength length of the file
   */
  HeaderReader(ByteBuffer bytes, long fileLength) {
    this.bytes = bytes;
    this.fileLength = fileLength;
    clusterBits = clusterBits(bytes);
    version = bytes.getInt(4);
  }

  /** Checks what must be known before the rest of the first cluster is read. */
  static int clusterBits(ByteBuffer start) {
    require(start.limit() >= V2_BYTES, "image.length", start.limit(), "must hold a header");
    String magic = Integer.toHexString(start.getInt(0));
    require(start.getInt(0) == Qcow2Header.MAGIC, "image.magic", magic, "must be 514649fb");
    int version = start.getInt(4);
    require(version == 2 || version == 3, "image.version", version, "must be 2 or 3");
    int bits = start.getInt(20);
    require(bits >= 9 && bits <= 21, "image.clusterBits", bits, "must be 9 to 21");
    return bits;
  }

  Qcow2Header header() {
    int headerLength = headerLength();
    Qcow2Header.Features features = features();
    int encryption = bytes.getInt(32);
    require(encryption >= 0 && encryption <= 2, "image.encryption", encryption, "must be 0 to 2");
    requireCompression(headerLength, features);
    long size = bytes.getLong(24);
    require(size >= 0, "image.size", Long.toUnsignedString(size), "must be less than 2^63");
    int l1Size = l1Size(size, features);
    requireRefcountTable();
    Optional<String> backingFile = backingFile(headerLength);
    readExtensions(headerLength);
    return new Qcow2Header(
        version,
        size,
        clusterBits,
        refcountBits(),
        l1Size,
        encryption,
        backingFile,
        backingFormat,
        dataFile,
        features,
        snapshots());
  }

  private int headerLength() {
    if (version == 2) {
      return V2_BYTES;
    }
    require(bytes.limit() >= FIXED_BYTES, "image.length", bytes.limit(), "must hold a header");
    int length = bytes.getInt(100);
    require(
        length >= FIXED_BYTES && length <= 1 << clusterBits && length % 8 == 0,
        "image.headerLength",
        length,
        "must be a multiple of 8 from 104 to the size of a cluster");
    require(length <= bytes.limit(), "image.headerLength", length, "must lie within the file");
    return length;
  }

  private Qcow2Header.Features features() {
    if (version == 2) {
      return new Qcow2Header.Features(0, 0, 0);
    }
    Qcow2Header.Features features =
        new Qcow2Header.Features(bytes.getLong(72), bytes.getLong(80), bytes.getLong(88));
    require(
        !features.extendedL2() || clusterBits >= LEAST_EXTENDED_L2_BITS,
        "image.clusterBits",
        clusterBits,
        "must be at least 14 with extended L2 entries");
    return features;
  }

  private void requireCompression(int headerLength, Qcow2Header.Features features) {
    int type = version == 3 && headerLength > FIXED_BYTES ? bytes.get(FIXED_BYTES) & 0xff : 0;
    require(type <= 1, "image.compressionType", type, "must be 0 or 1");
    boolean stated = (features.incompatible() & 8) != 0;
    require(
        stated == (type != 0),
        "image.compressionType",
        type,
        "must be 0 exactly if incompatible feature 3 is off");
  }

  private int refcountBits() {
    int order = version == 2 ? 4 : bytes.getInt(96);
    require(order >= 0 && order <= 6, "image.refcountOrder", order, "must be 0 to 6");
    return 1 << order;
  }

  private int l1Size(long size, Qcow2Header.Features features) {
    long entries = Integer.toUnsignedLong(bytes.getInt(36));
    require(entries * 8 <= L1_BYTES, "image.l1Size", entries, "must be at most 32 MiB of entries");
    int entryBits = features.extendedL2() ? 4 : 3;
    int covered = 2 * clusterBits - entryBits; // logarithm of the bytes under one L1 entry
    long needed = (size >>> covered) + ((size & ((1L << covered) - 1)) == 0 ? 0 : 1);
    require(entries >= needed, "image.l1Size", entries, "must be at least " + needed);
    requireTable("image.l1Offset", bytes.getLong(40), entries * 8);
    return (int) entries;
  }

  private void requireRefcountTable() {
    long clusters = Integer.toUnsignedLong(bytes.getInt(56));
    require(
        clusters >= 1 && clusters << clusterBits <= REFCOUNT_TABLE_BYTES,
        "image.refcountTableClusters",
        clusters,
        "must be at least 1 and at most 8 MiB of clusters");
    requireTable("image.refcountTableOffset", bytes.getLong(48), clusters << clusterBits);
  }

  private Qcow2Header.SnapshotTable snapshots() {
    long count = Integer.toUnsignedLong(bytes.getInt(60));
    require(count <= SNAPSHOTS, "image.snapshotCount", count, "must be at most 65536");
    if (count == 0) {
      return new Qcow2Header.SnapshotTable(0, 0);
    }
    long offset = bytes.getLong(64);
    requireTable("image.snapshotsOffset", offset, count * SnapshotReader.FIXED_BYTES);
    return new Qcow2Header.SnapshotTable((int) count, offset);
  }

  private void requireTable(String field, long offset, long length) {
    if (length == 0) {
      return;
    }
    String text = Long.toUnsignedString(offset);
    long cluster = 1L << clusterBits;
    require(offset % cluster == 0, field, text, "must be a multiple of the size of a cluster");
    require(
        offset >= cluster && offset <= fileLength && length <= fileLength - offset,
        field,
        text,
        "must lie behind the header and end within the file of " + fileLength + " bytes");
  }

  private Optional<String> backingFile(int headerLength) {
    long offset = bytes.getLong(8);
    if (offset == 0) {
      return Optional.empty();
    }
    long length = Integer.toUnsignedLong(bytes.getInt(16));
    require(
        length >= 1 && length <= NAME_BYTES,
        "image.backingFileLength",
        length,
        "must be 1 to 1023");
    require(
        offset >= headerLength && offset <= bytes.limit() - length,
        "image.backingFileOffset",
        Long.toUnsignedString(offset),
        "must lie behind the header and end within the first cluster");
    return Optional.of(text("image.backingFile", (int) offset, (int) length));
  }

  private void readExtensions(int start) {
    long named = bytes.getLong(8);
    long end = named == 0 ? bytes.limit() : named;
    long at = start;
    while (at + 8 <= end) {
      int type = bytes.getInt((int) at);
      long length = Integer.toUnsignedLong(bytes.getInt((int) at + 4));
      if (type == 0) {
        return;
      }
      require(
          length <= end - at - 8,
          "image.extensionLength",
          length,
          "must end before the backing file's name and within the first cluster");
      readExtension(type, (int) at + 8, (int) length);
      at += 8 + (length + 7) / 8 * 8;
    }
  }

  private void readExtension(int type, int at, int length) {
    if (type == EXTENSION_BACKING_FORMAT) {
      require(length <= FORMAT_BYTES, "image.backingFormatLength", length, "must be at most 15");
      backingFormat = Optional.of(text("image.backingFormat", at, length));
    } else if (type == EXTENSION_DATA_FILE) {
      require(length <= NAME_BYTES, "image.dataFileLength", length, "must be at most 1023");
      dataFile = Optional.of(text("image.dataFile", at, length));
    }
  }

  /** QEMU takes a name for a C string, so one with a NUL would mean two things. */
  private String text(String field, int at, int length) {
    ByteBuffer name = bytes.slice(at, length);
    for (int i = 0; i < length; i++) {
      require(name.get(i) != 0, field, "name with byte 0", "must not hold a byte 0");
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(name).toString();
    } catch (CharacterCodingException e) {
      throw N0Exception.invalid(field, StandardCharsets.ISO_8859_1.decode(name), "must be UTF-8");
    }
  }

  private static void require(boolean holds, String field, Object value, String rule) {
    if (!holds) {
      throw N0Exception.invalid(field, value, rule);
    }
  }
}
