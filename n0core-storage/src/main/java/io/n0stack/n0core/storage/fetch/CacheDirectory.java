package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.storage.internal.PathLock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/**
 * The files of one namespace of a cache. Images lie in it by name; all else in directories beside them.
 * Whoever changes what is there holds the {@link #lock()}.
 */
final class CacheDirectory {
  private static final Duration LOCK_LIMIT = Duration.ofSeconds(30);
  private static final long LOCK_PAUSE_MILLIS = 5;
  private static final Pattern REFERENCE = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  private static final int ALIAS_BYTES = 256;

  private final Path images;
  private final Path work;
  private final Path aliases;
  private final Path pins;
  private final Path uses;
  private final Path quarantine;

  CacheDirectory(Path images) {
    this.images = images;
    work = images.resolve(".work");
    aliases = images.resolve(".aliases");
    pins = images.resolve(".pins");
    uses = images.resolve(".uses");
    quarantine = images.resolve(".quarantine");
  }

  Path images() {
    return images;
  }

  void create() throws IOException {
    for (Path path : List.of(images, work, aliases, pins, uses, quarantine)) {
      Files.createDirectories(path, TemporaryFile.PRIVATE_DIRECTORY);
    }
    TemporaryFile.syncDirectory(images);
    TemporaryFile.syncDirectory(work);
  }

  Path image(Digest digest) {
    return images.resolve(digest.fileName());
  }

  /** Where a transfer puts what is to become an image. */
  Path staging(String key) {
    return work.resolve("new-" + key);
  }

  Path transferLock(String key) {
    return work.resolve("lock-" + key);
  }

  /** Holds off all other changes of the names in this directory, which are brief. */
  PathLock lock() throws IOException {
    Path path = work.resolve("names");
    long end = System.nanoTime() + LOCK_LIMIT.toNanos();
    while (true) {
      Optional<PathLock> lock = PathLock.take(path);
      if (lock.isPresent()) {
        return lock.get();
      }
      if (System.nanoTime() - end > 0) {
        throw new N0Exception(
            N0Exception.Code.BUSY, images.toString(), "lock \"" + path + "\": held elsewhere");
      }
      try {
        TimeUnit.MILLISECONDS.sleep(LOCK_PAUSE_MILLIS);
      } catch (InterruptedException e) {
        throw N0Exception.interrupted("lock \"" + path + "\"", e);
      }
    }
  }

