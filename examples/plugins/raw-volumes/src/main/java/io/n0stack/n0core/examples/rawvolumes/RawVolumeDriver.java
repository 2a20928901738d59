package io.n0stack.n0core.examples.rawvolumes;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
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
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Makes sparse files named {@code NAME.UID.raw}: that is the stamp. An empty one is half made. */
record RawVolumeDriver(Path directory) implements StorageDriver {
  private static final Pattern STAMP = Pattern.compile("([a-z0-9]|[a-z0-9][a-z0-9-]{0,61}[a-z0-9])"
      + "\\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\\.raw");
  private static final FileAttribute<?> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  // begin saying
  @Override
  public Descriptor<VolumeSpec, VolumeStatus> describe() {
    return new Descriptor<>(KIND, "raw-files", VolumeSpec.class, VolumeStatus.class);
  }

  @Override
  public Fingerprint probe() {
    return Files.isDirectory(directory) && Files.isWritable(directory)
        ? Fingerprint.healthy(
            Map.of("raw-volumes.directory", directory.toString()),
            Map.of("disk.bytes", directory.toFile().getUsableSpace()))
        : Fingerprint.unhealthy("make " + directory + " a directory that can be written to");
  }

  // begin looking
  @Override
  public Set<ResourceId> list() {
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .map(file -> STAMP.matcher(file.getFileName().toString()))
          .filter(stamp -> stamp.matches())
          .map(stamp -> new ResourceId(KIND, stamp.group(1), UUID.fromString(stamp.group(2))))
          .collect(Collectors.toSet());
    } catch (IOException | UncheckedIOException e) {
      throw failed("list " + directory, e);
    }
  }

  @Override
  public Observed<VolumeStatus> observe(ResourceId id) {
    try {
      return look(id);
    } catch (N0Exception e) {
      return Observed.unknown(e.toString());
    }
  }

  private Observed<VolumeStatus> look(ResourceId id) {
    if (!list().contains(id)) {
      return Observed.absent();
    }
    Path file = file(id);
    try {
      long size = Files.size(file);
      Process stat = new ProcessBuilder("timeout", "10", "stat", "-c", "%b", "" + file).start();
      String blocks = new String(stat.getInputStream().readNBytes(20), StandardCharsets.UTF_8);
      long allocated = Long.parseLong(blocks.strip()) * 512; // the JDK cannot tell
      return new Observed.Present<>(
          new VolumeStatus(file, ImageFormat.RAW, size, allocated, Optional.empty()), size > 0);
    } catch (IOException | NumberFormatException e) {
      throw failed("look at " + file, e);
    }
  }

  // begin changing
  @Override
  public void apply(Context cx, ResourceId id, VolumeSpec desired) {
    boolean raw = desired.format() == ImageFormat.RAW;
    boolean empty = desired.source().isEmpty();
    if (!raw || !empty || desired.preallocation().isPresent()) {
      String field = !raw ? "format" : !empty ? "source" : "preallocation";
      throw new N0Exception(Code.UNSUPPORTED, field, desired + ": must be plain RAW");
    }
    long size = desired.sizeBytes().orElseThrow(); // always given where there is no source
    long now = look(id) instanceof Observed.Present<VolumeStatus> p ? p.status().sizeBytes() : -1;
    if (size < now) {
      throw N0Exception.invalid("sizeBytes", size, "must be at least the " + now + " it has");
    }
    if (now < 0) {
      step(cx, "create file", () -> Files.createFile(file(id), PRIVATE));
    }
    if (size > now) {
      step(cx, "set size", () -> {
        try (RandomAccessFile file = new RandomAccessFile(file(id).toFile(), "rw")) {
          file.setLength(size);
          file.getFD().sync();
        }
      });
    }
  }

  @Override
  public void delete(Context cx, ResourceId id) {
    look(id); // what cannot be seen is not deleted
    step(cx, "delete file", () -> Files.deleteIfExists(file(id)));
  }

  private void step(Context cx, String name, Context.Action body) {
    cx.step(name, () -> {
      try (FileChannel names = FileChannel.open(directory)) {
        body.run();
        names.force(true); // or a power failure could undo it
      } catch (IOException e) {
        throw failed(name, e);
      }
    });
  }

  private static N0Exception failed(String what, Exception e) {
    if (e instanceof ClosedByInterruptException) {
      return N0Exception.interrupted(what, e);
    }
    Code code = e.toString().contains("No space left") ? Code.EXHAUSTED : Code.UNAVAILABLE;
    return new N0Exception(code, what, what + ": " + e, e);
  }

  private Path file(ResourceId id) {
    return directory.resolve(id.name() + "." + id.uid() + ".raw");
  }
}
