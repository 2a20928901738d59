package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.storage.internal.PathLock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** A file beside the one it is to become, locked while in use, and unlinked when closed. */
final class TemporaryFile implements AutoCloseable {
  static final String PREFIX = ".n0-fetch-";
  static final String SUFFIX = ".tmp";
  static final FileAttribute<Set<PosixFilePermission>> PRIVATE_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  static final FileAttribute<Set<PosixFilePermission>> PRIVATE_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private final Path path;
  private final FileChannel channel;
  private final PathLock lock;

  private TemporaryFile(Path path, FileChannel channel, PathLock lock) {
    this.path = path;
    this.channel = channel;
    this.lock = lock;
  }

  /** Makes an empty file of mode 0600 in the directory of another. */
  static TemporaryFile create(Path sibling) throws IOException {
    while (true) {
      Path path = sibling.resolveSibling(PREFIX + UUID.randomUUID() + SUFFIX);
      FileChannel channel = FileChannel.open(
          path,
          Set.of(
              StandardOpenOption.CREATE_NEW,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              LinkOption.NOFOLLOW_LINKS),
          PRIVATE_FILE);
      Optional<PathLock> lock = Optional.empty();
      try {
        lock = PathLock.takeExisting(path);
        if (lock.isPresent()) {
          return new TemporaryFile(path, channel, lock.get());
        }
        // A sweep came in between; it takes the file away.
      } finally {
        if (lock.isEmpty()) {
          channel.close();
          Files.deleteIfExists(path);
        }
      }
    }
  }

  Path path() {
    return path;
  }

  FileChannel channel() {
    return channel;
  }

  @Override
  public void close() throws IOException {
    try (channel) {
      lock.delete();
    }
  }

  /** Unlinks what processes that died have left; returns how many files. */
  static int sweep(Path directory) throws IOException {
    int swept = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, PREFIX + "*" + SUFFIX)) {
      for (Path file : files) {
        Optional<PathLock> lock = PathLock.takeExisting(file);
        if (lock.isPresent()) {
          lock.get().delete();
          swept++;
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return swept;
  }

  /** Gives finished content its name, unless there is a file of that name, durably. */
  static void publish(Path content, Path target) throws IOException {
    try {
      Files.createLink(target, content);
    } catch (FileAlreadyExistsException e) {
      throw e;
    } catch (UnsupportedOperationException | FileSystemException e) {
      // No hard links there. The JDK looks for the target just before it renames.
      Files.move(content, target);
    }
    syncDirectory(target);
  }

  /** Makes the entry of a file in its directory outlive a power cut. */
  static void syncDirectory(Path file) throws IOException {
    Path directory = file.getParent();
    if (directory != null) {
      try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
        channel.force(true);
      }
    }
  }

  /** Reads up to {@code most} bytes; fewer at the end of the file. */
  static ByteBuffer read(FileChannel channel, int most) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(most);
    int count = 0;
    while (bytes.hasRemaining() && count >= 0) {
      count = channel.read(bytes);
    }
    return bytes.flip();
  }

  static void write(FileChannel channel, ByteBuffer bytes, long position) throws IOException {
    long at = position;
    while (bytes.hasRemaining()) {
      at += channel.write(bytes, at);
    }
  }
}
