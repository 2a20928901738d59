package io.n0stack.n0core.api.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;

/**
 * Small files that are replaced as a whole and durably, with the JDK's own means. After a crash, of
 * the process or of the host, there is the old content or the new one, and never a part.
 *
 * <p>A file is written under a temporary name beside it, synced and renamed, and then its directory is
 * synced, see {@code fsync(2)} and {@code rename(2)}. What has begun is finished also when the thread
 * is interrupted, and the interrupt flag is kept. Thread-safe for different files; of one file there
 * may be one writer at a time, among all processes.
 *
 * @since 0.1
 */
public final class SmallFiles {
  /** How the names of temporary files begin. */
  public static final String TEMPORARY = ".tmp-";

  private static final Set<OpenOption> NEW =
      Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private SmallFiles() {}

  /**
   * Writing failed before anything could be seen of it: the old file stands, or still there is none.
   *
   * @since 0.1
   */
  public static final class NotWrittenException extends IOException {
    private static final long serialVersionUID = 1L;

    private final IOException reason;

    NotWrittenException(IOException reason) {
      super(reason);
      this.reason = reason;
    }

    /**
     * Returns what went wrong.
     *
     * @return the failure as the JDK says it
     */
    public IOException reason() {
      return reason;
    }
  }

  /** What may be done again from its start. */
  interface Work {
    void run() throws IOException;
  }

  /**
   * Makes a file in the place of another, if there is one; mode 0600. A reader sees the old one or the
   * new one. A symbolic link of that name is replaced and not followed.
   *
   * @param file the file, in a directory that exists; its name must not begin with {@code .tmp-}
   * @param content all of what is in it
   * @throws NotWrittenException if it failed and the old file stands, as when the file system is full
   * @throws IOException if it failed later: the file is the old one or the new one, and which one
   *     after a power cut is not known
   */
  public static void replace(Path file, byte[] content) throws IOException {
    exchange(file, file.resolveSibling(TEMPORARY + file.getFileName()), content);
    sync(file.resolveSibling(""));
  }

  /** Replaces a file so that readers see it; a power cut may undo it until the directory is synced. */
  static void exchange(Path file, Path temporary, byte[] content) throws IOException {
    try {
      throughInterrupts(() -> write(temporary, content));
    } catch (IOException e) {
      throw notWritten(temporary, e);
    }
    try {
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw isFull(e) ? notWritten(temporary, e) : e;
    }
  }

  private static void write(Path temporary, byte[] content) throws IOException {
    try (FileChannel out = open(temporary)) {
      ByteBuffer rest = ByteBuffer.wrap(content);
      while (rest.hasRemaining()) {
        out.write(rest);
      }
      out.force(true);
    }
  }

  /** Opens a file that is not there; if it is, it was left by a writer that was cut off. */
  private static FileChannel open(Path temporary) throws IOException {
    try {
      return FileChannel.open(temporary, NEW, PRIVATE_FILE);
    } catch (FileAlreadyExistsException e) {
      Files.deleteIfExists(temporary);
      return FileChannel.open(temporary, NEW, PRIVATE_FILE);
    }
  }

  private static NotWrittenException notWritten(Path temporary, IOException reason) {
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException second) {
      reason.addSuppressed(second);
    }
    return new NotWrittenException(reason);
  }

  /**
   * Makes the entries of a directory, or the bytes of a file, outlive a power cut.
   *
   * @param path the directory or file
   * @throws IOException if it cannot be opened or synced
   */
  public static void sync(Path path) throws IOException {
    throughInterrupts(() -> {
      try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
        channel.force(true);
      }
    });
  }

  /**
   * Removes a file durably, if it is there.
   *
   * @param file the file
   * @throws IOException if it failed: the file is there or not, also after a power cut
   */
  public static void delete(Path file) throws IOException {
    Files.deleteIfExists(file);
    sync(file.resolveSibling(""));
  }

  /**
   * Removes what replacements that were cut off have left in a directory, whose writers must be gone.
   *
   * @param directory the directory; what is below it is not looked at
   * @throws IOException if it cannot be read, or something cannot be removed
   */
  public static void sweep(Path directory) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, TEMPORARY + "*")) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }

  /**
   * Makes a directory durably if it is not there: for this user alone, and those above it as the umask
   * says.
   *
   * @param directory the directory
   * @return the directory
   * @throws IOException if it cannot be made, or there is something else of its name
   */
  public static Path createDirectory(Path directory) throws IOException {
    return createDirectory(directory, PRIVATE_DIRECTORY);
  }

  private static Path createDirectory(Path directory, FileAttribute<?>... mode) throws IOException {
    if (!Files.isDirectory(directory)) {
      Path parent = directory.resolveSibling("");
      createDirectory(parent, new FileAttribute<?>[0]);
      try {
        Files.createDirectory(directory, mode);
      } catch (FileAlreadyExistsException e) {
        if (!Files.isDirectory(directory)) {
          throw e;
        }
      }
      sync(parent);
    }
    return directory;
  }

  /**
   * Does what may be done again from its start, again if the thread is interrupted meanwhile: an
   * interrupt closes a file channel, and a change cut off there would be neither made nor refused.
   */
  static void throughInterrupts(Work work) throws IOException {
    boolean interrupted = false;
    try {
      while (true) {
        interrupted |= Thread.interrupted();
        try {
          work.run();
          return;
        } catch (ClosedByInterruptException e) {
          interrupted = true;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /**
   * Tells whether something failed because there is no space left, or no more is allowed.
   *
   * @param failure what the JDK says
   * @return true if so
   */
  public static boolean isFull(IOException failure) {
    String text = String.valueOf(failure.getMessage());
    return text.contains("No space left") || text.contains("Disk quota exceeded");
  }
}
