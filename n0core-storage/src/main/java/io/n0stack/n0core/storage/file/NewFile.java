package io.n0stack.n0core.storage.file;

import java.nio.file.Path;

/**
 * A file to be made.
 *
 * @param destination where; absolute, in a directory that exists
 * @param content what is in it
 * @since 0.1
 */
public record NewFile(Path destination, FileContent content) {
  /** Checks the destination. */
  public NewFile {
    DurableFiles.requireDestination(destination);
  }
}
