package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.storage.internal.LockHolders.Holder;
import io.n0stack.n0core.storage.internal.PathLock;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a pool to one driver, by a lock on a file in it that the kernel drops when the process dies, whatever
 * programs it has started and left behind. Thread-safe.
 */
final class PoolLock implements AutoCloseable {
  static final String FILE = ".lock";

  private final Path directory;
  private final Path file;
  private @Nullable PathLock held;
  private boolean closed;

  PoolLock(Path directory) {
    this.directory = directory;
    file = directory.resolve(FILE);
  }

  /** Takes a pool that exists, unless it is taken by this driver; BUSY if it is by another. */
  synchronized void take() throws IOException {
    if (closed) {
      throw new IllegalStateException("the driver of " + directory + " is closed");
    }
    // Another pool may be mounted there by now, or the file be unlinked: then nothing keeps others
    // out.
    if (held != null && held.isInPlace()) {
      return;
    }
    release();
    Optional<PathLock> taken = PathLock.take(file);
    if (taken.isEmpty()) {
      throw busy();
    }
    held = taken.get();
  }

  /** Throws BUSY if another driver has taken the pool; takes nothing. */
  synchronized void requireNotOfAnother() {
    if (held == null && PathLock.isHeld(file)) {
      throw busy();
    }
  }

  private N0Exception busy() {
    List<Holder> holders = PathLock.holders(file);
    String who = holders.isEmpty()
        ? "another process"
        : holders.stream().map(PoolLock::named).distinct().collect(Collectors.joining(", "));
    return new N0Exception(
        N0Exception.Code.BUSY,
        "storage.directory",
        "use storage.directory " + Rules.quote(directory.toString()) + ": in use by " + who
            + "; stop it or choose another directory");
  }

  private static String named(Holder holder) {
    return holder.pid() == ProcessHandle.current().pid()
        ? "another driver of this process"
        : "another process, pid " + holder.pid() + " (" + holder.command() + ")";
  }

  private void release() {
    if (held != null) {
      held.close();
      held = null;
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    release();
  }
}
