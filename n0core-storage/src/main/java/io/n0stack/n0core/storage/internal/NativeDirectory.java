package io.n0stack.n0core.storage.internal;

import io.n0stack.n0core.api.OsException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Optional;
import jnr.constants.platform.Errno;

/**
 * Owns a descriptor of a directory, so that names in it mean the same directory whatever is renamed
 * meanwhile. Not thread-safe.
 */
public final class NativeDirectory implements AutoCloseable {
  private static final LibC C = LibC.INSTANCE;
  private static final int PRIVATE = 0600;

  private final Path path;
  private final NativeFile directory;

  private NativeDirectory(Path path, NativeFile directory) {
    this.path = path;
    this.directory = directory;
  }

  /**
   * Opens a directory; follows symbolic links.
   *
   * @param path the directory
   * @return the open directory
   * @throws OsException if the kernel refuses
   */
  public static NativeDirectory open(Path path) {
    return new NativeDirectory(path, NativeFile.openDirectory(path));
  }

  /**
   * Returns what it was opened by.
   *
   * @return a path
   */
  public Path path() {
    return path;
  }

  /**
   * Makes a file that was not there, mode 0600, and opens it for reading and writing.
   *
   * @param name its name
   * @return the open file
   * @throws OsException EEXIST if there is anything of that name, be it a symbolic link
   */
  public NativeFile create(String name) {
    return openAt(name, Linux.O_CREAT | Linux.O_EXCL, "create");
  }

  /**
   * Opens a file for reading and writing; refuses a symbolic link.
   *
   * @param name its name
   * @return the open file
   * @throws OsException if the kernel refuses
   */
  public NativeFile openFile(String name) {
    return openAt(name, Linux.O_NONBLOCK | Linux.O_NOCTTY, "open");
  }

  private NativeFile openAt(String name, int more, String operation) {
    byte[] bytes = SystemCalls.bytes(name);
    int flags = Linux.O_RDWR | Linux.O_NOFOLLOW | Linux.O_CLOEXEC | more;
    long fd = SystemCalls.attempt(() -> C.openat(directory.fd(), bytes, flags, PRIVATE));
    SystemCalls.check(fd, operation, path.resolve(name));
    return new NativeFile(path.resolve(name).toString(), (int) fd);
  }

  /**
   * Looks at a name without following a symbolic link.
   *
   * @param name the name
   * @return what is there, or empty if it is proved that nothing is
   * @throws OsException if the kernel refuses to look
   */
  public Optional<FileStatus> look(String name) {
    byte[] bytes = SystemCalls.bytes(name);
    ByteBuffer statx = NativeFile.struct(Linux.STATX_BYTES);
    long result = SystemCalls.attempt(() ->
        C.statx(directory.fd(), bytes, Linux.AT_SYMLINK_NOFOLLOW, Linux.STATX_BASIC_STATS, statx));
    if (SystemCalls.is(result, Errno.ENOENT)) {
      return Optional.empty();
    }
    SystemCalls.check(result, "look at", path.resolve(name));
    return Optional.of(FileStatus.decode(statx));
  }

  /**
   * Renames, unless the new name is taken. See renameat2(2), RENAME_NOREPLACE.
   *
   * @param from the old name
   * @param to the new name
   * @return 0 or the negative error number: EEXIST if it is taken, EINVAL if the file system cannot
   */
  public long renameToFree(String from, String to) {
    return rename(from, to, Linux.RENAME_NOREPLACE);
  }

  /**
   * Renames; what had the new name has none then.
   *
   * @param from the old name
   * @param to the new name
   * @return 0 or the negative error number
   */
  public long rename(String from, String to) {
    return rename(from, to, 0);
  }

  private long rename(String from, String to, int flags) {
    byte[] old = SystemCalls.bytes(from);
    byte[] fresh = SystemCalls.bytes(to);
    return SystemCalls.attempt(
        () -> C.renameat2(directory.fd(), old, directory.fd(), fresh, flags));
  }

  /**
   * Gives a file another name, unless that is taken.
   *
   * @param from its name
   * @param to the other name
   * @return 0 or the negative error number: EEXIST if it is taken
   */
  public long link(String from, String to) {
    byte[] old = SystemCalls.bytes(from);
    byte[] fresh = SystemCalls.bytes(to);
    return SystemCalls.attempt(() -> C.linkat(directory.fd(), old, directory.fd(), fresh, 0));
  }

  /**
   * Takes a name away.
   *
   * @param name the name
   * @return 0 or the negative error number
   */
  public long unlink(String name) {
    byte[] bytes = SystemCalls.bytes(name);
    return SystemCalls.attempt(() -> C.unlinkat(directory.fd(), bytes, 0));
  }

  /**
   * Makes the entries outlive a power cut.
   *
   * @throws OsException if the kernel refuses
   */
  public void sync() {
    directory.sync();
  }

  /** Closes the descriptor. Does nothing the second time. */
  @Override
  public void close() {
    directory.close();
  }
}