  Optional<CachedImage> find(Digest digest) throws IOException {
    Path path = image(digest);
    try {
      BasicFileAttributes found =
          Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      if (!found.isRegularFile()) {
        throw new IOException("not a regular file");
      }
      Instant lastUse = lastUse(digest).orElse(found.lastModifiedTime().toInstant());
      return Optional.of(new CachedImage(path, digest, found.size(), lastUse, references(digest)));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  List<CachedImage> list() throws IOException {
    List<CachedImage> found = new ArrayList<>();
    for (Path path : entries(images, "sha256-*")) {
      find(Digest.ofFileName(name(path))).ifPresent(found::add);
    }
    return found;
  }

  long usedBytes() throws IOException {
    long used = 0;
    for (Path directory : List.of(images, quarantine)) {
      for (Path path : entries(directory, "sha256-*")) {
        used += Files.size(path);
      }
    }
    return used;
  }

  private static List<Path> entries(Path directory, String glob) throws IOException {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> paths = Files.newDirectoryStream(directory, glob)) {
      paths.forEach(found::add);
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    return found;
  }

  private static String name(Path path) {
    return String.valueOf(path.getFileName());
  }

  private Optional<Instant> lastUse(Digest digest) throws IOException {
    try {
      return Optional.of(
          Files.getLastModifiedTime(uses.resolve(digest.fileName())).toInstant());
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  void touch(Digest digest) throws IOException {
    Path use = uses.resolve(digest.fileName());
    if (!createEmpty(use)) {
      Files.setLastModifiedTime(use, FileTime.from(Instant.now()));
    }
  }

  private static boolean createEmpty(Path path) throws IOException {
    try {
      Files.createFile(path, TemporaryFile.PRIVATE_FILE);
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    }
  }

  static String requireReference(String reference) {
    if (!REFERENCE.matcher(reference).matches()) {
      throw N0Exception.invalid(
          "reference",
          reference,
          "must be 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-', and begin with a letter or digit");
    }
    return reference;
  }

  Set<String> references(Digest digest) throws IOException {
    Set<String> found = new HashSet<>();
    try {
      entries(pins.resolve(digest.fileName()), "*").forEach(path -> found.add(name(path)));
    } catch (NoSuchFileException e) {
      return Set.of();
    }
    return found;
  }

  void pin(Digest digest, String reference) throws IOException {
    Path directory = pins.resolve(digest.fileName());
    Files.createDirectories(directory, TemporaryFile.PRIVATE_DIRECTORY);
    TemporaryFile.syncDirectory(directory);
    if (createEmpty(directory.resolve(reference))) {
      TemporaryFile.syncDirectory(directory.resolve(reference));
    }
  }

  void unpin(Digest digest, String reference) throws IOException {
    Path directory = pins.resolve(digest.fileName());
    if (Files.deleteIfExists(directory.resolve(reference))) {
      TemporaryFile.syncDirectory(directory.resolve(reference));
      if (entries(directory, "*").isEmpty()) {
        Files.delete(directory);
      }
    }
  }

  /** Gives verified content its name; what bears it already has the same content. */
  void admit(Path staged, Digest digest) throws IOException {
    Files.setPosixFilePermissions(staged, PosixFilePermissions.fromString("r--------"));
    try {
      TemporaryFile.publish(staged, image(digest));
    } catch (FileAlreadyExistsException e) {
      // By another address or compression, or before the process died.
    }
    Files.deleteIfExists(staged);
  }

  void evict(CachedImage image) throws IOException {
    Files.deleteIfExists(image.path());
    TemporaryFile.syncDirectory(image.path());
    Files.deleteIfExists(uses.resolve(image.digest().fileName()));
    for (Path alias : entries(aliases, "*")) {
      if (target(alias).filter(image.digest()::equals).isPresent()) {
        Files.deleteIfExists(alias);
      }
    }
  }

  Path quarantine(CachedImage image) throws IOException {
    Path away = quarantine.resolve(image.digest().fileName() + "." + UUID.randomUUID());
    Files.move(image.path(), away, StandardCopyOption.ATOMIC_MOVE);
    TemporaryFile.syncDirectory(image.path());
    TemporaryFile.syncDirectory(away);
    return away;
  }

  Optional<Digest> alias(String name) throws IOException {
    return target(aliases.resolve(name));
  }

  private static Optional<Digest> target(Path alias) throws IOException {
    try (FileChannel in =
        FileChannel.open(alias, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS))) {
      ByteBuffer bytes = TemporaryFile.read(in, ALIAS_BYTES);
      return Optional.of(Digest.parse(StandardCharsets.US_ASCII.decode(bytes).toString()));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (N0Exception e) {
      // Cut off by a loss of power; it only spares a download.
      return Optional.empty();
    }
  }

  void writeAlias(String name, Digest digest) throws IOException {
    Path path = aliases.resolve(name);
    try (TemporaryFile temporary = TemporaryFile.create(path)) {
      byte[] text = digest.toString().getBytes(StandardCharsets.US_ASCII);
      TemporaryFile.write(temporary.channel(), ByteBuffer.wrap(text), 0);
      Files.move(temporary.path(), path, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  /** Unlinks what processes that died have left, except for parts; returns how many files. */
  int sweep() throws IOException {
    int swept = TemporaryFile.sweep(work) + TemporaryFile.sweep(aliases);
    for (Path path : entries(work, "lock-*")) {
      Optional<PathLock> lock = PathLock.takeExisting(path);
      if (lock.isPresent()) {
        swept += Files.deleteIfExists(staging(name(path).substring("lock-".length()))) ? 1 : 0;
        lock.get().delete();
      }
    }
    return swept;
  }

  int sweepParts(Duration unusedFor) throws IOException {
    return PartFile.sweep(work, unusedFor);
  }
}
