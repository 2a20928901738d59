package io.n0stack.n0core.api.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A directory that is kept open, so that syncing it takes nothing but that. Used by one thread at a
 * time.
 */
final class HeldDirectory implements AutoCloseable {
  private final Path path;
  private FileChannel channel;

  private HeldDirectory(Path path, FileChannel channel) {
    this.path = path;
    this.channel = channel;
  }

  static HeldDirectory open(Path path) throws IOException {
    return new HeldDirectory(path, channel(path));
  }

  private static FileChannel channel(Path path) throws IOException {
    return FileChannel.open(path, StandardOpenOption.READ);
  }

  /** Replaces a file in it as {@link SmallFiles#replace} does. */
  void replace(String name, byte[] content) throws IOException {
    SmallFiles.exchange(path.resolve(name), path.resolve(SmallFiles.TEMPORARY + name), content);
    sync();
  }

  /** Removes a file in it as {@link SmallFiles#delete} does. */
  void delete(String name) throws IOException {
    Files.deleteIfExists(path.resolve(name));
    sync();
  }

  private void sync() throws IOException {
    SmallFiles.throughInterrupts(() -> {
      if (!channel.isOpen()) {
        channel = channel(path); // an interrupt has closed it
      }
      channel.force(true);
    });
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
