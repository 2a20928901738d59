package io.n0stack.n0core.kvm.internal;

import io.n0stack.n0core.api.N0Exception;
import java.nio.file.Path;
import jnr.constants.platform.Errno;
import jnr.constants.platform.OpenFlags;
import jnr.posix.POSIX;
import jnr.posix.POSIXFactory;

/** A file open as a descriptor, to be passed to QEMU, which may not open it by its path. */
final class OpenFile implements AutoCloseable {
  private static final POSIX LIBC = POSIXFactory.getNativePOSIX();
  private static final int PRIVATE = 0600;

  private final int descriptor;
  private boolean closed;

  private OpenFile(int descriptor) {
    this.descriptor = descriptor;
  }

  /** Makes the file, or empties the one that is there. */
  static OpenFile fresh(Path file) {
    return open(
        file,
        OpenFlags.O_RDWR.intValue() | OpenFlags.O_CREAT.intValue() | OpenFlags.O_TRUNC.intValue());
  }

  static OpenFile existing(Path file) {
    return open(file, OpenFlags.O_RDONLY.intValue());
  }

  private static OpenFile open(Path file, int flags) {
    int descriptor = LIBC.open(file.toString(), flags | OpenFlags.O_CLOEXEC.intValue(), PRIVATE);
    if (descriptor < 0) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          file.toString(),
          "open " + file + ": " + Errno.valueOf(LIBC.errno()));
    }
    return new OpenFile(descriptor);
  }

  int descriptor() {
    return descriptor;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      LIBC.close(descriptor);
    }
  }
}
