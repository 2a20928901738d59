package io.n0stack.n0core.storage.file;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.storage.internal.Failures;
import io.n0stack.n0core.storage.internal.NativeFile;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;

/**
 * Keeps QEMU off an image until it is closed, or the process ends. Thread-safe.
 *
 * @since 0.1
 */
public final class ImageLock implements AutoCloseable {
  private final NativeFile file;

  ImageLock(NativeFile file) {
    this.file = file;
  }

  /**
   * Opens the very file that is locked, whatever its name stands for by now.
   *
   * @param options how
   * @return a channel, which the caller closes; closing it leaves the lock
   * @throws io.n0stack.n0core.api.N0Exception if it cannot be opened
   */
  public synchronized FileChannel open(OpenOption... options) {
    Path path = file.reopening();
    return Failures.translated(
        "open " + Rules.quote(file.name()), () -> FileChannel.open(path, options));
  }

  /** Gives the lock back. Does nothing the second time. */
  @Override
  public synchronized void close() {
    file.close();
  }
}
