package io.n0stack.n0core.storage.qcow2;

import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.storage.internal.FileStatus;
import io.n0stack.n0core.storage.internal.NativeFile;
import io.n0stack.n0core.storage.internal.SystemCalls;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.function.Supplier;
import jnr.constants.platform.Errno;

/** Tells what a file takes on the host and where its holes are, which the JDK cannot. See lseek(2). */
final class HostFile implements Closeable {
  private final NativeFile file;

  private HostFile(NativeFile file) {
    this.file = file;
  }

  /** Opens what {@link ImageFiles} has found to be a regular file. */
  static HostFile open(Path file) throws IOException {
    return new HostFile(translated(() -> NativeFile.openForReading(file)));
  }

  static long allocatedBytes(Path file) throws IOException {
    return translated(() -> NativeFile.look(file))
        .map(FileStatus::allocatedBytes)
        .orElseThrow(() -> new NoSuchFileException(file.toString()));
  }

  /** Finds the first data at or behind a position; {@code Long.MAX_VALUE} if there is none. */
  long dataFrom(long position) throws IOException {
    return found(file.seekData(position));
  }

  /** Finds the first hole at or behind a position, which may be the end of the file. */
  long holeFrom(long position) throws IOException {
    return found(file.seekHole(position));
  }

  private long found(long result) throws IOException {
    return SystemCalls.is(result, Errno.ENXIO)
        ? Long.MAX_VALUE
        : translated(() -> SystemCalls.check(result, "seek in", file.name()));
  }

  private static <R> R translated(Supplier<R> call) throws IOException {
    try {
      return call.get();
    } catch (OsException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    file.close();
  }
}
