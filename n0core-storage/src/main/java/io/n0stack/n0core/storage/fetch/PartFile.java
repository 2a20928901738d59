package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.storage.internal.PathLock;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The bytes that a transfer has received, as published, from which a later one can go on. */
final class PartFile implements AutoCloseable, PartRecord.Keeper {
  static final String SUFFIX = ".part";
  private static final String RECORD_SUFFIX = ".version";

  private final Path path;
  private final Path recordPath;
  private final String uri;
  private final PathLock lock;
  private final FileChannel channel;
  private Validator version = Validator.NONE;
  private boolean kept = true;

  private PartFile(Path path, String uri, PathLock lock, FileChannel channel) {
    this.path = path;
    this.uri = uri;
    this.lock = lock;
    this.channel = channel;
    recordPath = recordOf(path);
  }

  static Path pathOf(Path target, Digest digest) {
    return target.resolveSibling(TemporaryFile.PREFIX + digest.fileName() + SUFFIX);
  }

  static Path recordOf(Path part) {
    String name = String.valueOf(part.getFileName());
    return part.resolveSibling(name.substring(0, name.length() - SUFFIX.length()) + RECORD_SUFFIX);
  }

  /** Opens the part of a file, or makes an empty one; BUSY if another transfer has it. */
  static PartFile open(Path target, Digest digest, String uri) throws IOException {
    Path path = pathOf(target, digest);
    PathLock lock = PathLock.take(path)
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.BUSY,
            digest.toString(),
            "fetch " + digest + ": another transfer has \"" + path + "\""));
    boolean opened = false;
    try {
      if (!isOurs(path)) {
        // Published, and killed before this name of it was unlinked; or not made by us.
        lock.delete();
        return open(target, digest, uri);
      }
      FileChannel channel = FileChannel.open(
          path,
          Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS));
      PartFile part = new PartFile(path, uri, lock, channel);
      opened = true;
      part.load();
      return part;
    } finally {
      if (!opened) {
        lock.close();
      }
    }
  }

  private static boolean isOurs(Path path) throws IOException {
    Map<String, Object> found =
        Files.readAttributes(path, "unix:nlink,mode", LinkOption.NOFOLLOW_LINKS);
    // One name, and S_IFREG with 0600.
    return Integer.valueOf(1).equals(found.get("nlink"))
        && Integer.valueOf(0100600).equals(found.get("mode"));
  }

  private void load() throws IOException {
    Optional<PartRecord> record =
        PartRecord.read(recordPath).filter(found -> found.uri().equals(uri));
    if (record.isPresent()) {
      version = record.get().version();
    } else {
      reset();
    }
  }

  Path path() {
    return path;
  }

  FileChannel channel() {
    return channel;
  }

  @Override
  public Validator version() {
    return version;
  }

  @Override
  public void began(Validator begun) {
    version = begun;
    FetchFailures.translated("write", recordPath, () -> {
      if (begun.isPresent()) {
        new PartRecord(uri, begun).write(recordPath);
      } else {
        Files.deleteIfExists(recordPath);
      }
      return begun;
    });
  }

  /** Unlinks parts that nobody has and nobody has written to for some time; returns how many. */
  static int sweep(Path directory, Duration unusedFor) throws IOException {
    int swept = 0;
    Instant newest = Instant.now().minus(unusedFor);
    try (DirectoryStream<Path> files =
        Files.newDirectoryStream(directory, TemporaryFile.PREFIX + "*" + SUFFIX)) {
      for (Path file : files) {
        Optional<PathLock> lock = PathLock.takeExisting(file);
        if (lock.isEmpty()) {
          continue;
        }
        try (PathLock held = lock.get()) {
          if (!Files.getLastModifiedTime(file).toInstant().isAfter(newest)) {
            Files.deleteIfExists(recordOf(file));
            held.delete();
            swept++;
          }
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return swept;
  }

  /** Empties the part. */
  void reset() throws IOException {
    version = Validator.NONE;
    channel.truncate(0);
    Files.deleteIfExists(recordPath);
  }

  /** Makes sure that {@link #close()} unlinks what nobody should go on with. */
  void discard() {
    kept = false;
  }

  @Override
  public void close() throws IOException {
    try (channel;
        lock) {
      if (!kept || Files.size(path) == 0) {
        Files.deleteIfExists(recordPath);
        lock.delete();
      }
    }
  }
}
