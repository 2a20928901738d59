package io.n0stack.n0core.storage.qcow2;

import java.nio.ByteBuffer;

/**
 * Where the parts of a new image lie: header, refcount table, refcount blocks, L1 table, one after another,
 * as QEMU lays them out.
 */
final class CreationLayout {
  private static final int TABLE_ENTRY_BYTES = 8;

  private final int clusterBits;
  private final int refcountBits;
  private final int l1Entries;
  private final int l1Clusters;
  private int tableClusters;
  private int blocks;

  CreationLayout(Qcow2Options options) {
    clusterBits = options.clusterBits();
    refcountBits = options.refcountBits();
    l1Entries = (int) L1Tables.entries(
        options.sizeBytes(), clusterBits, options.has(Qcow2Options.Feature.EXTENDED_L2));
    l1Clusters = clusters((long) l1Entries * L1Tables.ENTRY_BYTES);
    settle();
  }

  /** Counts until the counts count themselves; each round only adds, so it ends. */
  private void settle() {
    long counted = 0;
    while (counted != clusters()) {
      counted = clusters();
      blocks = clusters(refcountBytes());
      tableClusters = clusters((long) blocks * TABLE_ENTRY_BYTES);
    }
  }

  private int clusters(long bytes) {
    return (int) ((bytes + (1L << clusterBits) - 1) >>> clusterBits);
  }

  private long clusters() {
    return 1L + tableClusters + blocks + l1Clusters;
  }

  private long refcountBytes() {
    return (clusters() * refcountBits + 7) / 8;
  }

  int l1Entries() {
    return l1Entries;
  }

  int tableClusters() {
    return tableClusters;
  }

  long tableOffset() {
    return 1L << clusterBits;
  }

  long blocksOffset() {
    return (1L + tableClusters) << clusterBits;
  }

  /** Returns where the L1 table is; 0 if there is none, for then no cluster may be counted for it. */
  long l1Offset() {
    return l1Entries == 0 ? 0 : blocksEnd();
  }

  /** Returns the length of the file. Like QEMU's, it ends with the last entry of the L1 table. */
  long fileBytes() {
    return blocksEnd() + (long) l1Entries * L1Tables.ENTRY_BYTES;
  }

  private long blocksEnd() {
    return (1L + tableClusters + blocks) << clusterBits;
  }

  ByteBuffer table() {
    ByteBuffer table = ByteBuffer.allocate(blocks * TABLE_ENTRY_BYTES);
    for (int block = 0; block < blocks; block++) {
      table.putLong(blocksOffset() + ((long) block << clusterBits));
    }
    return table.flip();
  }

  /** Counts each cluster once. Entries narrower than a byte fill it from its least bit. */
  ByteBuffer refcounts() {
    byte[] counts = new byte[(int) refcountBytes()];
    long entries = clusters();
    for (int entry = 0; entry < entries; entry++) {
      if (refcountBits < 8) {
        int bit = entry * refcountBits;
        counts[bit / 8] |= (byte) (1 << (bit % 8));
      } else {
        counts[(entry + 1) * (refcountBits / 8) - 1] = 1;
      }
    }
    return ByteBuffer.wrap(counts);
  }
}
