package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Decodes the snapshot table. Offsets: QEMU's docs/interop/qcow2.txt, "Snapshots". */
final class SnapshotReader {
  static final int FIXED_BYTES = 40;
  private static final long TABLE_BYTES = 16L << 20;
  private static final int NAME_BYTES = 1023;
  private static final int WINDOW_BYTES = 64 << 10;

  private final FileChannel file;
  private final Qcow2Header.SnapshotTable table;
  private ByteBuffer window = ByteBuffer.allocate(0);
  private long windowStart;

  SnapshotReader(FileChannel file, Qcow2Header.SnapshotTable table) {
    this.file = file;
    this.table = table;
  }

  List<String> names() throws IOException {
    List<String> names = new ArrayList<>();
    long at = table.offset();
    for (int i = 0; i < table.count(); i++) {
      int fixed = window(at, FIXED_BYTES);
      int idLength = window.getShort(fixed + 12) & 0xffff;
      int nameLength = window.getShort(fixed + 14) & 0xffff;
      long extra = Integer.toUnsignedLong(window.getInt(fixed + 36));
      require(idLength <= NAME_BYTES, "snapshot.idLength", idLength, "must be at most 1023");
      require(nameLength <= NAME_BYTES, "snapshot.nameLength", nameLength, "must be at most 1023");
      long name = at + FIXED_BYTES + extra + idLength;
      require(
          name + nameLength - table.offset() <= TABLE_BYTES,
          "snapshot.tableLength",
          name + nameLength - table.offset(),
          "must be at most 16 MiB");
      names.add(text(window(name, nameLength), nameLength));
      at = (name + nameLength + 7) / 8 * 8;
    }
    return names;
  }

  private String text(int at, int length) {
    return StandardCharsets.UTF_8.decode(window.slice(at, length)).toString();
  }

  /** Makes bytes of the file visible and returns where in the window they begin. */
  private int window(long at, int length) throws IOException {
    if (at < windowStart || at + length > windowStart + window.limit()) {
      window = ImageFiles.read(file, at, WINDOW_BYTES);
      windowStart = at;
    }
    require(length <= window.limit(), "snapshot.offset", at, "must lie within the file");
    return (int) (at - windowStart);
  }

  private static void require(boolean holds, String field, Object value, String rule) {
    if (!holds) {
      throw N0Exception.invalid("image." + field, value, rule);
    }
  }
}
