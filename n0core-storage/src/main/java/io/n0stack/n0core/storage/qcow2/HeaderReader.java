package io.n0stack.n0core.storage.qcow2;

import static io.n0stack.n0core.storage.qcow2.Checks.require;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;

/** Decodes the first cluster of an image. Offsets: QEMU's docs/interop/qcow2.txt, "Header". */
final class HeaderReader {
  static final int FIXED_BYTES = 104;
  static final int V2_BYTES = 72;
  static final int NAME_BYTES = 1023;
  private static final long L1_BYTES = 32L << 20; // QCOW_MAX_L1_SIZE
  private static final long REFCOUNT_TABLE_BYTES = 8L << 20; // QCOW_MAX_REFTABLE_SIZE
  private static final int SNAPSHOTS = 65536; // QCOW_MAX_SNAPSHOTS
  private static final int LEAST_EXTENDED_L2_BITS = 14; // 32 subclusters of 512 bytes

  private final ByteBuffer bytes;
  private final Checks.Layout layout;
  private final int clusterBits;
  private final int version;
  private final int whole;

  /**
   * Takes the bytes.
   *
   * @param bytes the beginning of the file, at least 104 bytes of it or all
   * @param fileLength length of the file, {@code Long.MAX_VALUE} if it is not known
   */
  HeaderReader(ByteBuffer bytes, long fileLength) {
    this.bytes = bytes;
    clusterBits = clusterBits(bytes);
    layout = new Checks.Layout(clusterBits, fileLength);
    version = bytes.getInt(4);
    whole = (int) Math.min(fileLength, 1L << clusterBits);
  }

  /** Checks what must be known before the rest of the first cluster is read. */
  static int clusterBits(ByteBuffer start) {
    require(start.limit() >= V2_BYTES, "image.length", start.limit(), "must hold a header");
    requireMagic(start);
    int bits = start.getInt(20);
    require(bits >= 9 && bits <= 21, "image.clusterBits", bits, "must be 9 to 21");
    return bits;
  }

  /** Checks the first eight bytes. */
  static void requireMagic(ByteBuffer start) {
    String magic = Integer.toHexString(start.getInt(0));
    require(start.getInt(0) == Qcow2Header.MAGIC, "image.magic", magic, "must be 514649fb");
    int version = start.getInt(4);
    require(version == 2 || version == 3, "image.version", version, "must be 2 or 3");
  }

  /** What the fixed fields say, before names and extensions are looked at. */
  record Fixed(
      int headerLength,
      Qcow2Header.Features features,
      long sizeBytes,
      int encryption,
      Qcow2Compression compression,
      boolean namesBackingFile) {}

  Fixed fixed() throws MoreBytesNeeded {
    int headerLength = headerLength();
    Qcow2Header.Features features = features();
    int encryption = bytes.getInt(32);
    require(encryption >= 0 && encryption <= 2, "image.encryption", encryption, "must be 0 to 2");
    Qcow2Compression compression = compression(headerLength, features);
    long size = bytes.getLong(24);
    require(size >= 0, "image.size", Long.toUnsignedString(size), "must be less than 2^63");
    boolean backing = bytes.getLong(8) != 0;
    return new Fixed(headerLength, features, size, encryption, compression, backing);
  }

  Qcow2Header header() throws MoreBytesNeeded {
    Fixed fixed = fixed();
    Qcow2Header.Features features = fixed.features();
    Qcow2Header.Tables tables = tables(fixed.sizeBytes(), features);
    int refcountBits = refcountBits();
    requireBackingFilePlace(fixed.headerLength());
    long end = fixed.namesBackingFile() ? bytes.getLong(8) : 1L << clusterBits;
    List<Qcow2Extension> extensions = new ExtensionReader(
            bytes, layout, fixed.encryption(), features.autoclear())
        .read(fixed.headerLength(), end, whole);
    return new Qcow2Header(
        version,
        fixed.sizeBytes(),
        clusterBits,
        refcountBits,
        fixed.headerLength(),
        fixed.encryption(),
        fixed.compression(),
        backingFile(),
        features,
        tables,
        extensions);
  }

