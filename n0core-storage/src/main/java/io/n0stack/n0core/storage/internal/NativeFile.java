package io.n0stack.n0core.storage.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Optional;
import jnr.constants.platform.Errno;

/**
 * Owns a descriptor. Methods that return a number give the negative error number instead of throwing
 * where a caller has another way to go. Not thread-safe.
 */
public final class NativeFile implements AutoCloseable {
  private static final LibC C = LibC.INSTANCE;
  private static final byte[] EMPTY = {0};

  private final String name;
  private int fd;

  NativeFile(String name, int fd) {
    this.name = name;
    this.fd = fd;
  }

  /**
   * Opens a file for reading; follows symbolic links and does not wait for a writer of a pipe.
   *
   * @param path the file
   * @return the open file
   * @throws OsException if the kernel refuses
   */
  public static NativeFile openForReading(Path path) {
    return open(path, Linux.O_RDONLY | Linux.O_NONBLOCK | Linux.O_NOCTTY);
  }

  /**
   * Opens a file for reading and writing; refuses a symbolic link.
   *
   * @param path the file
   * @return the open file
   * @throws OsException if the kernel refuses
   */
  public static NativeFile openForWriting(Path path) {
    return open(path, Linux.O_RDWR | Linux.O_NONBLOCK | Linux.O_NOCTTY | Linux.O_NOFOLLOW);
  }

  /**
   * Opens a directory; follows symbolic links.
   *
   * @param path the directory
   * @return the open directory
   * @throws OsException if the kernel refuses
   */
  public static NativeFile openDirectory(Path path) {
    return open(path, Linux.O_RDONLY | Linux.O_DIRECTORY);
  }

  private static NativeFile open(Path path, int flags) {
    byte[] bytes = SystemCalls.bytes(path);
    long fd =
        SystemCalls.attempt(() -> C.openat(Linux.AT_FDCWD, bytes, flags | Linux.O_CLOEXEC, 0));
    SystemCalls.check(fd, "open", path);
    return new NativeFile(path.toString(), (int) fd);
  }

  /**
   * Looks at a name without following a symbolic link.
   *
   * @param path the name
   * @return what is there, or empty if it is proved that nothing is
   * @throws OsException if the kernel refuses to look
   */
  public static Optional<FileStatus> look(Path path) {
    byte[] bytes = SystemCalls.bytes(path);
    ByteBuffer statx = struct(Linux.STATX_BYTES);
    long result = SystemCalls.attempt(() ->
        C.statx(Linux.AT_FDCWD, bytes, Linux.AT_SYMLINK_NOFOLLOW, Linux.STATX_BASIC_STATS, statx));
    if (SystemCalls.is(result, Errno.ENOENT)) {
      return Optional.empty();
    }
    SystemCalls.check(result, "look at", path);
    return Optional.of(FileStatus.decode(statx));
  }

  /**
   * Returns what the kernel knows of it.
   *
   * @return its status
   * @throws OsException if the kernel refuses
   */
  public FileStatus status() {
    ByteBuffer statx = struct(Linux.STATX_BYTES);
    check(
        SystemCalls.attempt(
            () -> C.statx(fd(), EMPTY, Linux.AT_EMPTY_PATH, Linux.STATX_BASIC_STATS, statx)),
        "look at");
    return FileStatus.decode(statx);
  }

  /**
   * Returns the name that it was opened by.
   *
   * @return a path as text
   */
  public String name() {
    return name;
  }

  /**
   * Returns a path by which this process can open this very file, whatever became of its name.
   *
   * @return a path under {@code /proc}
   */
  public Path reopening() {
    return Path.of("/proc/self/fd/" + fd());
  }

  /**
   * Sets the length.
   *
   * @param bytes the length
   * @throws OsException if the kernel refuses
   */
  public void truncate(long bytes) {
    check(SystemCalls.attempt(() -> C.ftruncate(fd(), bytes)), "truncate");
  }

  /**
   * Makes this file share all blocks of another. See ioctl_ficlone(2).
   *
   * @param source the other
   * @return 0 or the negative error number
   */
  public long cloneFrom(NativeFile source) {
    return SystemCalls.attempt(() -> C.ioctl(fd(), Linux.FICLONE, (long) source.fd()));
  }

