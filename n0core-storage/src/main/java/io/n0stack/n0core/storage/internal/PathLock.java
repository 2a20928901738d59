package io.n0stack.n0core.storage.internal;

import io.n0stack.n0core.api.OsException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import jnr.constants.platform.Errno;

/**
 * A lock on a file that the kernel drops when the process dies. See fcntl(2), "Open file description
 * locks": unlike the locks of the JDK it belongs to one opening of the file, so it also parts threads,
 * and outlives the closing of another descriptor of the file. A program that is started does not inherit it.
 */
public final class PathLock implements AutoCloseable {
  private static final long ALL = 0; // bytes: to the end, wherever that is

  private final Path path;
  private final NativeFile file;

  private PathLock(Path path, NativeFile file) {
    this.path = path;
    this.file = file;
  }

  /**
   * Takes the lock, making the file, mode 0600, if there is none.
   *
   * @param path the file; a symbolic link is refused
   * @return the lock; empty if it is held elsewhere
   * @throws IOException if the file cannot be made
   * @throws OsException if it cannot be opened or locked
   */
  public static Optional<PathLock> take(Path path) throws IOException {
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

  /**
   * Takes the lock on a file that exists.
   *
   * @param path the file; a symbolic link is refused
   * @return the lock; empty if it is held elsewhere or the file is gone
   * @throws OsException if it cannot be opened or locked
   */
  public static Optional<PathLock> takeExisting(Path path) {
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
      taken = isInPlace();
      return taken ? Attempt.TAKEN : Attempt.GONE;
    } finally {
      if (!taken) {
        file.close();
      }
    }
  }

  /**
   * Tells whether the file still has its name, so that others find the lock there.
   *
   * @return false if there is no file of that name, or another one
   * @throws OsException if the kernel refuses to look
   */
  public boolean isInPlace() {
    FileStatus here = file.status();
    return NativeFile.look(path)
        .filter(named -> named.inode() == here.inode() && named.device() == here.device())
        .isPresent();
  }

  /**
   * Lists who has the lock on a file, without taking it.
   *
   * @param path the file
   * @return the processes; empty if nobody has it, the file is gone, or it is a process that this one may
   *     not look at
   * @throws OsException if the file cannot be opened
   */
  public static List<LockHolders.Holder> holders(Path path) {
    Optional<NativeFile> opened = open(path);
    if (opened.isEmpty()) {
      return List.of();
    }
    try (NativeFile file = opened.get()) {
      return LockHolders.of(file, 0, Long.MAX_VALUE);
    }
  }

  /**
   * Tells whether somebody has the lock on a file, without taking it.
   *
   * @param path the file
   * @return false if nobody has it, or the file is gone
   * @throws OsException if the kernel refuses to look
   */
  public static boolean isHeld(Path path) {
    Optional<NativeFile> opened = open(path);
    if (opened.isEmpty()) {
      return false;
    }
    try (NativeFile file = opened.get()) {
      return file.findLock(0, ALL).isPresent();
    }
  }

  /**
   * Unlinks the file while it is held, and drops the lock.
   *
   * @throws IOException if it cannot be unlinked
   */
  public void delete() throws IOException {
    try {
      Files.deleteIfExists(path);
    } finally {
      close();
    }
  }

  /** Drops the lock. Does nothing the second time. */
  @Override
  public void close() {
    file.close();
  }
}
