package io.n0stack.n0core.storage.file;

import static java.util.Objects.requireNonNull;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.storage.internal.Failures;
import io.n0stack.n0core.storage.internal.NativeDirectory;
import io.n0stack.n0core.storage.internal.NativeFile;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes files that are whole or not there, whatever moment the process, the kernel or the power ends.
 *
 * <p>A file is written under a temporary name in the destination's directory, mode 0600, synced, and
 * only then named. A name that is taken stays as it is, and a symbolic link of that name is not
 * followed. What a process leaves that is killed meanwhile, {@link #sweep} unlinks.
 *
 * <p>Thread-safe; files are made independently of each other.
 *
 * @since 0.1
 */
public final class DurableFiles {
  private final Making making;

  /** Makes it; touches nothing. */
  public DurableFiles() {
    this(Seam.NONE);
  }

  DurableFiles(Seam seam) {
    making = new Making(seam);
  }

  /**
   * Begins a file that takes more than one call, or a program of its own, to be written.
   *
   * @param destination absolute path, in a directory that exists
   * @return the draft, which the caller publishes and closes
   * @throws N0Exception INVALID if the path is not absolute and normal, or is a temporary file's
   * @throws OsException if the directory cannot be opened or written
   */
  public FileDraft draft(Path destination) {
    return FileDraft.begin(requireDestination(destination), making);
  }

  /**
   * Makes a file that was not there.
   *
   * @param destination absolute path, in a directory that exists
   * @param content what is in it
   * @throws N0Exception ALREADY_EXISTS if there is anything of that name; INVALID if the path is not
   *     absolute and normal, or is a temporary file's; or as the content's failure demands
   * @throws OsException if the kernel refuses; there is no destination then
   */
  public void create(Path destination, FileContent content) {
    try (FileDraft draft = FileDraft.beginNew(requireDestination(destination), making)) {
      draft.write(content);
      draft.publish();
    }
  }

  /**
   * Makes a file in the place of another, if there is one. A reader sees the old one or the new one.
   *
   * @param destination absolute path, in a directory that exists
   * @param content what is in it
   * @throws N0Exception INVALID if the path is not absolute and normal, is a temporary file's, or
   *     stands for something else than a regular file; or as the content's failure demands
   * @throws OsException if the kernel refuses; the destination is as it was
   * @throws UnknownOutcomeException if only the last sync failed: the destination is the new file, but
   *     after a power cut it could be the old one
   */
  public void replace(Path destination, FileContent content) {
    requireDestination(destination);
    if (NativeFile.look(destination).filter(status -> !status.isRegular()).isPresent()) {
      throw N0Exception.invalid("destination", destination, "must be a regular file, or free");
    }
    try (FileDraft draft = FileDraft.begin(destination, making)) {
      draft.write(content);
      draft.replace();
    }
  }

  /**
   * Makes many files that were not there, with one sync of each directory. After a failure there is
   * none of them; after a crash there can be some, each of them whole.
   *
   * @param files what to make; each takes a descriptor until the end
   * @throws N0Exception as {@link #create} throws it
   * @throws OsException if the kernel refuses
   */
  public void createAll(List<NewFile> files) {
    for (NewFile file : files) {
      requireFree(file.destination());
    }
    try (FileBatch batch = new FileBatch(making)) {
      batch.create(files);
    }
  }

  /**
   * Unlinks the temporary files whose makers are gone. Files of makers that live, of other names and
   * of other users are left alone.
   *
   * @param directory absolute path of the directory; what is below it is not looked at
   * @return what was unlinked
   * @throws N0Exception INVALID if the path is not absolute and normal; UNSUPPORTED if its file system
   *     cannot tell who lives
   * @throws OsException if the directory cannot be read
   */
  public List<Path> sweep(Path directory) {
    Rules.absolutePath("directory", directory);
    List<Path> unlinked = new ArrayList<>();
    try (NativeDirectory open = NativeDirectory.open(directory)) {
      for (String name : names(directory)) {
        if (Temporary.sweep(open, name)) {
          unlinked.add(directory.resolve(name));
        }
      }
      if (!unlinked.isEmpty()) {
        open.sync();
      }
    }
    return unlinked;
  }

  private static List<String> names(Path directory) {
    return Failures.translated("list " + Rules.quote(directory.toString()), () -> {
      List<String> names = new ArrayList<>();
      try (DirectoryStream<Path> paths =
          Files.newDirectoryStream(directory, Temporary.PREFIX + "*")) {
        paths.forEach(path -> names.add(path.getFileName().toString()));
      } catch (DirectoryIteratorException e) {
        throw e.getCause();
      }
      return names;
    });
  }

  static Path requireDestination(Path destination) {
    Rules.absolutePath("destination", destination);
    if (destination.getFileName() == null || name(destination).startsWith(Temporary.PREFIX)) {
      throw N0Exception.invalid(
          "destination", destination, "must be a file whose name does not begin with '.n0-'");
    }
    return destination;
  }

  static void requireFree(Path destination) {
    if (NativeFile.look(destination).isPresent()) {
      throw taken(destination);
    }
  }

  static N0Exception taken(Path destination) {
    return new N0Exception(
        N0Exception.Code.ALREADY_EXISTS,
        destination.toString(),
        "create " + Rules.quote(destination.toString()) + ": exists already");
  }

  static Path parent(Path destination) {
    return requireNonNull(destination.getParent(), "an absolute path of a file has a parent");
  }

  static String name(Path destination) {
    return requireNonNull(destination.getFileName(), "a file has a name").toString();
  }
}