  /**
   * Copies from another file to the same place here. See copy_file_range(2).
   *
   * @param source the other
   * @param offset where, in both
   * @param length bytes at most
   * @return bytes copied, 0 at the other's end, or the negative error number
   */
  public long copyFrom(NativeFile source, long offset, long length) {
    ByteBuffer offsets = struct(2 * Long.BYTES).putLong(0, offset).putLong(Long.BYTES, offset);
    long address = Memory.address(offsets);
    try {
      return SystemCalls.attempt(() -> C.syscall(
          Linux.COPY_FILE_RANGE, source.fd(), address, fd(), address + Long.BYTES, length, 0));
    } finally {
      Reference.reachabilityFence(offsets);
    }
  }

  /**
   * Finds the next data.
   *
   * @param offset where to begin
   * @return where it begins, or the negative error number, ENXIO if only a hole follows
   */
  public long seekData(long offset) {
    return SystemCalls.attempt(() -> C.lseek(fd(), offset, Linux.SEEK_DATA));
  }

  /**
   * Finds the next hole.
   *
   * @param offset where to begin
   * @return where it begins, which can be the file's end, or the negative error number
   */
  public long seekHole(long offset) {
    return SystemCalls.attempt(() -> C.lseek(fd(), offset, Linux.SEEK_HOLE));
  }

  /**
   * Reads.
   *
   * @param into direct; the bytes are put from its position on, which does not move
   * @param length bytes at most
   * @param offset where in the file
   * @return bytes read, 0 at the end, or the negative error number
   */
  public long read(ByteBuffer into, long length, long offset) {
    return SystemCalls.attempt(() -> C.pread(fd(), into, length, offset));
  }

  /**
   * Writes.
   *
   * @param from direct; the bytes are taken from its position on, which does not move
   * @param length bytes at most
   * @param offset where in the file
   * @return bytes written or the negative error number
   */
  public long write(ByteBuffer from, long length, long offset) {
    return SystemCalls.attempt(() -> C.pwrite(fd(), from, length, offset));
  }

  /**
   * Allocates blocks, which read as zeros where there were none, and makes the file longer if the
   * range ends behind it.
   *
   * @param offset where
   * @param length bytes
   * @return 0 or the negative error number
   */
  public long allocate(long offset, long length) {
    return fallocate(0, offset, length);
  }

  /**
   * Allocates blocks and leaves the file's length.
   *
   * @param offset where
   * @param length bytes
   * @return 0 or the negative error number
   */
  public long allocateKeepingSize(long offset, long length) {
    return fallocate(Linux.FALLOC_FL_KEEP_SIZE, offset, length);
  }

  /**
   * Gives blocks back; the range reads as zeros then, and the file's length stays.
   *
   * @param offset where
   * @param length bytes
   * @return 0 or the negative error number
   */
  public long punchHole(long offset, long length) {
    return fallocate(Linux.FALLOC_FL_PUNCH_HOLE | Linux.FALLOC_FL_KEEP_SIZE, offset, length);
  }

  /**
   * Makes a range read as zeros, its blocks allocated; makes the file longer if the range ends behind
   * it.
   *
   * @param offset where
   * @param length bytes
   * @return 0 or the negative error number
   */
  public long zeroRange(long offset, long length) {
    return fallocate(Linux.FALLOC_FL_ZERO_RANGE, offset, length);
  }

  private long fallocate(int mode, long offset, long length) {
    return SystemCalls.attempt(() -> C.fallocate(fd(), mode, offset, length));
  }

  /**
   * Makes content and length outlive a power cut. After a failure nothing is known of any of it.
   *
   * @throws OsException if the kernel refuses
   */
  public void syncData() {
    check(SystemCalls.attempt(() -> C.fdatasync(fd())), "sync");
  }

  /**
   * Makes content and all that is known of the file, or a directory's entries, outlive a power cut.
   *
   * @throws OsException if the kernel refuses
   */
  public void sync() {
    check(SystemCalls.attempt(() -> C.fsync(fd())), "sync");
  }

  /**
   * Makes all of the file system outlive a power cut.
   *
   * @throws OsException if the kernel refuses
   */
  public void syncFileSystem() {
    check(SystemCalls.attempt(() -> C.syncfs(fd())), "sync file system of");
  }

  /** Begins to write the content to the disk, as far as the file system can; promises nothing. */
  public void startWriting() {
    long ignored =
        SystemCalls.attempt(() -> C.sync_file_range(fd(), 0, 0, Linux.SYNC_FILE_RANGE_WRITE));
    assert ignored <= 0;
  }

