package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.ResourceId;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;

/** Notes in a directory, driven by the good driver or by a broken one. */
final class NoteFixture implements DriverFixture<NoteSpec, NoteStatus> {
  private final Path directory;
  private final Function<Path, Driver<NoteSpec, NoteStatus>> drivers;

  NoteFixture(Path directory) {
    this(directory, NoteDriver::new);
  }

  NoteFixture(Path directory, Function<Path, Driver<NoteSpec, NoteStatus>> drivers) {
    this.directory = directory;
    this.drivers = drivers;
  }

  /** Creates the fixture of the good driver in another process. */
  static final class Factory implements FixtureRecipe.Factory {
    @Override
    public DriverFixture<?, ?> create(List<String> arguments) {
      return new NoteFixture(Path.of(arguments.get(0)));
    }
  }

  @Override
  public Driver<NoteSpec, NoteStatus> open() {
    return drivers.apply(directory);
  }

  @Override
  public NoteSpec spec() {
    return new NoteSpec("buy milk");
  }

  @Override
  public Optional<NoteSpec> changed() {
    return Optional.of(new NoteSpec("buy bread"));
  }

  @Override
  public Optional<FixtureRecipe> recipe() {
    return Optional.of(new FixtureRecipe(Factory.class, List.of(directory.toString())));
  }

  /** Always as many: with fewer the kit could miss a small leak that it is tested with. */
  @Override
  public int cycles() {
    return 1000;
  }

  @Override
  public List<String> residue() {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(Path::toString).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Map<String, String> contents() {
    try (Stream<Path> files = Files.list(directory)) {
      TreeMap<String, String> contents = new TreeMap<>();
      for (Path file : files.toList()) {
        contents.put(file + " of " + Files.getLastModifiedTime(file), Files.readString(file));
      }
      return contents;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Optional<Undo> plantForeign(ResourceId near) {
    List<Path> all = Stream.of(
            near.name(), near.name() + ".txt", near.name() + ".1234-5678", near.name() + ".part")
        .map(directory::resolve)
        .toList();
    attempt(() -> {
      for (Path file : all) {
        Files.writeString(file, "not ours");
      }
    });
    return Optional.of(() -> attempt(() -> {
      for (Path file : all) {
        Files.deleteIfExists(file);
      }
    }));
  }

  @Override
  public Optional<Undo> cutOff(Driver<NoteSpec, NoteStatus> driver) {
    Path away = directory.resolveSibling(directory.getFileName() + "-away");
    attempt(() -> Files.move(directory, away));
    return Optional.of(() -> attempt(() -> {
      Files.deleteIfExists(directory);
      Files.move(away, directory);
    }));
  }

  @Override
  public List<NoteSpec> hostile() {
    return Stream.of("../../etc/passwd", "$(touch x)", "'; rm -rf /", "%n%s", "\"\\", "é\u202e")
        .map(NoteSpec::new)
        .toList();
  }

  @Override
  public Map<Topic, String> notApplicable() {
    return Map.of(
        Topic.DISK_FULL, "no disk of its own",
        Topic.SILENT_RESOURCE, "a file always answers",
        Topic.CAPABILITIES, "offers none");
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
