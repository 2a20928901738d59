package io.n0stack.n0core.storage.file;

import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.storage.internal.NativeFile;
import io.n0stack.n0core.storage.internal.Space;
import java.nio.file.Path;

/**
 * The space of a file system. Quotas are not in it, and a file system that shares or compresses blocks
 * may hold more.
 *
 * @param totalBytes its size
 * @param freeBytes what is free
 * @param availableBytes what is free without what is reserved for the administrator
 * @since 0.1
 */
public record FileSystemSpace(long totalBytes, long freeBytes, long availableBytes) {
  /**
   * Looks at the file system that a file or directory is on. See statfs(2).
   *
   * @param path anything that exists
   * @return its space at this moment
   * @throws OsException if the path cannot be opened for reading
   */
  public static FileSystemSpace of(Path path) {
    try (NativeFile file = NativeFile.openForReading(path)) {
      return of(file);
    }
  }

  static FileSystemSpace of(NativeFile file) {
    Space space = file.space();
    return new FileSystemSpace(space.totalBytes(), space.freeBytes(), space.availableBytes());
  }
}
