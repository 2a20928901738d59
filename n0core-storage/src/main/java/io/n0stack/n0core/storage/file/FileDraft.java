package io.n0stack.n0core.storage.file;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.storage.internal.Failures;
import io.n0stack.n0core.storage.internal.NativeDirectory;
import io.n0stack.n0core.storage.internal.NativeFile;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * A file in the making, under a temporary name beside its destination, mode 0600. Nobody sees the
 * destination before all of the content is durable. Closing a draft that was not published leaves
 * nothing. Not thread-safe.
 *
 * @since 0.1
 */
public final class FileDraft implements AutoCloseable {
  private final Path destination;
  private final NativeDirectory directory;
  private final Temporary temporary;
  private final Seam seam;

  private FileDraft(Path destination, NativeDirectory directory, Temporary temporary, Seam seam) {
    this.destination = destination;
    this.directory = directory;
    this.temporary = temporary;
    this.seam = seam;
  }

  static FileDraft begin(Path destination, Making making) {
    NativeDirectory directory = NativeDirectory.open(DurableFiles.parent(destination));
    return Failures.undoing(() -> drawn(destination, directory, making), directory::close);
  }

  /** Begins one of a file that is not there. */
  static FileDraft beginNew(Path destination, Making making) {
    NativeDirectory directory = NativeDirectory.open(DurableFiles.parent(destination));
    return Failures.undoing(
        () -> {
          if (directory.exists(DurableFiles.name(destination))) {
            throw DurableFiles.taken(destination);
          }
          return drawn(destination, directory, making);
        },
        directory::close);
  }

  private static FileDraft drawn(Path destination, NativeDirectory directory, Making making) {
    Temporary temporary = Temporary.in(directory, DurableFiles.name(destination), making);
    return new FileDraft(destination, directory, temporary, making.seam());
  }

  /**
   * Returns the temporary file, for programs that write it by its name. They must not put another
   * file there.
   *
   * @return a path in the destination's directory
   */
  public Path path() {
    return temporary.path();
  }

  /**
   * Returns the temporary file's channel.
   *
   * @return the same channel at each call, for reading and writing; closed with this
   */
  public FileChannel channel() {
    return temporary.channel();
  }

  NativeFile file() {
    return temporary.file();
  }

  void write(FileContent content) {
    temporary.write(content);
  }

  /**
   * Makes the content durable, then gives it its name, then makes that durable. After a failure there
   * is no destination, unless a crash comes first.
   *
   * @throws N0Exception ALREADY_EXISTS if there is anything of that name, which is left as it is
   * @throws OsException if the kernel refuses, be it only the last sync
   */
  public void publish() {
    requireUnpublished();
    temporary.sync();
    Failures.undoing(
        () -> {
          temporary.publish();
          directory.sync();
          seam.after(Seam.Step.DURABLE);
          return this;
        },
        temporary::undo);
  }

  /**
   * Makes the content durable, then gives it its name, which another file may have until then, then
   * makes that durable.
   *
   * @throws OsException if the kernel refuses; the destination is as it was
   * @throws UnknownOutcomeException if only the last sync failed: the destination is the new file, but
   *     after a power cut it could be the old one
   */
  public void replace() {
    requireUnpublished();
    temporary.sync();
    temporary.replace();
    try {
      directory.sync();
    } catch (OsException e) {
      throw new UnknownOutcomeException("replace \"" + destination + "\"", e);
    }
    seam.after(Seam.Step.DURABLE);
  }

  private void requireUnpublished() {
    if (temporary.isNamed()) {
      throw new IllegalStateException(destination + " is published");
    }
  }

  /** Unlinks the temporary file if there is still one. Does nothing the second time. */
  @Override
  public void close() {
    try {
      temporary.close();
    } finally {
      directory.close();
    }
  }
}
