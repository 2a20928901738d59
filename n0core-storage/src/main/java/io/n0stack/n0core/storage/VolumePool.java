package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.StorageDriver;
import io.n0stack.n0core.api.store.SmallFiles;
import io.n0stack.n0core.storage.file.DurableFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The directory that holds the volumes: one directory each, whose name is the stamp and the stage.
 *
 * <p>A volume is made in {@code .new-NAME.UID}, renamed to {@code NAME.UID} when it is complete, and
 * renamed to {@code .old-NAME.UID} before its first file is unlinked. So a name says how far things
 * got, whatever instruction the process died at.
 */
final class VolumePool {
  static final String RECORD = "volume.json";
  static final String TEMPORARY = SmallFiles.TEMPORARY;
  private static final String CUT_OFF =
      "{" + TEMPORARY + "*,.n0-????????-????-????-????-????????????.tmp}";
  // Of which 200 layers of long names take a quarter.
  private static final int RECORD_BYTES = 256 << 10;
  private static final Pattern STAMP =
      Pattern.compile("(\\.new-|\\.old-|)([a-z0-9-]{1,63})\\.([0-9a-f-]{36})");
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
  static final FileAttribute<Set<PosixFilePermission>> PRIVATE_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  /** How far a volume's directory has got. */
  enum Stage {
    MAKING(".new-"),
    READY(""),
    DELETING(".old-");

    private final String prefix;

    Stage(String prefix) {
      this.prefix = prefix;
    }
  }

  /** A volume's directory. */
  record Entry(Stage stage, ResourceId id) {}

  private final Path directory;
  private final AtomicLong changes = new AtomicLong();
  private final PoolLock lock;

  VolumePool(Path directory) {
    this.directory = directory;
    lock = new PoolLock(directory);
  }

  PoolLock lock() {
    return lock;
  }

  /** Keeps other drivers out, if there is a pool. Whoever is going to change something comes by here first. */
  void own() {
    FileFailures.translate("lock", directory, () -> {
      if (requireVisible()) {
        lock.take();
      }
    });
  }

  Path directory() {
    return directory;
  }

  /** Counts what this process has done to names and records, so that others know when to look again. */
  long changes() {
    return changes.get();
  }

  Path path(Stage stage, ResourceId id) {
    return directory.resolve(stage.prefix + id.name() + "." + id.uid());
  }

  Path disk(Stage stage, ResourceId id, ImageFormat format) {
    return path(stage, id).resolve("disk." + format.name().toLowerCase(Locale.ROOT));
  }

  /** Names the files that a volume in a shape is in, lowest first. */
  List<Path> layers(Stage stage, VolumeRecord record, VolumeRecord.Shape shape) {
    List<Path> files = new ArrayList<>();
    files.add(disk(stage, record.id(), record.format()));
    shape
        .snapshots()
        .forEach(
            snapshot -> files.add(path(stage, record.id()).resolve("disk-" + snapshot + ".qcow2")));
    return files;
  }

  /** Names the file that a guest writes to. */
  Path top(Stage stage, VolumeRecord record, VolumeRecord.Shape shape) {
    List<Path> files = layers(stage, record, shape);
    return files.get(files.size() - 1);
  }

  /** Looks for one directory. False is a proof: the pool, or the place for it, could be read. */
  boolean exists(Stage stage, ResourceId id) {
    Path path = path(stage, id);
    Optional<BasicFileAttributes> attributes = look(path);
    return FileFailures.translated("look at", path, () -> {
      if (attributes.isEmpty()) {
        requireVisible();
        return false;
      }
      if (!attributes.get().isDirectory()) {
        throw new IOException("not a directory");
      }
      return true;
    });
  }

