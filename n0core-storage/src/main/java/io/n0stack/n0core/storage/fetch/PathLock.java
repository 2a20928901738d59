package io.n0stack.n0core.storage.fetch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import jnr.constants.platform.Errno;
import jnr.constants.platform.OpenFlags;
import jnr.posix.FileStat;
import jnr.posix.POSIX;
import jnr.posix.POSIXFactory;

/**
 * A lock on a file that the kernel drops when the process dies. See flock(2): unlike the locks of the
 * JDK it belongs to one opening of the file, so it also parts threads, and outlives the closing of
 * another descriptor of the file.
 */
final class PathLock implements AutoCloseable {
  private static final POSIX HOST = POSIXFactory.getNativePOSIX();
  private static final int EXCLUSIVE_NOW = 2 | 4; // LOCK_EX | LOCK_NB, sys/file.h
  private static final int PRIVATE = 0600;
  private static final int FLAGS = OpenFlags.O_RDWR.intValue()
      | OpenFlags.O_CLOEXEC.intValue()
      | OpenFlags.O_NOFOLLOW.intValue();

  private final Path path;
  private int fd;

  private PathLock(Path path, int fd) {
    this.path = path;
    this.fd = fd;
  }

  /** Takes the lock, making the file if there is none; empty if it is held elsewhere. */
  static Optional<PathLock> take(Path path) throws IOException {
    return open(path, FLAGS | OpenFlags.O_CREAT.intValue());
  }

  /** Takes the lock on a file that exists; empty if it is held elsewhere or the file is gone. */
  static Optional<PathLock> takeExisting(Path path) throws IOException {
    return open(path, FLAGS);
  }

  private static Optional<PathLock> open(Path path, int flags) throws IOException {
    while (true) {
      int fd = HOST.open(path.toString(), flags, PRIVATE);
      if (fd < 0) {
        if (HOST.errno() == Errno.ENOENT.intValue() && flags == FLAGS) {
          return Optional.empty();
        }
        throw failure("open", path);
      }
      PathLock lock = new PathLock(path, fd);
      boolean taken = false;
      try {
        if (HOST.flock(fd, EXCLUSIVE_NOW) < 0) {
          if (HOST.errno() == Errno.EWOULDBLOCK.intValue()) {
            return Optional.empty();
          }
          throw failure("flock", path);
        }
        // Whoever held it before may have unlinked the file in the meantime.
        taken = lock.isOf(path);
        if (taken) {
          return Optional.of(lock);
        }
      } finally {
        if (!taken) {
          lock.close();
        }
      }
    }
  }

  private boolean isOf(Path named) throws IOException {
    FileStat stat = HOST.allocateStat();
    if (HOST.fstat(fd, stat) < 0) {
      throw failure("fstat", named);
    }
    try {
      return ((Number) Files.getAttribute(named, "unix:ino", LinkOption.NOFOLLOW_LINKS)).longValue()
          == stat.ino();
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private static IOException failure(String call, Path path) {
    Errno errno = Errno.valueOf(HOST.errno());
    return new java.nio.file.FileSystemException(
        path.toString(), null, call + ": " + errno.description() + " (" + errno.name() + ")");
  }

  /** Unlinks the file while it is held, and drops the lock. */
  void delete() throws IOException {
    try {
      Files.deleteIfExists(path);
    } finally {
      close();
    }
  }

  @Override
  public void close() {
    if (fd >= 0) {
      HOST.close(fd);
      fd = -1;
    }
  }
}
