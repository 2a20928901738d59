package io.n0stack.n0core.kvm.internal.power;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.internal.LibC;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import jnr.constants.platform.Errno;
import jnr.constants.platform.OpenFlags;
import jnr.ffi.LastError;
import jnr.ffi.Runtime;

/** A file open as a descriptor, to be passed to QEMU, which may not open it by its path. */
final class OpenFile implements AutoCloseable {
  private static final LibC C = LibC.INSTANCE;
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
    byte[] path = (file + "\0").getBytes(StandardCharsets.UTF_8);
    int descriptor = C.open(path, flags | OpenFlags.O_CLOEXEC.intValue(), PRIVATE);
    if (descriptor < 0) {
      int errno = LastError.getLastError(Runtime.getSystemRuntime());
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          file.toString(),
          "open " + file + ": " + Errno.valueOf(errno).description());
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
      int ignored = C.close(descriptor);
      assert ignored == 0;
    }
  }
}
