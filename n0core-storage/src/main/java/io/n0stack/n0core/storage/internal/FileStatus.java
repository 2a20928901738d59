package io.n0stack.n0core.storage.internal;

import java.nio.ByteBuffer;

/**
 * What {@code statx(2)} tells of a file.
 *
 * @param mode type and permissions
 * @param links names it has
 * @param sizeBytes its length
 * @param allocatedBytes what it takes on the file system
 * @param device the file system's number, major and minor
 * @param inode its number in there
 * @param modifiedNanos when its content changed last, since 1970
 * @param changedNanos when it or what is known of it changed last, since 1970
 */
public record FileStatus(
    int mode,
    int links,
    long sizeBytes,
    long allocatedBytes,
    long device,
    long inode,
    long modifiedNanos,
    long changedNanos) {
  private static final int BLOCK_BYTES = 512; // the unit of stx_blocks, whatever the file system
  private static final long NANOS = 1_000_000_000;

  static FileStatus decode(ByteBuffer statx) {
    return new FileStatus(
        Short.toUnsignedInt(statx.getShort(Linux.STATX_MODE)),
        statx.getInt(Linux.STATX_NLINK),
        statx.getLong(Linux.STATX_SIZE),
        statx.getLong(Linux.STATX_BLOCKS) * BLOCK_BYTES,
        ((long) statx.getInt(Linux.STATX_DEV_MAJOR) << Integer.SIZE)
            | Integer.toUnsignedLong(statx.getInt(Linux.STATX_DEV_MINOR)),
        statx.getLong(Linux.STATX_INO),
        nanos(statx, Linux.STATX_MTIME),
        nanos(statx, Linux.STATX_CTIME));
  }

  /** Reads struct statx_timestamp: seconds of 64 bit, nanoseconds of 32. */
  private static long nanos(ByteBuffer statx, int offset) {
    return statx.getLong(offset) * NANOS + statx.getInt(offset + Long.BYTES);
  }

  /**
   * Tells whether it is a regular file.
   *
   * @return true for a regular file
   */
  public boolean isRegular() {
    return (mode & Linux.S_IFMT) == Linux.S_IFREG;
  }

  /**
   * Tells whether it is a block device.
   *
   * @return true for a block device
   */
  public boolean isBlockDevice() {
    return (mode & Linux.S_IFMT) == Linux.S_IFBLK;
  }

  /**
   * Tells whether it is a directory.
   *
   * @return true for a directory
   */
  public boolean isDirectory() {
    return (mode & Linux.S_IFMT) == Linux.S_IFDIR;
  }

  /**
   * Tells whether another is the same file.
   *
   * @param other the other
   * @return whether both have one device and inode
   */
  public boolean isSameFile(FileStatus other) {
    return device == other.device && inode == other.inode;
  }
}
