package io.n0stack.n0core.kvm.internal.record;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.internal.GuardedFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.SecureDirectoryStream;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributeView;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/** File changes that are on the disk when the method returns. */
public final class DurableFiles {
  private static final String TEMPORARY = ".tmp-";
  private static final String REMOVED = ".rm-";
  static final FileAttribute<Set<PosixFilePermission>> PRIVATE_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private DurableFiles() {}

  /**
   * Says why files could not be read or changed. An interrupt closes the channel in use, so that is
   * told apart.
   *
   * @param subject what it is about
   * @param operation what was tried
   * @param cause what became of it
   * @return what to throw: CANCELLED if the thread was interrupted, EXHAUSTED if there is no room,
   *     else UNAVAILABLE
   */
  public static N0Exception failure(String subject, String operation, Exception cause) {
    return cause instanceof ClosedByInterruptException
        ? N0Exception.interrupted(operation, cause)
        : new N0Exception(codeOf(cause), subject, operation + ": " + cause, cause);
  }

  private static N0Exception.Code codeOf(Exception cause) {
    String text = String.valueOf(cause.getMessage());
    return text.contains("No space left on device") || text.contains("Disk quota exceeded")
        ? N0Exception.Code.EXHAUSTED
        : N0Exception.Code.UNAVAILABLE;
  }

  /**
   * Replaces a file durably. After a crash it has either its old content or the new one; any number
   * of threads may replace it.
   *
   * @param file the file, which need not exist
   * @param text the new content
   * @throws IOException if it cannot be written; it has its old content then
   */
  public static void replace(Path file, String text) throws IOException {
    replace(file, text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Replaces a file durably. After a crash it has either its old content or the new one; any number
   * of threads may replace it.
   *
   * @param file the file, which need not exist
   * @param content the new content
   * @throws IOException if it cannot be written; it has its old content then
   */
  public static void replace(Path file, byte[] content) throws IOException {
    Path temporary = Files.createTempFile(file.resolveSibling(""), TEMPORARY, "", PRIVATE_FILE);
    try {
      write(temporary, content, Set.of(StandardOpenOption.WRITE));
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(temporary);
    }
    sync(file.resolveSibling(""));
  }

  private static void write(Path file, byte[] content, Set<StandardOpenOption> options)
      throws IOException {
    try (FileChannel out = FileChannel.open(file, options, PRIVATE_FILE)) {
      ByteBuffer rest = ByteBuffer.wrap(content);
      while (rest.hasRemaining()) {
        out.write(rest);
      }
      out.force(true);
    }
  }

  /**
   * Makes a file durably, unless it exists. Leaves nothing else behind at a crash, but a text that
   * is not empty may be cut off.
   *
   * @param file the file
   * @param text its content
   * @throws IOException if it cannot be written
   */
  public static void create(Path file, String text) throws IOException {
    try {
      write(
          file,
          text.getBytes(StandardCharsets.UTF_8),
          Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
    } catch (FileAlreadyExistsException e) {
      // Another thread was faster; it must be durable all the same.
    }
    sync(file.resolveSibling(""));
  }

  /** Removes what replacements that were cut off have left in a directory. */
  static void sweep(Path directory) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, TEMPORARY + "*")) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }

