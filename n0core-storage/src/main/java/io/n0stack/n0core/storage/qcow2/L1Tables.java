package io.n0stack.n0core.storage.qcow2;

/** How many entries an L1 table needs. See QEMU's docs/interop/qcow2.txt, "Cluster mapping". */
final class L1Tables {
  static final int ENTRY_BYTES = 8;
  private static final long MOST_ENTRIES = (32 << 20) / ENTRY_BYTES; // QCOW_MAX_L1_SIZE

  private L1Tables() {}

  /** Returns the number of entries that cover so many bytes of the guest. */
  static long entries(long sizeBytes, int clusterBits, boolean extendedL2) {
    int covered = coveredBits(clusterBits, extendedL2);
    return (sizeBytes >>> covered) + ((sizeBytes & ((1L << covered) - 1)) == 0 ? 0 : 1);
  }

  /** Returns how large an image QEMU can open. */
  static long mostBytes(int clusterBits, boolean extendedL2) {
    return MOST_ENTRIES << coveredBits(clusterBits, extendedL2);
  }

  /** Returns the logarithm of the bytes under one entry, which leads to one cluster of L2 entries. */
  private static int coveredBits(int clusterBits, boolean extendedL2) {
    return 2 * clusterBits - (extendedL2 ? 4 : 3);
  }
}
