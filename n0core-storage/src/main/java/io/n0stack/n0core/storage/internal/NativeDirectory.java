package io.n0stack.n0core.storage.internal;

import io.n0stack.n0core.api.OsException;
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
  private final Memory memory;
  private final NativeFile directory;

  private NativeDirectory(Path path, Memory memory, NativeFile directory) {
    this.path = path;
    this.memory = memory;
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
    Memory memory = new Memory();
    return new NativeDirectory(path, memory, NativeFile.openDirectory(path, memory));
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
    int flags = Linux.O_RDWR | Linux.O_NOFOLLOW | Linux.O_CLOEXEC | more;
    long bytes = memory.first(name);
    long fd;
    do {
      fd = SystemCalls.result(C.openat(directory.fd(), bytes, flags, PRIVATE));
    } while (fd == SystemCalls.INTERRUPTED);
    if (fd < 0) {
      throw SystemCalls.failure(fd, operation, path.resolve(name));
    }
    return new NativeFile(path, name, memory, (int) fd);
  }

  /**
   * Looks at a name without following a symbolic link.
   *
   * @param name the name
   * @return what is there, or empty if it is proved that nothing is
   * @throws OsException if the kernel refuses to look
   */
  public Optional<FileStatus> look(String name) {
    return exists(name) ? Optional.of(FileStatus.decode(memory.structure())) : Optional.empty();
  }

  /**
   * Looks whether a name is taken, be it by a symbolic link that leads nowhere.
   *
   * @param name the name
   * @return true if it is, false if it is proved that it is not
   * @throws OsException if the kernel refuses to look
   */
  public boolean exists(String name) {
    long result = NativeFile.statx(
        directory.fd(), memory.first(name), Linux.AT_SYMLINK_NOFOLLOW, memory.struct());
    if (result < 0 && !SystemCalls.is(result, Errno.ENOENT)) {
      throw SystemCalls.failure(result, "look at", path.resolve(name));
    }
    return result == 0;
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
    long old = memory.first(from);
    long fresh = memory.second(to);
    long result;
    do {
      result = SystemCalls.result(C.renameat2(directory.fd(), old, directory.fd(), fresh, flags));
    } while (result == SystemCalls.INTERRUPTED);
    return result;
  }

  /**
   * Gives a file another name, unless that is taken.
   *
   * @param from its name
   * @param to the other name
   * @return 0 or the negative error number: EEXIST if it is taken
   */
  public long link(String from, String to) {
    long old = memory.first(from);
    long fresh = memory.second(to);
    return SystemCalls.attempt(() -> C.linkat(directory.fd(), old, directory.fd(), fresh, 0));
  }

  /**
   * Takes a name away.
   *
   * @param name the name
   * @return 0 or the negative error number
   */
  public long unlink(String name) {
    long bytes = memory.first(name);
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
