package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** What growing one image in place takes, and what forbids it. */
final class GrowthPlan {
  private static final int VERSION_2 = 2;
  private static final int EXTENSION_END = 0;
  private static final int EXTENSION_BACKING_FORMAT = 0xe2792aca;
  private static final int EXTENSION_FEATURE_NAMES = 0x6803f857;
  private static final int EXTENSION_BITMAPS = 0x23852875;
  private static final int MOST_SNAPSHOTS = 1000;
  private static final int SNAPSHOT_EXTRA_BYTES = 16; // with the size of its disk
  private static final int WINDOW_BYTES = 64 << 10;

  private final FileChannel image;
  private final Qcow2Growth wanted;
  private final Qcow2Header header;
  private final ByteBuffer fixed;
  private final long neededEntries;

  /** Reads the header, and refuses a size that no one could give to the image. */
  GrowthPlan(FileChannel image, Qcow2Growth wanted) throws IOException {
    this.image = image;
    this.wanted = wanted;
    header = Qcow2Header.read(image);
    fixed = ImageFiles.read(image, 0, HeaderReader.FIXED_BYTES);
    long most = L1Tables.mostBytes(header.clusterBits(), header.features().extendedL2());
    if (wanted.sizeBytes() < header.sizeBytes() || wanted.sizeBytes() > most) {
      throw N0Exception.invalid(
          "sizeBytes",
          wanted.sizeBytes(),
          "must be from the " + header.sizeBytes() + " that the image has to the " + most
              + " that its clusters allow");
    }
    neededEntries = entries(wanted.sizeBytes());
  }

  Qcow2Header header() {
    return header;
  }

  /** Returns the number of entries after the growth. A table larger than needed stays. */
  int l1Entries() {
    return (int) Math.max(neededEntries, header.l1Size());
  }

  long tailOffset() {
    return l1Offset() + (long) header.l1Size() * L1Tables.ENTRY_BYTES;
  }

  /** Returns the zeros for the new entries. */
  ByteBuffer tail() {
    return ByteBuffer.allocate((l1Entries() - header.l1Size()) * L1Tables.ENTRY_BYTES);
  }

  Optional<String> obstacle() throws IOException {
    if (wanted.sizeBytes() == header.sizeBytes()) {
      return Optional.empty();
    }
    for (Check check : List.<Check>of(
        this::features,
        this::backing,
        this::room,
        this::extensions,
        this::snapshots,
        this::leftovers)) {
      Optional<String> found = check.find();
      if (found.isPresent()) {
        return found;
      }
    }
    return Optional.empty();
  }

  private Optional<String> features() {
    Qcow2Header.Features features = header.features();
    if (header.version() == VERSION_2) {
      return Optional.of("it is of version 2");
    }
    if (features.dirty()) {
      return Optional.of("it was not closed, and its reference counts may be stale");
    }
    if (features.corrupt()) {
      return Optional.of("it is marked as corrupt");
    }
    if (features.externalDataFile() || header.dataFile().isPresent()) {
      return Optional.of("its data is in another file");
    }
    if (features.unknownIncompatible() != 0 || features.autoclear() != 0) {
      return Optional.of("it has features that are not known, or that a change may invalidate");
    }
    return header.encryption() == 0 ? Optional.empty() : Optional.of("it is encrypted");
  }

  /** A new part must read as zeros, but shows the backing file as far as that reaches. */
  private Optional<String> backing() {
    if (header.backingFile().isEmpty()) {
      return Optional.empty();
    }
    OptionalLong size = wanted.backingSizeBytes();
    if (size.isEmpty()) {
      return Optional.of("it has a backing file, whose size is not stated");
    }
    return size.getAsLong() <= header.sizeBytes()
        ? Optional.empty()
        : Optional.of("its backing file is larger than it, and would show in the new part");
  }

  private Optional<String> room() {
    long clusterBytes = header.clusterSizeBytes();
    long used = (long) header.l1Size() * L1Tables.ENTRY_BYTES;
    long room = (used + clusterBytes - 1) / clusterBytes * clusterBytes / L1Tables.ENTRY_BYTES;
    return neededEntries <= room
        ? Optional.empty()
        : Optional.of("its L1 table has room for " + room + " entries, not " + neededEntries);
  }

  /** What another extension means is not known, and it may depend on the size. */
  private Optional<String> extensions() throws IOException {
    long named = fixed.getLong(8);
    long end = named == 0 ? Math.min(header.clusterSizeBytes(), image.size()) : named;
    long at = fixed.getInt(100);
    while (at + 8 <= end) {
      ByteBuffer head = read(at, 8);
      int type = head.getInt(0);
      if (type == EXTENSION_END) {
        break;
      }
      if (type == EXTENSION_BITMAPS) {
        return Optional.of("it has bitmaps");
      }
      if (type != EXTENSION_BACKING_FORMAT && type != EXTENSION_FEATURE_NAMES) {
        return Optional.of("it has a header extension 0x" + Integer.toHexString(type));
      }
      at += 8 + (Integer.toUnsignedLong(head.getInt(4)) + 7) / 8 * 8;
    }
    return Optional.empty();
  }

  /** A snapshot must know the size of its disk, and hold no memory, which lies behind its disk. */
  private Optional<String> snapshots() throws IOException {
    if (header.snapshots().count() > MOST_SNAPSHOTS) {
      return Optional.of("it has more than " + MOST_SNAPSHOTS + " snapshots");
    }
    long at = header.snapshots().offset();
    for (int i = 0; i < header.snapshots().count(); i++) {
      ByteBuffer entry = read(at, SnapshotReader.FIXED_BYTES);
      long extra = Integer.toUnsignedLong(entry.getInt(36));
      if (extra < SNAPSHOT_EXTRA_BYTES) {
        return Optional.of("it has a snapshot that does not say how large its disk is");
      }
      if (entry.getInt(32) != 0 || read(at + SnapshotReader.FIXED_BYTES, 8).getLong(0) != 0) {
        return Optional.of("it has a snapshot with the memory of a machine");
      }
      int names = (entry.getShort(12) & 0xffff) + (entry.getShort(14) & 0xffff);
      at = (at + SnapshotReader.FIXED_BYTES + extra + names + 7) / 8 * 8;
    }
    return Optional.empty();
  }

  /** What lies behind the end, as the memory of a machine does, would become part of the disk. */
  private Optional<String> leftovers() throws IOException {
    long end = l1Offset() + Math.min(neededEntries, header.l1Size()) * L1Tables.ENTRY_BYTES;
    long at = l1Offset() + entries(header.sizeBytes()) * L1Tables.ENTRY_BYTES;
    while (at < end) {
      ByteBuffer entries = read(at, (int) Math.min(end - at, WINDOW_BYTES));
      while (entries.hasRemaining()) {
        if (entries.getLong() != 0) {
          return Optional.of("it has data behind its end");
        }
      }
      at += entries.limit();
    }
    return Optional.empty();
  }

  private ByteBuffer read(long at, int length) throws IOException {
    ByteBuffer bytes = ImageFiles.read(image, at, length);
    if (bytes.limit() < length) {
      throw N0Exception.invalid(
          "image.length", at + bytes.limit(), "must be at least " + (at + length));
    }
    return bytes;
  }

  private long entries(long sizeBytes) {
    return L1Tables.entries(sizeBytes, header.clusterBits(), header.features().extendedL2());
  }

  private long l1Offset() {
    return fixed.getLong(40);
  }

  /** Looks for one kind of obstacle. */
  @FunctionalInterface
  private interface Check {
    Optional<String> find() throws IOException;
  }
}
