package io.n0stack.n0core.kvm.internal.record;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.internal.GuardedFiles;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Looks at the lock that QEMU holds on its pid file while it lives. QEMU removes the file's name
 * before it ends, so only who had the file open sees when it has really ended.
 */
public final class PidLock implements AutoCloseable {
  private static final int ATTEMPTS = 100;
  private static final int PAUSE_MILLIS = 10;

  private final Path path;
  private final FileChannel file;

  private PidLock(Path path, FileChannel file) {
    this.path = path;
    this.file = file;
  }

  /**
   * Opens a pid file, which is seen from then on also without its name.
   *
   * @param pidFile the file
   * @return the lock, which the caller closes
   * @throws java.nio.file.NoSuchFileException if QEMU has not made it, or has begun to end
   * @throws IOException if it cannot be opened
   */
  public static PidLock open(Path pidFile) throws IOException {
    return new PidLock(pidFile, GuardedFiles.open(pidFile, StandardOpenOption.READ));
  }

  /** QEMU locks first and writes then: trying the lock of an empty file could make it fail. */
  boolean written() throws IOException {
    return file.size() > 0;
  }

  /**
   * Says whether QEMU lives. Takes the lock for a moment if it does not.
   *
   * @return true if another process holds the lock
   * @throws N0Exception UNAVAILABLE if that cannot be seen
   */
  public boolean held() {
    try {
      for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        try (FileLock lock = file.tryLock(0, Long.MAX_VALUE, true)) {
          return lock == null;
        } catch (OverlappingFileLockException e) {
          Pauses.pause("look at " + path, PAUSE_MILLIS); // another thread looks just now
        }
      }
    } catch (IOException e) {
      throw failure(e);
    }
    throw failure(new IOException("others hold the lock"));
  }

  private N0Exception failure(IOException cause) {
    return DurableFiles.failure(path.toString(), "look at " + path, cause);
  }

  @Override
  public void close() throws IOException {
    file.close();
  }
}
