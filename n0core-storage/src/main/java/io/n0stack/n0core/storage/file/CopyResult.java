package io.n0stack.n0core.storage.file;

/**
 * What a copy took.
 *
 * @param sizeBytes the length of both files
 * @param copiedBytes what was moved; 0 for a clone, and without holes
 * @param way how it was done
 * @since 0.1
 */
public record CopyResult(long sizeBytes, long copiedBytes, Way way) {
  /** How a file can be copied. */
  public enum Way {
    /** Both share their blocks until one is written (reflink). */
    CLONED,
    /** The kernel moved the data, or shared parts of it. */
    KERNEL,
    /** The data went through this process, which left out zeros. */
    READ_AND_WRITTEN
  }
}
