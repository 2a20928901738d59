package io.n0stack.n0core.storage.file;

import java.io.IOException;
import java.nio.channels.FileChannel;

/**
 * Writes the content of a new file.
 *
 * @since 0.1
 */
@FunctionalInterface
public interface FileContent {
  /**
   * Writes all of it. Need not sync, and may close the channel.
   *
   * @param channel the file, empty, for reading and writing
   * @throws IOException if it fails; nothing is left of the file then
   */
  void write(FileChannel channel) throws IOException;
}
