package io.n0stack.n0core.storage.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * Finds out whether an image has many more clusters than its file has blocks, so that its data is worth
 * being looked for. As {@code qcow2_detect_metadata_preallocation} of QEMU.
 */
final class Preallocation {
  private static final long OFFSET = 0xfffffffffffffe00L;

  private final Qcow2Header header;
  private final FileWindow table;
  private final FileWindow block;
  private final int blockBits;

  private Preallocation(FileChannel file, Qcow2Header header) {
    this.header = header;
    blockBits = header.clusterBits() + 3 - Integer.numberOfTrailingZeros(header.refcountBits());
    table = new FileWindow(file, "image.refcountTableOffset", FileWindow.BYTES);
    block = new FileWindow(file, "image.refcountTableEntry", FileWindow.BYTES);
  }

  static boolean isIn(FileChannel file, Qcow2Header header, long allocatedBytes)
      throws IOException {
    long clusters = allocatedBytes >>> header.clusterBits();
    long threshold = Math.max(clusters * 10 / 9, clusters + 2);
    long length = ImageFiles.wholeSectors(file.size());
    long end = (length + header.clusterSizeBytes() - 1) >>> header.clusterBits();
    return end >= threshold && new Preallocation(file, header).counts(end, threshold);
  }

  private boolean counts(long end, long threshold) throws IOException {
    long count = 0;
    for (long i = 0; i < end && count < threshold && count + (end - i) >= threshold; i++) {
      long index = i >>> blockBits;
      if (index >= (long) header.tables().refcountTableClusters() << (header.clusterBits() - 3)) {
        return false;
      }
      int at = table.at(header.tables().refcountTableOffset() + index * 8, 8, FileWindow.BYTES);
      long place = table.bytes().getLong(at) & OFFSET;
      if (place == 0) {
        i |= (1L << blockBits) - 1;
      } else if ((place & (header.clusterSizeBytes() - 1)) != 0) {
        return false;
      } else if (isUsed(place, i & ((1L << blockBits) - 1))) {
        count++;
      }
    }
    return count >= threshold;
  }

  private boolean isUsed(long place, long index) throws IOException {
    long bit = index * header.refcountBits();
    int bytes = Math.max(1, header.refcountBits() / 8);
    long left = header.clusterSizeBytes() - bit / 8;
    int at = block.at(place + bit / 8, bytes, left);
    ByteBuffer found = block.bytes();
    if (header.refcountBits() < 8) {
      return (found.get(at) >>> (bit % 8) & ((1 << header.refcountBits()) - 1)) != 0;
    }
    for (int i = 0; i < bytes; i++) {
      if (found.get(at + i) != 0) {
        return true;
      }
    }
    return false;
  }
}