  /**
   * Takes a shared lock that belongs to this open file, and is gone when it is closed or the process
   * dies.
   *
   * @param start the first byte
   * @param length bytes
   * @return 0, or the negative error number: EAGAIN if another stands in the way
   */
  public long lockShared(long start, long length) {
    return SystemCalls.attempt(
        () -> C.fcntl(fd(), Linux.F_OFD_SETLK, flock(Linux.F_RDLCK, start, length)));
  }

  /**
   * Takes an exclusive lock that belongs to this open file, and is gone when it is closed or the
   * process dies.
   *
   * @param start the first byte
   * @param length bytes
   * @return 0, or the negative error number: EAGAIN if another stands in the way
   */
  public long lockExclusive(long start, long length) {
    return SystemCalls.attempt(
        () -> C.fcntl(fd(), Linux.F_OFD_SETLK, flock(Linux.F_WRLCK, start, length)));
  }

  /**
   * Gives locks back.
   *
   * @param start the first byte
   * @param length bytes
   * @return 0 or the negative error number
   */
  public long unlock(long start, long length) {
    return SystemCalls.attempt(
        () -> C.fcntl(fd(), Linux.F_OFD_SETLK, flock(Linux.F_UNLCK, start, length)));
  }

  /**
   * Finds a lock of others, shared or exclusive, without taking any.
   *
   * @param start the first byte
   * @param length bytes
   * @return the first there is, or empty
   * @throws OsException if the kernel cannot tell
   */
  public Optional<LockConflict> findLock(long start, long length) {
    ByteBuffer flock = flock(Linux.F_WRLCK, start, length);
    check(SystemCalls.attempt(() -> C.fcntl(fd(), Linux.F_OFD_GETLK, flock)), "look for locks on");
    short type = flock.getShort(0);
    return type == Linux.F_UNLCK
        ? Optional.empty()
        : Optional.of(new LockConflict(
            type == Linux.F_WRLCK,
            flock.getLong(Linux.FLOCK_START),
            flock.getLong(Linux.FLOCK_LENGTH),
            flock.getInt(Linux.FLOCK_PID)));
  }

  private static ByteBuffer flock(short type, long start, long length) {
    return struct(Linux.FLOCK_BYTES)
        .putShort(0, type)
        .putLong(Linux.FLOCK_START, start)
        .putLong(Linux.FLOCK_LENGTH, length);
  }

  /**
   * Returns what the file system has.
   *
   * @return its space
   * @throws OsException if the kernel refuses
   */
  public Space space() {
    ByteBuffer statfs = struct(Linux.STATFS_BYTES);
    check(SystemCalls.attempt(() -> C.fstatfs(fd(), statfs)), "look at file system of");
    return Space.decode(statfs);
  }

  static ByteBuffer struct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  int fd() {
    if (fd < 0) {
      throw new IllegalStateException(name + " is closed");
    }
    return fd;
  }

  /**
   * Tells whether it is open.
   *
   * @return false once it was closed
   */
  public boolean isOpen() {
    return fd >= 0;
  }

  private void check(long result, String operation) {
    SystemCalls.check(result, operation, name);
  }

  /** Closes the descriptor. Does nothing the second time. */
  @Override
  public void close() {
    int closing = fd;
    fd = -1;
    if (closing >= 0) {
      // What close(2) reports is of no use: the descriptor is gone, and what matters was synced.
      int ignored = C.close(closing);
      assert ignored <= 0;
    }
  }

  /**
   * Requires a file that can hold an image.
   *
   * @param field what the caller calls it
   * @return its status
   * @throws N0Exception INVALID if it is neither a regular file nor a block device
   */
  public FileStatus requireImage(String field) {
    FileStatus status = status();
    if (!status.isRegular() && !status.isBlockDevice()) {
      throw N0Exception.invalid(field, name, "must be a regular file or a block device");
    }
    return status;
  }

  /**
   * Requires a regular file.
   *
   * @param field what the caller calls it
   * @return its status
   * @throws N0Exception INVALID if it is another kind of file
   */
  public FileStatus requireRegular(String field) {
    FileStatus status = status();
    if (!status.isRegular()) {
      throw N0Exception.invalid(field, name, "must be a regular file");
    }
    return status;
  }
}
