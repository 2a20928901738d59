package io.n0stack.n0core.storage.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Optional;
import jnr.constants.platform.Errno;
import org.jspecify.annotations.Nullable;

/**
 * Owns a descriptor. Methods that return a number give the negative error number instead of throwing
 * where a caller has another way to go. Not thread-safe.
 */
public final class NativeFile implements AutoCloseable {
  private static final LibC C = LibC.INSTANCE;

  private final @Nullable Path directory;
  private final String name;
  private final Memory memory;
  private int fd;
  private boolean locked;

  /** Owns a descriptor of a file by its name in a directory, if it is not a path already. */
  NativeFile(@Nullable Path directory, String name, Memory memory, int fd) {
    this.directory = directory;
    this.name = name;
    this.memory = memory;
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
    return open(path, Linux.O_RDONLY | Linux.O_NONBLOCK | Linux.O_NOCTTY, new Memory());
  }

  /**
   * Opens a file for reading and writing; refuses a symbolic link.
   *
   * @param path the file
   * @return the open file
   * @throws OsException if the kernel refuses
   */
  public static NativeFile openForWriting(Path path) {
    int flags = Linux.O_RDWR | Linux.O_NONBLOCK | Linux.O_NOCTTY | Linux.O_NOFOLLOW;
    return open(path, flags, new Memory());
  }

  /** Opens a directory; follows symbolic links. */
  static NativeFile openDirectory(Path path, Memory memory) {
    return open(path, Linux.O_RDONLY | Linux.O_DIRECTORY, memory);
  }

  private static NativeFile open(Path path, int flags, Memory memory) {
    String name = path.toString();
    long bytes = memory.first(name);
    long fd;
    try {
      do {
        fd = SystemCalls.result(C.openat(Linux.AT_FDCWD, bytes, flags | Linux.O_CLOEXEC, 0));
      } while (fd == SystemCalls.INTERRUPTED);
    } finally {
      Reference.reachabilityFence(memory);
    }
    SystemCalls.check(fd, "open", name);
    return new NativeFile(null, name, memory, (int) fd);
  }

  /**
   * Looks at a name without following a symbolic link.
   *
   * @param path the name
   * @return what is there, or empty if it is proved that nothing is
   * @throws OsException if the kernel refuses to look
   */
  public static Optional<FileStatus> look(Path path) {
    return Memory.lent(memory -> look(path, memory));
  }

  private static Optional<FileStatus> look(Path path, Memory memory) {
    long name = memory.first(path.toString());
    long result = statx(Linux.AT_FDCWD, name, Linux.AT_SYMLINK_NOFOLLOW, memory.struct());
    if (SystemCalls.is(result, Errno.ENOENT)) {
      return Optional.empty();
    }
    SystemCalls.check(result, "look at", path);
    return Optional.of(FileStatus.decode(memory.structure()));
  }

  /** Looks at a name; returns 0 or the negative error number. */
  static long statx(int directory, long name, int flags, long status) {
    long result;
    do {
      result = SystemCalls.result(C.statx(directory, name, flags, Linux.STATX_BASIC_STATS, status));
    } while (result == SystemCalls.INTERRUPTED);
    return result;
  }

  /**
   * Returns what the kernel knows of it.
   *
   * @return its status
   * @throws OsException if the kernel refuses
   */
  public FileStatus status() {
    lookAtIt();
    return FileStatus.decode(memory.structure());
  }

  /**
   * Tells whether it has a name.
   *
   * @return false if all its names were taken away
   * @throws OsException if the kernel refuses
   */
  public boolean hasName() {
    lookAtIt();
    return memory.structure().getInt(Linux.STATX_NLINK) > 0;
  }

  private void lookAtIt() {
    check(statx(fd(), memory.first(""), Linux.AT_EMPTY_PATH, memory.struct()), "look at");
  }

  /**
   * Returns the name that it was opened by.
   *
   * @return a path as text
   */
  public String name() {
    return directory == null ? name : directory.resolve(name).toString();
  }