  /** Looks at a file without following links; empty if the directory it would be in lacks it. */
  static Optional<BasicFileAttributes> look(Path file) {
    return FileFailures.translated("look at", file, () -> {
      try {
        return Optional.of(
            Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS));
      } catch (NoSuchFileException e) {
        return Optional.empty();
      }
    });
  }

  /** Lists all directories that bear a stamp; other names are not ours and are left alone. */
  List<Entry> entries() {
    return FileFailures.translated("list volumes in", directory, () -> {
      List<Entry> entries = new ArrayList<>();
      if (!requireVisible()) {
        return entries;
      }
      try (DirectoryStream<Path> paths = Files.newDirectoryStream(directory)) {
        for (Path path : paths) {
          entry(path.getFileName().toString()).ifPresent(entries::add);
        }
      } catch (DirectoryIteratorException e) {
        throw e.getCause();
      }
      return entries;
    });
  }

  static Optional<Entry> entry(String fileName) {
    Matcher stamp = STAMP.matcher(fileName);
    if (!stamp.matches()) {
      return Optional.empty();
    }
    for (Stage stage : Stage.values()) {
      if (stage.prefix.equals(stamp.group(1))) {
        return id(stamp.group(2), stamp.group(3)).map(id -> new Entry(stage, id));
      }
    }
    return Optional.empty();
  }

  private static Optional<ResourceId> id(String name, String uid) {
    try {
      ResourceId id = new ResourceId(StorageDriver.KIND, name, UUID.fromString(uid));
      return id.uid().toString().equals(uid) ? Optional.of(id) : Optional.empty();
    } catch (N0Exception | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** Finds the finished volume whose disk a path is; empty for a path outside the pool. */
  Optional<ResourceId> owner(Path image) throws IOException {
    Path real = image.toRealPath();
    if (!Files.isDirectory(directory) || !real.startsWith(directory.toRealPath())) {
      return Optional.empty();
    }
    Path within = directory.toRealPath().relativize(real);
    Optional<ResourceId> owner = entry(within.getName(0).toString())
        .filter(entry -> entry.stage() == Stage.READY && within.getNameCount() == 2)
        .map(Entry::id);
    if (owner.isEmpty()) {
      throw N0Exception.invalid("source.image", image, "must be the disk of a finished volume");
    }
    return owner;
  }

  /** Returns the pool, or the nearest directory above it, which can be read. */
  Path requireNearest() {
    return FileFailures.translated("look at", directory, () -> {
      requireVisible();
      return nearest();
    });
  }

  private Path nearest() {
    Path path = directory;
    while (!Files.exists(path, LinkOption.NOFOLLOW_LINKS) && path.getParent() != null) {
      path = path.getParent();
    }
    return path;
  }

  /** Makes sure that the pool is there; returns false if it is proved not to be. */
  private boolean requireVisible() throws IOException {
    Path path = nearest();
    if (!Files.isDirectory(path) || !Files.isReadable(path) || !Files.isExecutable(path)) {
      throw new IOException(path + " is not a directory that can be read");
    }
    return path.equals(directory);
  }

  /** Makes the pool's directory unless it exists. */
  void create() throws IOException {
    if (requireVisible()) {
      return;
    }
    Files.createDirectories(directory, PRIVATE_DIRECTORY);
    Path parent = directory.getParent();
    if (parent != null) {
      sync(parent);
    }
  }

  void makeDirectory(ResourceId id) throws IOException {
    Files.createDirectory(path(Stage.MAKING, id), PRIVATE_DIRECTORY);
    changes.incrementAndGet();
    sync(directory);
  }

  void move(Stage from, Stage to, ResourceId id) throws IOException {
    Files.move(path(from, id), path(to, id), StandardCopyOption.ATOMIC_MOVE);
    changes.incrementAndGet();
    sync(directory);
  }

  /** Unlinks a directory that was set aside, with all files in it. */
  void purge(ResourceId id) throws IOException {
    Path path = path(Stage.DELETING, id);
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(path)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    Files.deleteIfExists(path);
    sync(directory);
  }

  /** Says whether {@link #sweep} has something to do. */
  boolean isUnswept(ResourceId id) {
    Path path = path(Stage.READY, id);
    return FileFailures.translated("look into", path, () -> {
      try (DirectoryStream<Path> cutOff = Files.newDirectoryStream(path, CUT_OFF)) {
        return cutOff.iterator().hasNext();
      } catch (DirectoryIteratorException e) {
        throw e.getCause();
      }
    });
  }

  /** Unlinks what writes that were cut off left in a finished volume's directory. */
  void sweep(ResourceId id) throws IOException {
    SmallFiles.sweep(path(Stage.READY, id));
    List<Path> unused = new DurableFiles().sweep(path(Stage.READY, id));
  }

  /** Returns the record of a volume that must be finished. */
  VolumeRecord existing(ResourceId volume) {
    requireVolume(volume);
    if (!exists(Stage.READY, volume)) {
      throw new N0Exception(
          N0Exception.Code.NOT_FOUND, volume.toString(), "find " + volume + ": there is none");
    }
    return record(Stage.READY, volume);
  }

  static void requireVolume(ResourceId id) {
    if (!id.kind().equals(StorageDriver.KIND)) {
      throw N0Exception.invalid("kind", id.kind(), "must be " + StorageDriver.KIND);
    }
  }

  VolumeRecord record(Stage stage, ResourceId id) {
    Path file = path(stage, id).resolve(RECORD);
    return FileFailures.translated("read record", file, () -> {
      try (FileChannel in =
          FileChannel.open(file, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS))) {
        ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(in.size(), RECORD_BYTES));
        int read = 0;
        while (bytes.hasRemaining() && read >= 0) {
          read = in.read(bytes);
        }
        VolumeRecord record = VolumeRecord.decode(bytes.array());
        if (!record.id().equals(id)) {
          throw new IOException(
              "bears the stamp of " + record.id() + " " + record.id().uid());
        }
        return record;
      }
    });
  }

  /** Replaces a volume's record, so that after a crash it is the old one or the new one. */
  void write(Stage stage, VolumeRecord record) throws IOException {
    Path file = path(stage, record.id()).resolve(RECORD);
    byte[] bytes = record.encode();
    if (bytes.length > RECORD_BYTES) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          record.id().toString(),
          "write record of " + record.id() + ": it would take " + bytes.length + " bytes, must be "
              + RECORD_BYTES + " at most");
    }
    try {
      SmallFiles.replace(file, bytes);
    } catch (SmallFiles.NotWrittenException e) {
      throw e.reason(); // which tells a full file system from others
    } finally {
      changes.incrementAndGet();
    }
  }

  /** Makes the entries of a directory, or the bytes of a file, outlive a power cut. */
  static void sync(Path path) throws IOException {
    SmallFiles.sync(path);
  }
}
