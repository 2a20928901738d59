package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.storage.internal.FileStatus;
import io.n0stack.n0core.storage.internal.NativeFile;
import io.n0stack.n0core.storage.internal.SystemCalls;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;
import jnr.constants.platform.Errno;

/**
 * A lock on a file that the kernel drops when the process dies. See fcntl(2), "Open file description
 * locks": unlike the locks of the JDK it belongs to one opening of the file, so it also parts threads,
 * and outlives the closing of another descriptor of the file.
 */
final class PathLock implements AutoCloseable {
  private static final long ALL = 0; // bytes: to the end, wherever that is

  private final Path path;
  private final NativeFile file;

  private PathLock(Path path, NativeFile file) {
    this.path = path;
    this.file = file;
  }

  /** Takes the lock, making the file if there is none; empty if it is held elsewhere. */
  static Optional<PathLock> take(Path path) throws IOException {
    while (true) {
      FileChannel.open(
              path,
              Set.of(
                  StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))
          .close();
      Optional<NativeFile> opened = open(path);
      if (opened.isPresent()) {
        PathLock lock = new PathLock(path, opened.get());
        Attempt attempt = lock.attempt();
        if (attempt != Attempt.GONE) {
          return attempt == Attempt.TAKEN ? Optional.of(lock) : Optional.empty();
        }
      }
    }
  }

  /** Takes the lock on a file that exists; empty if it is held elsewhere or the file is gone. */
  static Optional<PathLock> takeExisting(Path path) {
    Optional<PathLock> lock = open(path).map(file -> new PathLock(path, file));
    return lock.filter(opened -> opened.attempt() == Attempt.TAKEN);
  }

  /** What came of taking the lock. */
  private enum Attempt {
    TAKEN,
    HELD,
    GONE
  }

  private static Optional<NativeFile> open(Path path) {
    try {
      return Optional.of(NativeFile.openForWriting(path));
    } catch (OsException e) {
      if (e.errno() == Errno.ENOENT.intValue()) {
        return Optional.empty();
      }
      throw e;
    }
  }

  /** Closes the file unless the lock is taken. */
  private Attempt attempt() {
    boolean taken = false;
    try {
      long result = file.lockExclusive(0, ALL);
      if (SystemCalls.is(result, Errno.EAGAIN, Errno.EACCES)) {
        return Attempt.HELD;
      }
      SystemCalls.check(result, "lock", path);
      // Whoever held it before may have unlinked the file in the meantime.
      FileStatus here = file.status();
      taken = NativeFile.look(path)
          .filter(named -> named.inode() == here.inode() && named.device() == here.device())
          .isPresent();
      return taken ? Attempt.TAKEN : Attempt.GONE;
    } finally {
      if (!taken) {
        file.close();
      }
    }
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
    file.close();
  }
}
