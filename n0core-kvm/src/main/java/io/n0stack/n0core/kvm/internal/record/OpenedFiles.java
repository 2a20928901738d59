package io.n0stack.n0core.kvm.internal.record;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** The files that a machine's user was let into, and the directories on the way to them: recorded before it was. */
final class OpenedFiles {
  private static final String FILE = "opened";

  private final Path file;

  OpenedFiles(Path directory) {
    file = directory.resolve(FILE);
  }

  /**
   * Lists them.
   *
   * @throws N0Exception UNAVAILABLE if that cannot be read
   */
  List<Path> all() {
    return lines().stream().map(OpenedFiles::path).distinct().toList();
  }

  /** Lists what was opened for volumes alone, none of which is among some. */
  List<Path> without(Collection<String> volumes) {
    Set<Path> all = new LinkedHashSet<>(all());
    lines().stream()
        .filter(line -> line.startsWith("/") || volumes.contains(volume(line)))
        .forEach(line -> all.remove(path(line)));
    return List.copyOf(all);
  }

  /** Adds files that were named in a command. */
  void add(Collection<Path> files) {
    add("", files);
  }

  /** Adds files of a volume. */
  void add(String volume, Collection<Path> files) {
    Set<String> all = lines();
    String start = volume.isEmpty() ? "" : volume + " ";
    if (all.addAll(files.stream().map(path -> start + path).toList())) {
      write(all);
    }
  }

  void remove(Collection<Path> files) {
    Set<String> all = lines();
    if (all.removeIf(line -> files.contains(path(line)))) {
      write(all);
    }
  }

  private static String volume(String line) {
    return line.substring(0, Math.max(0, line.indexOf(" /")));
  }

  private static Path path(String line) {
    return Path.of(line.substring(line.indexOf('/')));
  }

  private Set<String> lines() {
    try {
      return Files.readString(file).lines().collect(Collectors.toCollection(LinkedHashSet::new));
    } catch (NoSuchFileException e) {
      return new LinkedHashSet<>();
    } catch (IOException e) {
      throw failure("read", e);
    }
  }

  private void write(Set<String> lines) {
    try {
      DurableFiles.replace(
          file, lines.stream().map(line -> line + "\n").collect(Collectors.joining()));
    } catch (IOException e) {
      throw failure("write", e);
    }
  }

  private N0Exception failure(String what, IOException cause) {
    return DurableFiles.failure(file.toString(), what + " " + file, cause);
  }
}
