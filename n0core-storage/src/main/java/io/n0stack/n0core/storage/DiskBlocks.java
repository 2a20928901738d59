package io.n0stack.n0core.storage;

import io.n0stack.n0core.storage.internal.FileStatus;
import io.n0stack.n0core.storage.internal.NativeFile;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Tells what a file takes on the host, which the JDK cannot. See statx(2). */
final class DiskBlocks {
  private DiskBlocks() {}

  static long allocatedBytes(Path file) throws IOException {
    return NativeFile.look(file)
        .map(FileStatus::allocatedBytes)
        .orElseThrow(() -> new NoSuchFileException(file.toString()));
  }
}
