package io.n0stack.n0core.storage.internal;

import java.nio.ByteBuffer;

/**
 * What {@code statfs(2)} tells of a file system.
 *
 * @param type its magic number, {@code linux/magic.h}
 * @param totalBytes its size
 * @param freeBytes what is free
 * @param availableBytes what is free to everyone
 */
public record Space(long type, long totalBytes, long freeBytes, long availableBytes) {
  static Space decode(ByteBuffer statfs) {
    long fragment = statfs.getLong(Linux.STATFS_FRSIZE);
    long unit = fragment > 0 ? fragment : statfs.getLong(Linux.STATFS_BSIZE);
    return new Space(
        statfs.getLong(Linux.STATFS_TYPE),
        bytes(statfs.getLong(Linux.STATFS_BLOCKS), unit),
        bytes(statfs.getLong(Linux.STATFS_BFREE), unit),
        bytes(statfs.getLong(Linux.STATFS_BAVAIL), unit));
  }

  /** Multiplies; what is more than fits, as a network file system may claim, is as much as fits. */
  private static long bytes(long blocks, long unit) {
    return blocks < 0 || Math.multiplyHigh(blocks, unit) != 0 || blocks * unit < 0
        ? Long.MAX_VALUE
        : blocks * unit;
  }
}