  /**
   * Lists what follows a prefix in the names of a directory's files.
   *
   * @param directory the directory; one that does not exist has none
   * @param prefix the prefix
   * @return the rests of the names, sorted
   * @throws IOException if the directory cannot be read
   */
  public static List<String> following(Path directory, String prefix) throws IOException {
    List<String> rests = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, prefix + "*")) {
      files.forEach(
          file -> rests.add(String.valueOf(file.getFileName()).substring(prefix.length())));
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    rests.sort(null);
    return rests;
  }

  /**
   * Lists what follows a prefix in the names of the notes that the agent has in a directory which others can write to.
   *
   * @param directory the directory; one that does not exist has none
   * @param prefix the prefix
   * @return the rests of the names, sorted
   * @throws IOException if the directory cannot be read
   */
  public static List<String> notes(Path directory, String prefix) throws IOException {
    List<String> notes = new ArrayList<>();
    for (String rest : following(directory, prefix)) {
      try {
        if (GuardedFiles.own(directory.resolve(prefix + rest))) {
          notes.add(rest);
        }
      } catch (NoSuchFileException e) {
        // It was just taken back.
      }
    }
    return notes;
  }

  /** Says whether a directory has what {@link #sweep} removes. */
  static boolean unswept(Path directory) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, TEMPORARY + "*")) {
      return files.iterator().hasNext();
    } catch (NoSuchFileException e) {
      return false;
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
  }

  /** Renames within one directory or to a sibling of it. */
  static void rename(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
    sync(to.resolveSibling(""));
  }

  /**
   * Makes a directory durably, which only its owner may enter.
   *
   * @param directory the directory, whose parent must exist
   * @throws java.nio.file.FileAlreadyExistsException if there is something of that name
   * @throws IOException if it cannot be made
   */
  public static void createDirectory(Path directory) throws IOException {
    Files.createDirectory(directory, PRIVATE_DIRECTORY);
    sync(directory.resolveSibling(""));
  }

  /** Proves that a directory is there, or that there is none: what is above it can be seen. */
  static void requireVisible(Path directory) throws IOException {
    Path nearest = directory;
    while (!Files.exists(nearest, LinkOption.NOFOLLOW_LINKS) && nearest.getParent() != null) {
      nearest = nearest.getParent();
    }
    if (!Files.isDirectory(nearest)) {
      throw new NotDirectoryException(nearest.toString());
    }
  }

  static void createDirectories(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      Files.createDirectories(directory.resolveSibling(""));
      try {
        createDirectory(directory);
      } catch (FileAlreadyExistsException e) {
        if (!Files.isDirectory(directory)) {
          throw e;
        }
        sync(directory.resolveSibling("")); // who was faster may not have come as far
      }
    }
  }

  /**
   * Makes durable which files a directory has.
   *
   * @param directory the directory
   * @throws IOException if it cannot be read or synchronised
   */
  public static void sync(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /**
   * Removes a tree without following links; the file {@code last} of its top goes last. Who may write in the tree may
   * exchange anything for a link meanwhile, so each directory is held open and its entries are removed from that.
   */
  static void removeTree(Path top, String last) throws IOException {
    if (!Files.isDirectory(top, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    Path name = Path.of(String.valueOf(top.getFileName()));
    try (SecureDirectoryStream<Path> above = secure(top.resolveSibling(""))) {
      try (SecureDirectoryStream<Path> tree =
          above.newDirectoryStream(name, LinkOption.NOFOLLOW_LINKS)) {
        Deque<Path> rest = new ArrayDeque<>();
        empty(tree, tree, rest, last);
        while (!rest.isEmpty()) {
          Path next = rest.pop();
          try (SecureDirectoryStream<Path> inner =
              tree.newDirectoryStream(next, LinkOption.NOFOLLOW_LINKS)) {
            empty(inner, tree, rest, "");
          }
          tree.deleteDirectory(next);
        }
        if (!last.isEmpty()) {
          deleteFile(tree, Path.of(last));
        }
      } catch (NoSuchFileException e) {
        return; // another was faster
      }
      above.deleteDirectory(name);
    }
    sync(top.resolveSibling(""));
  }

  @SuppressWarnings("StreamResourceLeak") // the caller closes it
  private static SecureDirectoryStream<Path> secure(Path directory) throws IOException {
    DirectoryStream<Path> stream = Files.newDirectoryStream(directory);
    if (stream instanceof SecureDirectoryStream<Path> secure) {
      return secure;
    }
    stream.close();
    throw new IOException("files in " + directory + " cannot be removed safely");
  }

  /** Moves directories up to the top, for they can be nested deeper than files can be open, and lists them. */
  private static void empty(
      SecureDirectoryStream<Path> directory,
      SecureDirectoryStream<Path> top,
      Deque<Path> inner,
      String kept)
      throws IOException {
    List<Path> names = new ArrayList<>();
    try {
      directory.forEach(entry -> names.add(Path.of(String.valueOf(entry.getFileName()))));
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
    for (Path name : names) {
      if (isDirectory(directory, name)) {
        Path moved = Path.of(REMOVED + UUID.randomUUID());
        directory.move(name, top, moved);
        inner.push(moved);
      } else if (!name.toString().equals(kept)) {
        deleteFile(directory, name);
      }
    }
  }

  private static boolean isDirectory(SecureDirectoryStream<Path> directory, Path name)
      throws IOException {
    try {
      return directory
          .getFileAttributeView(name, BasicFileAttributeView.class, LinkOption.NOFOLLOW_LINKS)
          .readAttributes()
          .isDirectory();
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private static void deleteFile(SecureDirectoryStream<Path> directory, Path name)
      throws IOException {
    try {
      directory.deleteFile(name);
    } catch (NoSuchFileException e) {
      return; // QEMU removes its own sockets when it ends
    }
  }
}
