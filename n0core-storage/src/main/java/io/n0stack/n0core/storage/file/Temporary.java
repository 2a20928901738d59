package io.n0stack.n0core.storage.file;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.storage.file.Seam.Step;
import io.n0stack.n0core.storage.internal.Failures;
import io.n0stack.n0core.storage.internal.FileStatus;
import io.n0stack.n0core.storage.internal.NativeDirectory;
import io.n0stack.n0core.storage.internal.NativeFile;
import io.n0stack.n0core.storage.internal.SystemCalls;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;
import jnr.constants.platform.Errno;
import org.jspecify.annotations.Nullable;

/**
 * A file under a temporary name, locked as long as its maker lives. Whoever finds it unlocked may
 * unlink it: so its maker, once it has the lock, makes sure that the file still has a name.
 */
final class Temporary implements AutoCloseable {
  static final String PREFIX = ".n0-";
  private static final Pattern NAME = Pattern.compile("\\.n0-[0-9a-f-]{36}\\.tmp");
  // Far from the bytes that QEMU locks.
  private static final long LOCK = 1L << 62;
  private static final int MOST_ATTEMPTS = 100;

  private final NativeDirectory directory;
  private final String destination;
  private final Seam seam;
  private final String name;
  private final NativeFile file;
  private @Nullable FileChannel channel;
  private boolean named;
  private boolean unlinked;
  private boolean lent;

  private Temporary(
      NativeDirectory directory, String destination, Seam seam, String name, NativeFile file) {
    this.directory = directory;
    this.destination = destination;
    this.seam = seam;
    this.name = name;
    this.file = file;
  }

  static Temporary in(NativeDirectory directory, String destination, Making making) {
    for (int attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      String name = making.temporaryName();
      Temporary made =
          new Temporary(directory, destination, making.seam(), name, directory.create(name));
      boolean kept = Failures.undoing(made::keep, made::close);
      if (kept) {
        return made;
      }
      made.close();
    }
    throw new N0Exception(
        N0Exception.Code.BUSY,
        directory.path().toString(),
        "create file in " + Rules.quote(directory.path().toString())
            + ": another unlinks each temporary file");
  }

  /** Takes the lock; returns false if a sweep was faster. */
  private boolean keep() {
    seam.after(Step.CREATED);
    long result = file.lockExclusive(LOCK, 1);
    if (SystemCalls.is(result, Errno.EAGAIN, Errno.EACCES)) {
      return false;
    }
    if (!hasNoLocks(result)) {
      SystemCalls.check(result, "lock", file.name());
    }
    seam.after(Step.LOCKED);
    return file.hasName();
  }

  /** Tells whether locks do not exist there: then nobody can take an unlocked file for abandoned. */
  private static boolean hasNoLocks(long result) {
    return SystemCalls.is(result, Errno.ENOLCK, Errno.EOPNOTSUPP, Errno.ENOSYS, Errno.EINVAL);
  }

  /** Unlinks a temporary file whose maker is gone; returns false if it was left alone. */
  static boolean sweep(NativeDirectory directory, String name) {
    Optional<FileStatus> seen = directory.look(name).filter(FileStatus::isRegular);
    if (!NAME.matcher(name).matches() || seen.isEmpty()) {
      return false;
    }
    try (NativeFile file = directory.openFile(name)) {
      long result = file.lockExclusive(LOCK, 1);
      if (SystemCalls.is(result, Errno.EAGAIN, Errno.EACCES)) {
        return false;
      }
      if (hasNoLocks(result)) {
        throw new N0Exception(
            N0Exception.Code.UNSUPPORTED,
            file.name(),
            "sweep " + Rules.quote(file.name()) + ": its file system has no locks of open files, so"
                + " that nothing is known of its maker",
            SystemCalls.failure(result, "lock", file.name()));
      }
      SystemCalls.check(result, "lock", file.name());
      FileStatus locked = file.status();
      if (directory.look(name).filter(locked::isSameFile).isEmpty()) {
        return false;
      }
      return directory.unlink(name) == 0;
    } catch (OsException e) {
      // Gone meanwhile, or another user's.
      if (e.errnoName().equals("ENOENT") || e.errnoName().equals("EACCES")) {
        return false;
      }
      throw e;
    }
  }

  /** Tells the name, by which a program may put another file there. */
  Path path() {
    lent = true;
    return directory.path().resolve(name);
  }

  NativeFile file() {
    return file;
  }

  FileChannel channel() {
    if (channel == null) {
      channel = file.channel();
    }
    return channel;
  }

  void write(FileContent content) {
    try (FileChannel open = channel()) {
      content.write(open);
    } catch (IOException e) {
      throw Failures.of("write " + Rules.quote(target().toString()), e);
    }
    seam.after(Step.WRITTEN);
  }

  void startWriting() {
    file.startWriting();
  }

  void sync() {
    file.syncData();
    seam.after(Step.SYNCED);
  }

  boolean isNamed() {
    return named;
  }

  /** Gives it its name, unless that is taken. */
  void publish() {
    requireOwnName();
    long result = directory.renameToFree(name, destination);
    if (SystemCalls.is(result, Errno.EINVAL, Errno.ENOSYS, Errno.EOPNOTSUPP)) {
      link();
    } else {
      requireDone(result, "create");
      named = true;
      unlinked = true;
    }
    seam.after(Step.NAMED);
  }

  private void link() {
    requireDone(directory.link(name, destination), "create");
    named = true;
    seam.after(Step.LINKED);
    SystemCalls.check(directory.unlink(name), "unlink", path());
    unlinked = true;
  }

  /** Gives it its name; what had it has none then. */
  void replace() {
    requireOwnName();
    requireDone(directory.rename(name, destination), "replace");
    named = true;
    unlinked = true;
    seam.after(Step.NAMED);
  }

  /** A program that was given the path may have put another file there, which nobody synced. */
  private void requireOwnName() {
    if (!lent) {
      return;
    }
    FileStatus status = file.status();
    if (directory.look(name).filter(status::isSameFile).isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          target().toString(),
          "create " + Rules.quote(target().toString()) + ": its temporary file " + Rules.quote(name)
              + " was replaced or unlinked");
    }
  }

  /** Takes the published name away again, if it is still this file's. */
  void undo() {
    if (!named) {
      return;
    }
    FileStatus status = file.status();
    if (directory.look(destination).filter(status::isSameFile).isPresent()) {
      requireDone(directory.unlink(destination), "unlink");
    }
  }

  private void requireDone(long result, String operation) {
    if (result < 0) {
      throw SystemCalls.failure(result, operation, target());
    }
  }

  private Path target() {
    return directory.path().resolve(destination);
  }

  /** Unlinks it if it has no other name, and gives the lock back. Does nothing the second time. */
  @Override
  public void close() {
    if (!file.isOpen()) {
      return;
    }
    try {
      if (channel != null) {
        channel.close();
      }
      unlink();
    } catch (IOException e) {
      throw Failures.of("close " + Rules.quote(file.name()), e);
    } finally {
      file.close();
    }
  }

  private void unlink() {
    if (!unlinked) {
      long result = directory.unlink(name);
      // A sweep was faster than the lock.
      if (!SystemCalls.is(result, Errno.ENOENT)) {
        SystemCalls.check(result, "unlink", path());
      }
    }
  }
}
