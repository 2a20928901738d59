package io.n0stack.n0core.storage.qcow2;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Encodes the first cluster of a new image. Offsets: QEMU's docs/interop/qcow2.txt, "Header". */
final class HeaderWriter {
  private static final int VERSION = 3;
  private static final int FIXED_BYTES = 112; // with the compression type and its padding
  private static final int EXTENSION_END = 0;
  private static final int EXTENSION_BACKING_FORMAT = 0xe2792aca;
  private static final int EXTENSION_FEATURE_NAMES = 0x6803f857;
  private static final int EXTENSION_HEAD_BYTES = 8;
  private static final long INCOMPATIBLE_COMPRESSION = 1 << 3;
  private static final long INCOMPATIBLE_EXTENDED_L2 = 1 << 4;
  private static final long COMPATIBLE_LAZY_REFCOUNTS = 1;
  // QEMU spares smaller clusters the names, to have room for that of the backing file.
  private static final int MOST_CLUSTER_BYTES_WITHOUT_NAMES = 4096;
  private static final byte[] FEATURE_NAMES = featureNames();

  private HeaderWriter() {}

  /** Returns how many bytes the header takes, with the name of the backing file behind it. */
  static int length(int clusterSizeBytes, Optional<Qcow2Options.Backing> backing) {
    int length = FIXED_BYTES + EXTENSION_HEAD_BYTES;
    if (clusterSizeBytes > MOST_CLUSTER_BYTES_WITHOUT_NAMES) {
      length += EXTENSION_HEAD_BYTES + FEATURE_NAMES.length;
    }
    if (backing.isPresent()) {
      length += EXTENSION_HEAD_BYTES + padded(backing.get().formatBytes().length);
      length += backing.get().nameBytes().length;
    }
    return length;
  }

  static ByteBuffer bytes(Qcow2Options options, CreationLayout layout) {
    ByteBuffer header = ByteBuffer.allocate(length(options.clusterSizeBytes(), options.backing()));
    putFixed(header, options, layout);
    header.position(FIXED_BYTES);
    options
        .backing()
        .ifPresent(
            backing -> putExtension(header, EXTENSION_BACKING_FORMAT, backing.formatBytes()));
    if (options.clusterSizeBytes() > MOST_CLUSTER_BYTES_WITHOUT_NAMES) {
      putExtension(header, EXTENSION_FEATURE_NAMES, FEATURE_NAMES);
    }
    putExtension(header, EXTENSION_END, new byte[0]);
    options.backing().ifPresent(backing -> {
      byte[] name = backing.nameBytes();
      header.putLong(8, header.position()).putInt(16, name.length).put(name);
    });
    return header.flip();
  }

  private static void putFixed(ByteBuffer header, Qcow2Options options, CreationLayout layout) {
    boolean zstd = options.compression() == Qcow2Compression.ZSTD;
    long incompatible = (zstd ? INCOMPATIBLE_COMPRESSION : 0)
        | (options.has(Qcow2Options.Feature.EXTENDED_L2) ? INCOMPATIBLE_EXTENDED_L2 : 0);
    long compatible =
        options.has(Qcow2Options.Feature.LAZY_REFCOUNTS) ? COMPATIBLE_LAZY_REFCOUNTS : 0;
    header.putInt(0, Qcow2Header.MAGIC).putInt(4, VERSION);
    header.putInt(20, options.clusterBits()).putLong(24, options.sizeBytes());
    header.putInt(36, layout.l1Entries()).putLong(40, layout.l1Offset());
    header.putLong(48, layout.tableOffset()).putInt(56, layout.tableClusters());
    header.putLong(72, incompatible).putLong(80, compatible);
    header.putInt(96, Integer.numberOfTrailingZeros(options.refcountBits()));
    header.putInt(100, FIXED_BYTES).put(104, (byte) (zstd ? 1 : 0));
  }

  private static void putExtension(ByteBuffer header, int type, byte[] data) {
    int start = header.putInt(type).putInt(data.length).position();
    header.put(data).position(start + padded(data.length));
  }

  private static int padded(int length) {
    return (length + 7) / 8 * 8;
  }

  /** Names the features for a reader that does not know them, in the words and order of QEMU. */
  private static byte[] featureNames() {
    ByteBuffer names = ByteBuffer.allocate(8 * 48);
    putName(names, 0, 0, "dirty bit");
    putName(names, 0, 1, "corrupt bit");
    putName(names, 0, 2, "external data file");
    putName(names, 0, 3, "compression type");
    putName(names, 0, 4, "extended L2 entries");
    putName(names, 1, 0, "lazy refcounts");
    putName(names, 2, 0, "bitmaps");
    putName(names, 2, 1, "raw external data");
    return names.array();
  }

  private static void putName(ByteBuffer names, int kind, int bit, String name) {
    int start = names.position();
    names.put((byte) kind).put((byte) bit).put(name.getBytes(StandardCharsets.US_ASCII));
    names.position(start + 48);
  }
}