  /**
   * Returns a channel of it.
   *
   * @return a new channel for reading and writing, which the caller closes before this
   */
  public FileChannel channel() {
    return new NativeChannel(this, memory);
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

  /** Writes bytes that are outside the heap. */
  long write(long address, int length, long offset) {
    long result;
    do {
      result = SystemCalls.result(C.pwrite(fd(), address, length, offset));
    } while (result == SystemCalls.INTERRUPTED);
    return result;
  }

  /** Returns its length, or the negative error number. */
  long end() {
    return SystemCalls.result(C.lseek(fd(), 0, Linux.SEEK_END));
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
    long result;
    do {
      result = SystemCalls.result(C.fdatasync(fd()));
    } while (result == SystemCalls.INTERRUPTED);
    check(result, "sync");
  }

  /**
   * Makes content and all that is known of the file, or a directory's entries, outlive a power cut.
   *
   * @throws OsException if the kernel refuses
   */
  public void sync() {
    long result;
    do {
      result = SystemCalls.result(C.fsync(fd()));
    } while (result == SystemCalls.INTERRUPTED);
    check(result, "sync");
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
    int ignored = C.sync_file_range(fd(), 0, 0, Linux.SYNC_FILE_RANGE_WRITE);
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
    locked = true;
    return lock(Linux.F_OFD_SETLK, Linux.F_RDLCK, start, length);
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
    locked = true;
    return lock(Linux.F_OFD_SETLK, Linux.F_WRLCK, start, length);
  }

  /**
   * Gives locks back.
   *
   * @param start the first byte
   * @param length bytes; 0 for all that follow
   * @return 0 or the negative error number
   */
  public long unlock(long start, long length) {
    return lock(Linux.F_OFD_SETLK, Linux.F_UNLCK, start, length);
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
    check(lock(Linux.F_OFD_GETLK, Linux.F_WRLCK, start, length), "look for locks on");
    ByteBuffer flock = memory.structure();
    short type = flock.getShort(0);
    return type == Linux.F_UNLCK
        ? Optional.empty()
        : Optional.of(new LockConflict(
            type == Linux.F_WRLCK,
            flock.getLong(Linux.FLOCK_START),
            flock.getLong(Linux.FLOCK_LENGTH),
            flock.getInt(Linux.FLOCK_PID)));
  }

  private long lock(int command, short type, long start, long length) {
    // struct flock; l_whence is 0, SEEK_SET, and l_pid has to be 0.
    memory
        .structure()
        .putLong(0, 0)
        .putShort(0, type)
        .putLong(Linux.FLOCK_START, start)
        .putLong(Linux.FLOCK_LENGTH, length)
        .putLong(Linux.FLOCK_PID, 0);
    long result;
    do {
      result = SystemCalls.result(C.fcntl(fd(), command, memory.struct()));
    } while (result == SystemCalls.INTERRUPTED);
    return result;
  }

  /**
   * Returns what the file system has.
   *
   * @return its space
   * @throws OsException if the kernel refuses
   */
  public Space space() {
    check(SystemCalls.attempt(() -> C.fstatfs(fd(), memory.struct())), "look at file system of");
    return Space.decode(memory.structure());
  }

  static ByteBuffer struct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  int fd() {
    if (fd < 0) {
      throw new IllegalStateException(name() + " is closed");
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
    if (result < 0) {
      throw SystemCalls.failure(result, operation, name());
    }
  }

  /**
   * Gives locks back and closes the descriptor. Does nothing the second time. A process that is just being
   * started has the descriptor, too, until it becomes another program, and would keep the locks so long.
   */
  @Override
  public void close() {
    if (locked && fd >= 0) {
      long ignored = unlock(0, 0);
      assert ignored <= 0;
      locked = false;
    }
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
      throw N0Exception.invalid(field, name(), "must be a regular file or a block device");
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
      throw N0Exception.invalid(field, name(), "must be a regular file");
    }
    return status;
  }
}
