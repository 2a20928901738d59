package io.n0stack.n0core.storage.qcow2;

import static io.n0stack.n0core.storage.qcow2.Checks.require;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.util.HashSet;
import java.util.Set;

/** Checks what QEMU loads when it opens an image with bitmaps. Entries: docs/interop/qcow2.txt, "Bitmaps". */
final class BitmapTables {
  private static final long RESERVED = 0xff000000000001feL; // BME_TABLE_ENTRY_RESERVED_MASK
  private static final long OFFSET = 0x00fffffffffffe00L;
  private static final long MOST_DIRECTORY_BYTES = 4 << 20;
  private static final long MOST_TABLE_BYTES = 32 << 20;

  private final Qcow2Header header;
  private final FileWindow window;
  private final Set<String> names = new HashSet<>();
  private long tableBytes;

  private BitmapTables(FileChannel file, Qcow2Header header) {
    this.header = header;
    window = new FileWindow(file, "image.bitmap.tableOffset", FileWindow.BYTES);
  }

  static void check(FileChannel file, Qcow2Header header) throws IOException {
    long directory =
        header.bitmapDirectory().map(Qcow2Extension.Bitmaps::sizeBytes).orElse(0L);
    require(
        directory <= MOST_DIRECTORY_BYTES,
        "image.bitmapDirectorySize",
        directory,
        "must be at most 4 MiB");
    BitmapTables tables = new BitmapTables(file, header);
    for (Qcow2Bitmap bitmap : Qcow2Bitmap.list(file, header)) {
      tables.check(bitmap);
    }
  }

  private void check(Qcow2Bitmap bitmap) throws IOException {
    require(names.add(bitmap.name()), "image.bitmap.name", bitmap.name(), "must be unique");
    if (bitmap.flags().contains(Qcow2Bitmap.Flag.IN_USE)) {
      return; // means nothing and is not loaded
    }
    require(
        bitmap.tableSize() == neededEntries(bitmap),
        "image.bitmap.tableSize",
        bitmap.tableSize(),
        "must be " + neededEntries(bitmap) + " for the disk");
    long length = bitmap.tableSize() * 8L;
    tableBytes += length;
    require(
        tableBytes <= MOST_TABLE_BYTES,
        "image.bitmap.tables",
        tableBytes,
        "must be at most 32 MiB in all");
    for (long i = 0; i < length; i += 8) {
      int at = window.at(bitmap.tableOffset() + i, 8, length - i);
      checkEntry(window.bytes().getLong(at));
    }
  }

  /** Bits are stored in words of 64. */
  private long neededEntries(Qcow2Bitmap bitmap) {
    long bits = divideUp(header.sizeBytes(), bitmap.granularityBytes());
    return divideUp(divideUp(bits, 64) * 8, header.clusterSizeBytes());
  }

  private static long divideUp(long value, long by) {
    return value / by + (value % by == 0 ? 0 : 1);
  }

  private void checkEntry(long entry) {
    long offset = entry & OFFSET;
    boolean sound = (entry & RESERVED) == 0
        && (offset == 0 || (entry & 1) == 0)
        && offset % header.clusterSizeBytes() == 0;
    require(
        sound,
        "image.bitmap.tableEntry",
        "0x" + Long.toHexString(entry),
        "must be a cluster, or 0 or 1");
  }
}
