package io.n0stack.n0core.storage.file;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.storage.internal.Failures;
import io.n0stack.n0core.storage.internal.NativeDirectory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/** Makes many files: all are written, then all synced, then all named, then the directories synced. */
final class FileBatch implements AutoCloseable {
  private final Making making;
  private final Map<Path, NativeDirectory> directories = new LinkedHashMap<>();
  private final List<Temporary> temporaries = new ArrayList<>();

  FileBatch(Making making) {
    this.making = making;
  }

  void create(List<NewFile> files) {
    requireDistinct(files);
    for (NewFile file : files) {
      NativeDirectory directory = directories.computeIfAbsent(
          DurableFiles.parent(file.destination()), NativeDirectory::open);
      Temporary temporary = Temporary.in(directory, DurableFiles.name(file.destination()), making);
      temporaries.add(temporary);
      temporary.write(file.content());
      // So that the disk has work while the next are written, and the syncs find little to do.
      temporary.startWriting();
    }
    Syncs.of(temporaries);
    Failures.undoing(
        () -> {
          temporaries.forEach(Temporary::publish);
          directories.values().forEach(NativeDirectory::sync);
          making.seam().after(Seam.Step.DURABLE);
          return this;
        },
        () -> forEach(Temporary::undo));
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
    try {
      forEach(Temporary::close);
    } finally {
      directories.values().forEach(NativeDirectory::close);
    }
  }

  /** Treats each, whatever becomes of the others, and throws the first failure in the end. */
  private void forEach(Consumer<Temporary> treatment) {
    N0Exception failure = null;
    for (Temporary temporary : temporaries) {
      try {
        treatment.accept(temporary);
      } catch (N0Exception e) {
        failure = failure == null ? e : failure;
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