  private int headerLength() throws MoreBytesNeeded {
    if (version == 2) {
      return V2_BYTES;
    }
    require(whole >= FIXED_BYTES, "image.length", whole, "must hold a header");
    MoreBytesNeeded.unless(bytes.limit() >= FIXED_BYTES);
    int length = bytes.getInt(100);
    require(
        length >= FIXED_BYTES && length <= 1 << clusterBits && length % 8 == 0,
        "image.headerLength",
        length,
        "must be a multiple of 8 from 104 to the size of a cluster");
    require(length <= whole, "image.headerLength", length, "must lie within the file");
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
    require(
        !features.rawDataFile() || features.externalDataFile(),
        "image.autoclearFeatures",
        "raw data file",
        "must be set only with an external data file");
    return features;
  }

  private Qcow2Compression compression(int headerLength, Qcow2Header.Features features)
      throws MoreBytesNeeded {
    boolean present = version == 3 && headerLength > FIXED_BYTES;
    MoreBytesNeeded.unless(!present || bytes.limit() > FIXED_BYTES);
    int type = present ? bytes.get(FIXED_BYTES) & 0xff : 0;
    require(type <= 1, "image.compressionType", type, "must be 0 or 1");
    boolean stated = (features.incompatible() & 8) != 0;
    require(
        stated == (type != 0),
        "image.compressionType",
        type,
        "must be 0 exactly if incompatible feature 3 is off");
    return type == 0 ? Qcow2Compression.ZLIB : Qcow2Compression.ZSTD;
  }

  private int refcountBits() {
    int order = version == 2 ? 4 : bytes.getInt(96);
    require(order >= 0 && order <= 6, "image.refcountOrder", order, "must be 0 to 6");
    return 1 << order;
  }

  private Qcow2Header.Tables tables(long size, Qcow2Header.Features features) {
    int l1Size = l1Size(size, features);
    Checks.requireTable(layout, "image.l1Offset", bytes.getLong(40), l1Size * 8L);
    long clusters = Integer.toUnsignedLong(bytes.getInt(56));
    require(
        clusters >= 1 && clusters << clusterBits <= REFCOUNT_TABLE_BYTES,
        "image.refcountTableClusters",
        clusters,
        "must be at least 1 and at most 8 MiB of clusters");
    Checks.requireTable(
        layout, "image.refcountTableOffset", bytes.getLong(48), clusters << clusterBits);
    return new Qcow2Header.Tables(
        bytes.getLong(40), l1Size, bytes.getLong(48), (int) clusters, snapshots());
  }

  private int l1Size(long size, Qcow2Header.Features features) {
    long entries = Integer.toUnsignedLong(bytes.getInt(36));
    require(entries * 8 <= L1_BYTES, "image.l1Size", entries, "must be at most 32 MiB of entries");
    int entryBits = features.extendedL2() ? 4 : 3;
    int covered = 2 * clusterBits - entryBits; // logarithm of the bytes under one L1 entry
    long needed = (size >>> covered) + ((size & ((1L << covered) - 1)) == 0 ? 0 : 1);
    require(entries >= needed, "image.l1Size", entries, "must be at least " + needed);
    return (int) entries;
  }

  private Qcow2Header.SnapshotTable snapshots() {
    long count = Integer.toUnsignedLong(bytes.getInt(60));
    require(count <= SNAPSHOTS, "image.snapshotCount", count, "must be at most 65536");
    long offset = bytes.getLong(64);
    Checks.requireTable(
        layout, "image.snapshotsOffset", offset, count * SnapshotReader.FIXED_BYTES);
    return new Qcow2Header.SnapshotTable((int) count, count == 0 ? 0 : offset);
  }

  private void requireBackingFilePlace(int headerLength) {
    long offset = bytes.getLong(8);
    if (offset == 0) {
      return;
    }
    long length = Integer.toUnsignedLong(bytes.getInt(16));
    require(
        length >= 1 && length <= NAME_BYTES,
        "image.backingFileLength",
        length,
        "must be 1 to 1023");
    require(
        offset >= headerLength && offset <= whole - length,
        "image.backingFileOffset",
        Long.toUnsignedString(offset),
        "must lie behind the header and end within the first cluster");
  }

  private Optional<String> backingFile() throws MoreBytesNeeded {
    int offset = (int) bytes.getLong(8);
    if (offset == 0) {
      return Optional.empty();
    }
    int length = bytes.getInt(16);
    MoreBytesNeeded.unless(offset + length <= bytes.limit());
    return Optional.of(Checks.strictText("image.backingFile", bytes.slice(offset, length)));
  }
}
