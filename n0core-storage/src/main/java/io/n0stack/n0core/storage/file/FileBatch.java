package io.n0stack.n0core.storage.file;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.storage.internal.NativeDirectory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Makes many files: all are written, then all synced, then all named, then the directories synced. */
final class FileBatch implements AutoCloseable {
  private final Seam seam;
  private final Map<Path, NativeDirectory> directories = new LinkedHashMap<>();
  private final List<Temporary> temporaries = new ArrayList<>();

  FileBatch(Seam seam) {
    this.seam = seam;
  }

  void create(List<NewFile> files) {
    requireDistinct(files);
    for (NewFile file : files) {
      NativeDirectory directory = directories.computeIfAbsent(
          DurableFiles.parent(file.destination()), NativeDirectory::open);
      Temporary temporary =
          Temporary.in(directory, DurableFiles.name(file.destination()), seam);
      temporaries.add(temporary);
      temporary.write(file.content());
      // So that the disk has work while the next are written, and the syncs find little to do.
      temporary.startWriting();
    }
    temporaries.forEach(Temporary::sync);
    try {
      temporaries.forEach(Temporary::publish);
      directories.values().forEach(NativeDirectory::sync);
      seam.after(Seam.Step.DURABLE);
    } catch (RuntimeException | Error e) {
      temporaries.forEach(temporary -> temporary.undo(e));
      throw e;
    }
  }

  private static void requireDistinct(List<NewFile> files) {
    Set<Path> destinations = new HashSet<>();
    for (NewFile file : files) {
      if (!destinations.add(file.destination())) {
        throw N0Exception.invalid("destination", file.destination(), "must be there once");
      }
    }
  }

  /** Unlinks what has no name, each whatever becomes of the others. */
  @Override
  public void close() {
    @Nullable RuntimeException failure = null;
    for (Temporary temporary : temporaries) {
      try {
        temporary.close();
      } catch (N0Exception e) {
        failure = failure == null ? e : failure;
      }
    }
    directories.values().forEach(NativeDirectory::close);
    if (failure != null) {
      throw failure;
    }
  }
}
