package io.n0stack.n0core.storage.qcow2;

import static io.n0stack.n0core.storage.qcow2.Checks.require;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Checks that the tables a header points to lie beside each other. QEMU finds this out only when it writes. */
final class TableLayout {
  private final int clusterBits;
  private final List<Region> regions = new ArrayList<>();

  private TableLayout(int clusterBits) {
    this.clusterBits = clusterBits;
  }

  private record Region(String name, long start, long end) {}

  static void requireApart(Qcow2Header header) {
    TableLayout layout = new TableLayout(header.clusterBits());
    Qcow2Header.Tables tables = header.tables();
    layout.add("header", 0, 1);
    layout.add("L1 table", tables.l1Offset(), tables.l1Size() * 8L);
    layout.add(
        "reference count table",
        tables.refcountTableOffset(),
        (long) tables.refcountTableClusters() << header.clusterBits());
    layout.add(
        "snapshot table",
        tables.snapshots().offset(),
        (long) tables.snapshots().count() * SnapshotReader.FIXED_BYTES);
    header
        .bitmapDirectory()
        .ifPresent(found -> layout.add("bitmap directory", found.offset(), found.sizeBytes()));
    header
        .luksPointer()
        .ifPresent(found -> layout.add("LUKS header", found.offset(), found.sizeBytes()));
    layout.check();
  }

  /** Rounds up to clusters, which belong to one table only. */
  private void add(String name, long start, long length) {
    if (length > 0) {
      long clusters = ((length - 1) >>> clusterBits) + 1;
      regions.add(new Region(name, start, start + (clusters << clusterBits)));
    }
  }

  private void check() {
    regions.sort(Comparator.comparingLong(Region::start));
    for (int i = 1; i < regions.size(); i++) {
      Region before = regions.get(i - 1);
      Region region = regions.get(i);
      require(
          before.end() <= region.start(),
          "image.tables",
          region.name(),
          "must not overlap the " + before.name());
    }
  }
}
