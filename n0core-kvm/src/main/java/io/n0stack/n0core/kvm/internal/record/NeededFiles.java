package io.n0stack.n0core.kvm.internal.record;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/** Files that must stay reachable, by whatever name. */
final class NeededFiles {
  private final Set<Path> paths = new LinkedHashSet<>();
  private final Set<Object> keys = new HashSet<>();
  // How QEMU tells of files that it was given with options: as JSON with the name in it.
  private final Set<String> texts = new HashSet<>();

  NeededFiles(Collection<String> names) {
    for (String name : names) {
      if (name.startsWith("/")) {
        add(List.of(Path.of(name)));
      } else {
        texts.add(name);
      }
    }
  }

  void add(Collection<Path> files) {
    for (Path file : files) {
      paths.add(file);
      key(file).ifPresent(keys::add);
    }
  }

  boolean has(Path file) {
    String plain = file.toString();
    String quoted = plain.replace("\\", "\\\\").replace("\"", "\\\"");
    return paths.contains(file)
        || key(file).filter(keys::contains).isPresent()
        || texts.stream().anyMatch(text -> text.contains(plain) || text.contains(quoted));
  }

  /** Says whether one of them is below a directory. */
  boolean below(Path directory) {
    Path real = real(directory);
    return paths.stream()
            .anyMatch(path -> path.startsWith(directory) || real(path).startsWith(real))
        || texts.stream().anyMatch(text -> text.contains(directory + "/"));
  }

  /** Returns what is the same for all names of a file, empty if there is none of that name. */
  static Optional<Object> key(Path file) {
    try {
      return Optional.ofNullable(
          Files.readAttributes(file, BasicFileAttributes.class).fileKey());
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw DurableFiles.failure(file.toString(), "look at " + file, e);
    }
  }

  static Path real(Path file) {
    try {
      return file.toRealPath();
    } catch (NoSuchFileException e) {
      Path above = file.getParent();
      return above == null ? file : real(above).resolve(Objects.requireNonNull(file.getFileName()));
    } catch (IOException e) {
      throw DurableFiles.failure(file.toString(), "look at " + file, e);
    }
  }
}
