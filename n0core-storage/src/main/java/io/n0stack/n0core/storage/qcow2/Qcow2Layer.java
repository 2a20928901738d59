package io.n0stack.n0core.storage.qcow2;

import static io.n0stack.n0core.storage.qcow2.Checks.require;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.storage.qcow2.ImageExtent.Kind;
import java.io.IOException;
import java.nio.channels.FileChannel;

/**
 * A qcow2 image: walks the active L1 table and its L2 tables. As {@code qcow2_get_host_offset} of QEMU;
 * entries: docs/interop/qcow2.txt, "Cluster mapping".
 */
final class Qcow2Layer implements LayerMap {
  private static final long OFFSET = 0x00fffffffffffe00L;
  private static final long COMPRESSED = 1L << 62;
  private static final long COPIED = 1L << 63;
  private static final long ZERO = 1;
  private static final long ALL = 0xffffffffL;
  private static final int SUBCLUSTERS = 32;

  private final Qcow2Header header;
  private final FileWindow l1;
  private final FileWindow l2;
  private final int clusterBits;
  private final int l2Bits;
  private final int entryBytes;

  private Kind kind = Kind.UNALLOCATED;
  private long host;
  private long length;

  Qcow2Layer(FileChannel file, Qcow2Header header, int windowBytes) {
    this.header = header;
    clusterBits = header.clusterBits();
    entryBytes = header.features().extendedL2() ? 16 : 8;
    l2Bits = clusterBits - (header.features().extendedL2() ? 4 : 3);
    l1 = new FileWindow(file, "image.l1Offset", windowBytes);
    l2 = new FileWindow(file, "image.l1Entry", windowBytes);
  }

  @Override
  public long sizeBytes() {
    return header.sizeBytes();
  }

  @Override
  public Run at(long offset) throws IOException {
    look(offset);
    Kind first = kind;
    long start = host;
    long total = length;
    while (total < sizeBytes() - offset) {
      look(offset + total);
      boolean continues = kind == first && (start < 0 ? host < 0 : host == start + total);
      if (!continues) {
        break;
      }
      total += length;
    }
    return new Run(offset, Math.min(total, sizeBytes() - offset), first, start);
  }

  /** Sets kind, host and length of what begins there, up to the end of a subcluster or further. */
  private void look(long offset) throws IOException {
    long index = offset >>> (clusterBits + l2Bits);
    if (index >= header.l1Size()) {
      set(Kind.UNALLOCATED, -1, sizeBytes() - offset);
      return;
    }
    long table = l1Entry(index) & OFFSET;
    if (table == 0) {
      long end = (index + 1) << (clusterBits + l2Bits);
      set(Kind.UNALLOCATED, -1, (end <= 0 ? sizeBytes() : end) - offset);
      return;
    }
    require(
        (table & ((1L << clusterBits) - 1)) == 0,
        "image.l1Entry",
        Long.toUnsignedString(table),
        "must be a multiple of the size of a cluster");
    int entry = (int) ((offset >>> clusterBits) & ((1L << l2Bits) - 1));
    long left = (long) ((1 << l2Bits) - entry) * entryBytes;
    int at = l2.at(table + (long) entry * entryBytes, entryBytes, left);
    long bits = l2.bytes().getLong(at);
    if (header.features().extendedL2()) {
      subcluster(offset, bits, l2.bytes().getLong(at + 8));
    } else {
      cluster(offset, bits);
    }
  }

  private long l1Entry(long index) throws IOException {
    if (Thread.currentThread().isInterrupted()) {
      throw N0Exception.interrupted("read map of image", new InterruptedException());
    }
    int at = l1.at(header.tables().l1Offset() + index * 8, 8, (header.l1Size() - index) * 8);
    return l1.bytes().getLong(at);
  }

  private void cluster(long offset, long entry) {
    long within = offset & ((1L << clusterBits) - 1);
    long rest = (1L << clusterBits) - within;
    if ((entry & COMPRESSED) != 0) {
      compressed(entry, rest);
    } else if ((entry & ZERO) != 0) {
      require(
          header.version() >= 3, "image.l2Entry", Long.toHexString(entry), "must be of version 2");
      set(Kind.ZERO, (entry & OFFSET) == 0 ? -1 : hostOf(offset, entry) + within, rest);
    } else if (isAllocated(entry)) {
      set(Kind.DATA, hostOf(offset, entry) + within, rest);
    } else {
      set(Kind.UNALLOCATED, -1, rest);
    }
  }

  private void subcluster(long offset, long entry, long bitmap) {
    int bits = clusterBits - 5;
    long within = offset & ((1L << clusterBits) - 1);
    int index = (int) (within >>> bits);
    if ((entry & COMPRESSED) != 0) {
      compressed(entry, (1L << clusterBits) - within);
      return;
    }
    boolean allocated = isAllocated(entry);
    long stored = bitmap & ALL;
    long zeros = bitmap >>> 32;
    require(
        allocated ? (stored & zeros) == 0 : stored == 0,
        "image.l2Bitmap",
        Long.toHexString(bitmap),
        "must not say two things of a subcluster");
    long place = allocated ? hostOf(offset, entry) + within : -1;
    // Most clusters are all of one kind.
    boolean uniform = bitmap == 0 || stored == ALL || zeros == ALL;
    long end = uniform ? SUBCLUSTERS : index + 1;
    long rest = (end << bits) - within;
    if ((zeros >>> index & 1) != 0) {
      set(Kind.ZERO, place, rest);
    } else if ((stored >>> index & 1) != 0) {
      set(Kind.DATA, place, rest);
    } else {
      set(Kind.UNALLOCATED, place, rest);
    }
  }

  private void compressed(long entry, long rest) {
    require(
        !header.features().externalDataFile(),
        "image.l2Entry",
        Long.toHexString(entry),
        "must not be compressed with an external data file");
    set(Kind.COMPRESSED, -1, rest);
  }

  /** An external data file may use its first cluster, and then only this bit tells. */
  private boolean isAllocated(long entry) {
    return (entry & OFFSET) != 0 || (header.features().externalDataFile() && (entry & COPIED) != 0);
  }

  private long hostOf(long offset, long entry) {
    long place = entry & OFFSET;
    long mask = (1L << clusterBits) - 1;
    require(
        (place & mask) == 0,
        "image.l2Entry",
        Long.toUnsignedString(place),
        "must be a multiple of the size of a cluster");
    require(
        !header.features().externalDataFile() || place == (offset & ~mask),
        "image.l2Entry",
        Long.toUnsignedString(place),
        "must be that of the guest with an external data file");
    return place;
  }

  private void set(Kind newKind, long newHost, long newLength) {
    kind = newKind;
    // What is encrypted is not in the file as the guest sees it.
    host = header.encryption() == 0 ? newHost : -1;
    length = newLength;
  }
}
