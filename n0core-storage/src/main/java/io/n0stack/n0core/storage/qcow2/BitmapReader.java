package io.n0stack.n0core.storage.qcow2;

import static io.n0stack.n0core.storage.qcow2.Checks.require;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.EnumSet;
import java.util.Set;
import java.util.function.Consumer;

/** Decodes the bitmap directory. Offsets: QEMU's docs/interop/qcow2.txt, "Bitmaps". */
final class BitmapReader {
  private static final int FIXED_BYTES = 24;
  private static final int MOST_TABLE_ENTRIES = 0x8000000; // BME_MAX_TABLE_SIZE
  private static final long MOST_BYTES = 0x20000000; // BME_MAX_PHYS_SIZE
  private static final int DIRTY_TRACKING = 1;

  private final FileChannel file;
  private final Qcow2Header header;
  private final FileWindow window;

  BitmapReader(FileChannel file, Qcow2Header header) {
    this.file = file;
    this.header = header;
    window = new FileWindow(file, "image.bitmap.offset", FileWindow.BYTES);
  }

  /** Shows all, one after the other, in constant memory. */
  void forEach(Consumer<Qcow2Bitmap> reader) throws IOException {
    if (header.bitmapDirectory().isEmpty()) {
      return;
    }
    Qcow2Extension.Bitmaps directory = header.bitmapDirectory().get();
    Checks.Layout layout = new Checks.Layout(header.clusterBits(), file.size());
    long at = directory.offset();
    long end = at + directory.sizeBytes();
    for (int i = 0; i < directory.count(); i++) {
      requireWithin(at + FIXED_BYTES, end);
      int fixed = window.at(at, FIXED_BYTES, end - at);
      int name = Short.toUnsignedInt(window.bytes().getShort(fixed + 18));
      int extra = window.bytes().getInt(fixed + 20);
      require(
          name <= HeaderReader.NAME_BYTES, "image.bitmap.nameLength", name, "must be at most 1023");
      require(extra == 0, "image.bitmap.extraDataLength", extra, "must be 0");
      int length = FIXED_BYTES + name;
      requireWithin(at + (length + 7L) / 8 * 8, end);
      fixed = window.at(at, length, end - at);
      reader.accept(bitmap(window.bytes().slice(fixed, length), layout));
      at += (length + 7L) / 8 * 8;
    }
    require(
        at == end,
        "image.bitmapDirectorySize",
        directory.sizeBytes(),
        "must be that of the bitmaps it holds");
  }

  private static void requireWithin(long position, long end) {
    require(
        position <= end, "image.bitmap.offset", position, "must end within the bitmap directory");
  }

  private Qcow2Bitmap bitmap(ByteBuffer entry, Checks.Layout layout) {
    long tableSize = Integer.toUnsignedLong(entry.getInt(8));
    int flags = entry.getInt(12);
    int type = entry.get(16) & 0xff;
    int granularityBits = entry.get(17) & 0xff;
    require(
        tableSize >= 1
            && tableSize <= MOST_TABLE_ENTRIES
            && tableSize << header.clusterBits() <= MOST_BYTES,
        "image.bitmap.tableSize",
        tableSize,
        "must be at least 1 and at most 512 MiB of clusters");
    Checks.requireTable(layout, "image.bitmap.tableOffset", entry.getLong(0), tableSize * 8);
    require((flags & ~3) == 0, "image.bitmap.flags", flags, "must be of bits 0 and 1");
    require(type == DIRTY_TRACKING, "image.bitmap.type", type, "must be 1");
    require(
        granularityBits >= 9 && granularityBits <= 31,
        "image.bitmap.granularityBits",
        granularityBits,
        "must be 9 to 31");
    requireLargeEnough(flags, tableSize, granularityBits);
    return new Qcow2Bitmap(
        Checks.shownText(
            "image.bitmap.name", entry.slice(FIXED_BYTES, entry.limit() - FIXED_BYTES)),
        1L << granularityBits,
        flags(flags),
        entry.getLong(0),
        (int) tableSize);
  }

  /** Allows a bitmap in use to be too small, as one is that was not stored after the disk grew. */
  private void requireLargeEnough(int flags, long tableSize, int granularityBits) {
    long covered = tableSize << (header.clusterBits() + 3); // at most 2^32
    long units = header.sizeBytes() >>> granularityBits;
    long rest = header.sizeBytes() & ((1L << granularityBits) - 1);
    require(
        (flags & 1) != 0 || units + (rest == 0 ? 0 : 1) <= covered,
        "image.bitmap.tableSize",
        tableSize,
        "must cover the disk");
  }

  private static Set<Qcow2Bitmap.Flag> flags(int bits) {
    Set<Qcow2Bitmap.Flag> flags = EnumSet.noneOf(Qcow2Bitmap.Flag.class);
    if ((bits & 1) != 0) {
      flags.add(Qcow2Bitmap.Flag.IN_USE);
    }
    if ((bits & 2) != 0) {
      flags.add(Qcow2Bitmap.Flag.AUTO);
    }
    return flags;
  }
}
