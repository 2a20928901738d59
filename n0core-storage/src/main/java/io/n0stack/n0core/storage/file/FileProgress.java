package io.n0stack.n0core.storage.file;

/**
 * Is told how far work on a file has got, after each piece of some MiB, on the thread that works.
 *
 * @since 0.1
 */
@FunctionalInterface
public interface FileProgress {
  /** Hears and does nothing. */
  FileProgress NONE = (doneBytes, totalBytes) -> {};

  /**
   * Hears how far it is. What it throws ends the work, and is what the caller gets.
   *
   * @param doneBytes the place in the file up to which it is done, holes counted
   * @param totalBytes the file's length
   */
  void reached(long doneBytes, long totalBytes);
}
