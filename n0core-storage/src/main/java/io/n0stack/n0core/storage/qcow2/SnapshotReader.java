package io.n0stack.n0core.storage.qcow2;

import static io.n0stack.n0core.storage.qcow2.Checks.require;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.time.Duration;
import java.time.Instant;
import java.util.OptionalLong;
import java.util.function.Consumer;

/** Decodes the snapshot table. Offsets: QEMU's docs/interop/qcow2.txt, "Snapshots". */
final class SnapshotReader {
  static final int FIXED_BYTES = 40;
  private static final long TABLE_BYTES = 64L << 20; // QCOW_MAX_SNAPSHOTS_SIZE
  private static final int EXTRA_BYTES = 1024; // QCOW_MAX_SNAPSHOT_EXTRA_DATA
  private static final long L1_BYTES = 32L << 20; // QCOW_MAX_L1_SIZE
  private static final long BILLION = 1_000_000_000;

  private final FileChannel file;
  private final Qcow2Header header;
  private final FileWindow window;

  SnapshotReader(FileChannel file, Qcow2Header header) {
    this.file = file;
    this.header = header;
    window = new FileWindow(file, "image.snapshot.offset", FileWindow.BYTES);
  }

  /** Shows all, one after the other, in constant memory. */
  void forEach(Consumer<Qcow2Snapshot> reader) throws IOException {
    Qcow2Header.SnapshotTable table = header.snapshots();
    Checks.Layout layout = new Checks.Layout(header.clusterBits(), file.size());
    long at = table.offset();
    for (int i = 0; i < table.count(); i++) {
      at = (at + 7) / 8 * 8;
      int fixed = window.at(at, FIXED_BYTES, FileWindow.BYTES);
      int length = length(window.bytes(), fixed);
      require(
          at + length - table.offset() <= TABLE_BYTES,
          "image.snapshot.tableLength",
          at + length - table.offset(),
          "must be at most 64 MiB");
      fixed = window.at(at, length, FileWindow.BYTES);
      reader.accept(snapshot(window.bytes().slice(fixed, length), layout));
      at += length;
    }
  }

  private static int length(ByteBuffer bytes, int at) {
    int id = Short.toUnsignedInt(bytes.getShort(at + 12));
    int name = Short.toUnsignedInt(bytes.getShort(at + 14));
    long extra = Integer.toUnsignedLong(bytes.getInt(at + 36));
    require(id <= HeaderReader.NAME_BYTES, "image.snapshot.idLength", id, "must be at most 1023");
    require(
        name <= HeaderReader.NAME_BYTES, "image.snapshot.nameLength", name, "must be at most 1023");
    require(extra <= EXTRA_BYTES, "image.snapshot.extraDataLength", extra, "must be at most 1024");
    return FIXED_BYTES + (int) extra + id + name;
  }

  private Qcow2Snapshot snapshot(ByteBuffer entry, Checks.Layout layout) {
    long l1Size = Integer.toUnsignedLong(entry.getInt(8));
    require(
        l1Size * 8 <= L1_BYTES,
        "image.snapshot.l1Size",
        l1Size,
        "must be at most 32 MiB of entries");
    Checks.requireTable(layout, "image.snapshot.l1Offset", entry.getLong(0), l1Size * 8);
    int extra = entry.getInt(36);
    long state = extra >= 8 ? entry.getLong(FIXED_BYTES) : Integer.toUnsignedLong(entry.getInt(32));
    long disk = extra >= 16 ? entry.getLong(FIXED_BYTES + 8) : header.sizeBytes();
    requirePositive("image.snapshot.vmStateSize", state);
    requirePositive("image.snapshot.diskSize", disk);
    long icount = extra >= 24 ? entry.getLong(FIXED_BYTES + 16) : -1;
    int id = FIXED_BYTES + extra;
    int name = id + Short.toUnsignedInt(entry.getShort(12));
    long clock = entry.getLong(24);
    return new Qcow2Snapshot(
        Checks.shownText("image.snapshot.id", entry.slice(id, name - id)),
        Checks.shownText("image.snapshot.name", entry.slice(name, entry.limit() - name)),
        Instant.ofEpochSecond(
            Integer.toUnsignedLong(entry.getInt(16)), Integer.toUnsignedLong(entry.getInt(20))),
        Duration.ofSeconds(
            Long.divideUnsigned(clock, BILLION), Long.remainderUnsigned(clock, BILLION)),
        state,
        disk,
        icount == -1 ? OptionalLong.empty() : OptionalLong.of(icount),
        entry.getLong(0),
        (int) l1Size);
  }

  private static void requirePositive(String field, long value) {
    require(value >= 0, field, Long.toUnsignedString(value), "must be less than 2^63");
  }
}
