package io.n0stack.n0core.examples.rawvolumes;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Descriptor;
import io.n0stack.n0core.api.driver.Fingerprint;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.StorageDriver;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Makes volumes that are sparse raw files. The file's name is the stamp: {@code NAME.UID.raw}, with
 * {@code .part} behind it until the volume is finished.
 */
final class RawVolumeDriver implements StorageDriver {
  private static final String HALF_MADE = ".part";
  private static final Pattern STAMP = Pattern.compile("(?<name>[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)"
      + "\\.(?<uid>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\\.raw(\\.part)?");

  private final Path directory;

  RawVolumeDriver(Path directory) {
    this.directory = directory;
  }

  // begin saying
  @Override
  public Descriptor<VolumeSpec, VolumeStatus> describe() {
    return new Descriptor<>(KIND, "raw-files", VolumeSpec.class, VolumeStatus.class);
  }

  @Override
  public Fingerprint probe() {
    try {
      if (!Files.isDirectory(directory) || !Files.isWritable(directory)) {
        return Fingerprint.unhealthy("create " + directory + " and make it writable");
      }
      long free = Files.getFileStore(directory).getUsableSpace();
      return Fingerprint.healthy(
          Map.of("raw-volumes.directory", directory.toString()), Map.of("disk.bytes", free));
    } catch (IOException e) {
      return Fingerprint.unhealthy("make " + directory + " readable: " + e);
    }
  }
  // end saying

  // begin looking
  @Override
  public Set<ResourceId> list() {
    try {
      Set<ResourceId> ids = new HashSet<>();
      for (String name : names()) {
        Matcher stamp = STAMP.matcher(name);
        if (stamp.matches()) {
          ids.add(new ResourceId(KIND, stamp.group("name"), UUID.fromString(stamp.group("uid"))));
        }
      }
      return ids;
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, "volumes", "list volumes in " + directory + ": " + e, e);
    }
  }

  @Override
  public Observed<VolumeStatus> observe(ResourceId id) {
    try {
      Set<String> names = names();
      if (names.contains(file(id).getFileName().toString())) {
        return Observed.complete(status(file(id)));
      }
      return names.contains(halfMade(id).getFileName().toString())
          ? Observed.incomplete(status(halfMade(id)))
          : Observed.absent();
    } catch (IOException e) {
      return Observed.unknown("look at " + file(id) + ": " + e);
    }
  }

  /** Fails where {@code Files.exists} would say no, as in a directory that is not mounted. */
  private Set<String> names() throws IOException {
    Set<String> names = new HashSet<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      files.forEach(file -> names.add(file.getFileName().toString()));
      return names;
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }

  private static VolumeStatus status(Path file) throws IOException {
    long size = Files.size(file);
    return new VolumeStatus(file, ImageFormat.RAW, size, DiskUsage.bytes(file), Optional.empty());
  }
  // end looking

  // begin changing
  @Override
  public void apply(Context cx, ResourceId id, VolumeSpec desired) {
    requireSupported(desired);
    long size = desired.sizeBytes().orElseThrow(); // always given where there is no source
    if (!(look(id) instanceof Observed.Present<VolumeStatus> found && found.complete())) {
      cx.step("write volume", () -> {
        Files.deleteIfExists(halfMade(id));
        Files.createFile(
            halfMade(id),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        resize(halfMade(id), size);
      });
      cx.step("publish volume", () -> {
        Files.move(halfMade(id), file(id), StandardCopyOption.ATOMIC_MOVE);
        sync(directory);
      });
    } else if (found.status().sizeBytes() > size) {
      throw N0Exception.invalid(
          "sizeBytes",
          size,
          "must be at least " + found.status().sizeBytes() + ", which " + id + " has already");
    } else if (found.status().sizeBytes() < size) {
      cx.step("grow volume", () -> resize(file(id), size));
    }
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    if (look(id) instanceof Observed.Present) {
      cx.step("delete volume", () -> {
        Files.deleteIfExists(halfMade(id));
        Files.deleteIfExists(file(id));
        sync(directory);
      });
    }
  }

  /** Looks, and fails if that is not possible: what cannot be seen is neither made nor deleted. */
  private Observed<VolumeStatus> look(ResourceId id) {
    Observed<VolumeStatus> seen = observe(id);
    if (seen instanceof Observed.Unknown<VolumeStatus> unknown) {
      throw new N0Exception(N0Exception.Code.UNAVAILABLE, id.toString(), unknown.why());
    }
    return seen;
  }
  // end changing

  // begin refusing
  private static void requireSupported(VolumeSpec desired) {
    require(desired.format() == ImageFormat.RAW, "format", desired.format(), "must be RAW");
    require(desired.source().isEmpty(), "source", desired.source(), "must be absent");
  }

  private static void require(boolean holds, String field, Object value, String rule) {
    if (!holds) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED, field, "unsupported " + field + " " + value + ": " + rule);
    }
  }
  // end refusing

  /** Sets the length, which leaves a hole, and makes it outlive a power failure. */
  private static void resize(Path file, long size) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.setLength(size);
      bytes.getFD().sync();
    }
  }

  private static void sync(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory)) {
      channel.force(true);
    } catch (ClosedByInterruptException e) {
      throw N0Exception.interrupted("sync " + directory, e);
    }
  }

  private Path file(ResourceId id) {
    return directory.resolve(id.name() + "." + id.uid() + ".raw");
  }

  private Path halfMade(ResourceId id) {
    return directory.resolve(file(id).getFileName() + HALF_MADE);
  }
}
