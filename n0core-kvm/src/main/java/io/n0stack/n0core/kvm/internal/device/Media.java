package io.n0stack.n0core.kvm.internal.device;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.internal.GuardedFiles;
import io.n0stack.n0core.kvm.internal.record.DurableFiles;
import io.n0stack.n0core.kvm.internal.record.Run;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The drives of one launch whose medium is being changed, and the block nodes that are in none of them meanwhile:
 * noted in the launch's directory before anything is done, because a node without a drive is found by nothing else.
 */
final class Media {
  private static final String PREFIX = "medium.";

  private final Path directory;

  Media(Run run) {
    directory = run.directory();
  }

  /** Returns the nodes that are noted with a drive, none if its medium is not being changed. */
  Set<String> nodes(String deviceId) {
    Set<String> nodes = lines(deviceId);
    nodes.removeIf(line -> line.startsWith("/"));
    return nodes;
  }

  /** Returns the files of media that were taken out. */
  List<Path> files(String deviceId) {
    return lines(deviceId).stream()
        .filter(line -> line.startsWith("/"))
        .map(Path::of)
        .toList();
  }

  private Set<String> lines(String deviceId) {
    try {
      return GuardedFiles.note(directory.resolve(PREFIX + deviceId))
          .map(note -> note.lines().collect(Collectors.toCollection(LinkedHashSet::new)))
          .orElseGet(LinkedHashSet::new);
    } catch (IOException e) {
      throw failure("read", deviceId, e);
    }
  }

  boolean changing(String deviceId) {
    try {
      return GuardedFiles.own(directory.resolve(PREFIX + deviceId));
    } catch (NoSuchFileException e) {
      return false;
    } catch (IOException e) {
      return true; // what cannot be seen may be there
    }
  }

  /** Adds nodes, and the paths of files, to those that are noted. */
  void note(String deviceId, Collection<String> more) {
    Set<String> all = lines(deviceId);
    if (changing(deviceId) && all.containsAll(more)) {
      return;
    }
    all.addAll(more);
    try {
      DurableFiles.replace(directory.resolve(PREFIX + deviceId), String.join("\n", all));
    } catch (IOException e) {
      throw failure("write", deviceId, e);
    }
  }

  void forget(String deviceId) {
    try {
      if (Files.deleteIfExists(directory.resolve(PREFIX + deviceId))) {
        DurableFiles.sync(directory);
      }
    } catch (IOException e) {
      throw failure("remove", deviceId, e);
    }
  }

  /** Lists the drives, sorted. */
  List<String> all() {
    try {
      return DurableFiles.notes(directory, PREFIX);
    } catch (IOException e) {
      throw failure("list", "*", e);
    }
  }

  private N0Exception failure(String what, String deviceId, Exception cause) {
    return DurableFiles.failure(
        deviceId, what + " the change of the medium of " + deviceId + " in " + directory, cause);
  }
}
