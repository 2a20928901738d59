package io.n0stack.n0core.storage;

import io.n0stack.n0core.storage.internal.FileStatus;
import io.n0stack.n0core.storage.internal.NativeFile;
import java.nio.file.Path;

/** Tells what a file takes on the host, which the JDK cannot. See statx(2). */
final class DiskBlocks {
  private DiskBlocks() {}

  /** A file that is not there takes nothing. */
  static long allocatedBytes(Path file) {
    return NativeFile.look(file).map(FileStatus::allocatedBytes).orElse(0L);
  }
}
