package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.Preallocation;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.DriverFixture;
import io.n0stack.n0core.tck.FixtureRecipe;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Topic;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/** A pool on a small disk, below a directory that does not exist, under a name hard to quote. */
final class Volumes implements DriverFixture<VolumeSpec, VolumeStatus> {
  private static final long MIB = 1 << 20;
  private static final long SMALL = 256 << 10; // of which 16 fit on the disk, with all they need
  private static final String CACHE = ".images";

  private final Path directory;
  private final String source;

  Volumes(Path directory, String source) {
    this.directory = directory;
    this.source = source;
  }

  /** Creates the fixture in another process. */
  static final class Factory implements FixtureRecipe.Factory {
    @Override
    public DriverFixture<?, ?> create(List<String> arguments) {
      return new Volumes(Path.of(arguments.get(0)), arguments.get(1));
    }
  }

  static Path image(Path directory) {
    return directory.resolve("a base, with: odd name.qcow2");
  }

  private Path pool() {
    return directory.resolve("disk").resolve("state").resolve("pool, of: volumes");
  }

  @Override
  public Driver<VolumeSpec, VolumeStatus> open() {
    Qcow2DirectoryDriver driver = new Qcow2DirectoryDriver(pool(), Duration.ofSeconds(30));
    return source.equals("forgetful") ? new ForgetfulDriver(driver) : driver;
  }

  @Override
  public VolumeSpec spec() {
    return switch (source) {
      case "empty", "forgetful" -> VolumeSpec.empty(8 * MIB);
      case "raw" -> new VolumeSpec(ImageFormat.RAW, Optional.of(8 * MIB), Optional.empty());
      case "clone" -> VolumeSpec.from(new ImageSource.Backing(image(directory), ImageFormat.QCOW2));
      case "download" ->
        VolumeSpec.from(new ImageSource.Download(
            image(directory).toUri(), Images.digest(image(directory)), ImageFormat.QCOW2));
      case "preallocated" -> VolumeSpec.empty(SMALL).withPreallocation(Preallocation.FALLOC);
      default -> VolumeSpec.from(new ImageSource.Copy(image(directory), ImageFormat.QCOW2));
    };
  }

  @Override
  public Optional<VolumeSpec> changed() {
    return Optional.of(spec().withSizeBytes(source.equals("preallocated") ? 2 * SMALL : 16 * MIB));
  }

  @Override
  public Optional<FixtureRecipe> recipe() {
    return Optional.of(new FixtureRecipe(Factory.class, List.of(directory.toString(), source)));
  }

  @Override
  public int cycles() {
    // Each of these starts a process.
    return source.equals("preallocated") ? Repetition.of(100) : DriverFixture.super.cycles();
  }

  @Override
  public List<String> residue() {
    return Images.volumes(pool());
  }

  @Override
  public Object contents() {
    Map<String, Object> all = new TreeMap<>();
    attempt(() -> {
      if (Files.exists(pool())) {
        try (Stream<Path> files = Files.walk(pool())) {
          for (Path file : files.filter(this::isOfAVolume).toList()) {
            all.put(
                file + " " + Files.getLastModifiedTime(file),
                java.util.Arrays.hashCode(Files.readAllBytes(file)));
          }
        }
      }
    });
    return List.of(residue(), all);
  }

  private boolean isOfAVolume(Path file) {
    return Files.isRegularFile(file)
        && !file.startsWith(pool().resolve(CACHE))
        && !file.equals(pool().resolve(PoolLock.FILE));
  }

  @Override
  public Optional<Undo> plantForeign(ResourceId near) {
    List<Path> all = Stream.of(
            near.name(), near.name() + ".qcow2", near.name() + ".1234-5678.qcow2", "README")
        .map(pool()::resolve)
        .toList();
    attempt(() -> {
      Files.createDirectories(pool());
      for (Path file : all) {
        Files.writeString(file, "not ours");
      }
    });
    return Optional.of(() -> attempt(() -> {
      for (Path file : all) {
        Files.delete(file);
      }
    }));
  }

  @Override
  public Optional<Undo> cutOff(Driver<VolumeSpec, VolumeStatus> driver) {
    Path away = pool().resolveSibling("away");
    attempt(() -> {
      Files.move(pool(), away);
      Files.writeString(pool(), "no directory");
    });
    return Optional.of(() -> attempt(() -> {
      Files.delete(pool());
      Files.move(away, pool());
    }));
  }

  @Override
  public Optional<Undo> fillDisk() {
    Path filler = directory.resolve("disk").resolve("filler");
    attempt(() ->
        Files.write(filler, new byte[(int) directory.resolve("disk").toFile().getUsableSpace()]));
    return Optional.of(() -> attempt(() -> Files.delete(filler)));
  }

  @Override
  public List<VolumeSpec> hostile() {
    Path odd = directory.resolve("$(touch x), 'a' \"b\" json:{} %s.qcow2");
    attempt(() -> {
      if (!Files.exists(odd)) {
        Files.copy(image(directory), odd);
      }
    });
    return List.of(
        VolumeSpec.from(new ImageSource.Backing(odd, ImageFormat.QCOW2)),
        VolumeSpec.from(new ImageSource.Copy(odd, ImageFormat.QCOW2)));
  }

  @Override
  public Map<Topic, String> notApplicable() {
    return Map.of(Topic.SILENT_RESOURCE, "a file always answers");
  }

  private interface Io {
    void run() throws IOException;
  }

  private static void attempt(Io io) {
    try {
      io.run();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
