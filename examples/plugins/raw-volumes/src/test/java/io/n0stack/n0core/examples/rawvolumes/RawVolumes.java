package io.n0stack.n0core.examples.rawvolumes;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.ImageFormat;
import io.n0stack.n0core.api.storage.ImageSource;
import io.n0stack.n0core.api.storage.VolumeSpec;
import io.n0stack.n0core.api.storage.VolumeStatus;
import io.n0stack.n0core.tck.DriverFixture;
import io.n0stack.n0core.tck.FixtureRecipe;
import io.n0stack.n0core.tck.Topic;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What the conformance kit needs to know: a directory of volumes on a small disk. */
// begin must
record RawVolumes(SmallDisk disk) implements DriverFixture<VolumeSpec, VolumeStatus> {
  private static final long MIB = 1 << 20;

  @Override
  public Driver<VolumeSpec, VolumeStatus> open() {
    return new RawVolumeDriver(directory());
  }

  @Override
  public VolumeSpec spec() {
    return raw(8 * MIB);
  }

  @Override
  public List<String> residue() {
    return files().stream().map(Path::toString).toList();
  }

  static VolumeSpec raw(long bytes) {
    return new VolumeSpec(ImageFormat.RAW, Optional.of(bytes), Optional.empty());
  }

  Path directory() {
    return disk.mount().resolve("volumes");
  }

  private List<Path> files() {
    try (Stream<Path> files = Files.list(directory())) {
      return files.sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
  // end must

  // begin may
  @Override
  public Optional<VolumeSpec> changed() {
    return Optional.of(raw(16 * MIB));
  }

  @Override
  public Optional<FixtureRecipe> recipe() {
    return Optional.of(new FixtureRecipe(Factory.class, List.of(disk.mount().toString())));
  }

  static final class Factory implements FixtureRecipe.Factory {
    @Override
    public DriverFixture<?, ?> create(List<String> arguments) {
      return new RawVolumes(new SmallDisk(Path.of(arguments.get(0))));
    }
  }

  @Override
  public Optional<Undo> plantForeign(ResourceId near) {
    List<Path> foreign = Stream.of(
            near.name(), near.name() + ".raw", near.name() + ".1234.raw", ".raw", "a b")
        .map(directory()::resolve)
        .toList();
    for (Path file : foreign) {
      attempt(() -> Files.writeString(file, "not ours"));
    }
    return Optional.of(() -> foreign.forEach(file -> attempt(() -> Files.delete(file))));
  }

  @Override
  public Map<String, Object> contents() {
    Map<String, Object> contents = new TreeMap<>();
    for (Path file : files()) {
      attempt(() -> contents.put(
          file + " " + Files.getLastModifiedTime(file), Arrays.hashCode(Files.readAllBytes(file))));
    }
    return contents;
  }

  @Override
  public Optional<Undo> cutOff(Driver<VolumeSpec, VolumeStatus> driver) {
    Path away = disk.mount().resolve("away");
    attempt(() -> Files.move(directory(), away));
    attempt(() -> Files.createFile(directory()));
    return Optional.of(() -> {
      attempt(() -> Files.delete(directory()));
      attempt(() -> Files.move(away, directory()));
    });
  }

  @Override
  public Optional<Undo> fillDisk() {
    return Optional.of(disk.fill());
  }

  @Override
  public List<VolumeSpec> hostile() {
    ImageSource source = new ImageSource.Copy(Path.of("/$(touch x), '\".raw"), ImageFormat.RAW);
    return List.of(new VolumeSpec(ImageFormat.RAW, Optional.of(MIB), Optional.of(source)));
  }

  @Override
  public Map<Topic, String> notApplicable() {
    return Map.of(
        Topic.SILENT_RESOURCE, "a file always answers",
        Topic.CAPABILITIES, "offers none");
  }
  // end may

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
