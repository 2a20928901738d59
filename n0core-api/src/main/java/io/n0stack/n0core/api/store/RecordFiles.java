package io.n0stack.n0core.api.store;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;

/** The bytes of a record file, and how files are replaced durably. */
final class RecordFiles {
  static final String TEMPORARY = ".tmp-";
  private static final int HEADER_LIMIT = 128;
  private static final Pattern HEADER = Pattern.compile(
      "n0core-record 1 revision=(\\d{1,19}) length=(\\d{1,9}) crc32c=([0-9a-f]{8})");
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE_DIRECTORY =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));

  private RecordFiles() {}

  /** Changes files. */
  @FunctionalInterface
  interface Write {
    void run() throws IOException;
  }

  /** The bytes of a record are not what was written. */
  static final class DamagedException extends Exception {
    private static final long serialVersionUID = 1L;

    DamagedException(String message) {
      super(message);
    }
  }

  /** Writing failed before anything could be seen of it: the old record stands. */
  static final class NotWrittenException extends IOException {
    private static final long serialVersionUID = 1L;

    private final IOException reason;

    NotWrittenException(IOException reason) {
      super(reason);
      this.reason = reason;
    }

    IOException reason() {
      return reason;
    }
  }

  static byte[] encode(Versioned record) {
    byte[] value = record.value().getBytes(StandardCharsets.UTF_8);
    // Without a locale %d writes the digits of the user's script, which decode would not know.
    byte[] header = String.format(
            Locale.ROOT,
            "n0core-record 1 revision=%d length=%d crc32c=%08x\n",
            record.revision(),
            value.length,
            crc(record.revision(), value))
        .getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(header.length + value.length)
        .put(header)
        .put(value)
        .array();
  }

  /** Reads a record's bytes, unless the file cannot be a record. */
  static byte[] read(Path file) throws IOException, DamagedException {
    BasicFileAttributes found =
        Files.readAttributes(file, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (!found.isRegularFile()) {
      throw new DamagedException("not a regular file");
    }
    if (found.size() > HEADER_LIMIT + Store.MAX_VALUE_BYTES) {
      throw new DamagedException("larger than any record: " + found.size() + " bytes");
    }
    try (InputStream in = Files.newInputStream(file)) {
      return content(in);
    }
  }

  /** Reads what could be opened: if that fails, it is this file's fault and nobody else's. */
  private static byte[] content(InputStream in) throws IOException, DamagedException {
    try {
      return in.readAllBytes();
    } catch (ClosedByInterruptException e) {
      throw e;
    } catch (IOException e) {
      throw new DamagedException("cannot be read: " + e.getMessage());
    }
  }

  /**
   * Tells a record that cannot be looked at from a process that can look at none: one without the
   * right, or with no descriptor left.
   */
  static boolean onlyThis(Path file, IOException failure) {
    if (failure instanceof AccessDeniedException || failure instanceof ClosedByInterruptException) {
      return false;
    }
    try (FileChannel directory =
        FileChannel.open(file.resolveSibling(""), StandardOpenOption.READ)) {
      return directory.isOpen();
    } catch (IOException e) {
      failure.addSuppressed(e);
      return false;
    }
  }

  static Versioned decode(String key, byte[] bytes) throws DamagedException {
    int end = 0;
    while (end < bytes.length && end < HEADER_LIMIT && bytes[end] != '\n') {
      end++;
    }
    Matcher header = HEADER.matcher(new String(bytes, 0, end, StandardCharsets.US_ASCII));
    if (!header.matches()) {
      throw new DamagedException("no record header");
    }
    int length = Integer.parseInt(header.group(2));
    if (bytes.length - end - 1 != length) {
      throw new DamagedException(
          "length " + (bytes.length - end - 1) + " where the header says " + length);
    }
    byte[] value = new byte[length];
    System.arraycopy(bytes, end + 1, value, 0, length);
    long revision = parse(header.group(1));
    if (crc(revision, value) != Long.parseLong(header.group(3), 16)) {
      throw new DamagedException("checksum differs");
    }
    return new Versioned(key, new String(value, StandardCharsets.UTF_8), revision);
  }

  private static long parse(String digits) throws DamagedException {
    try {
      return Long.parseLong(digits);
    } catch (NumberFormatException e) {
      throw new DamagedException("revision " + digits + " is out of range");
    }
  }

  private static long crc(long revision, byte[] value) {
    CRC32C crc = new CRC32C();
    crc.update(ByteBuffer.allocate(Long.BYTES).putLong(0, revision));
    crc.update(value);
    return crc.getValue();
  }

  private static Path temporary(Path file) {
    return file.resolveSibling(TEMPORARY + file.getFileName());
  }

  /** Removes what a replacement that was cut off has left. */
  static void sweep(Path file) throws IOException {
    Files.deleteIfExists(temporary(file));
  }

  /** Replaces a file so that after a crash it has either the old bytes or the new ones. */
  static void replace(Path file, byte[] bytes) throws IOException {
    Path temporary = temporary(file);
    try {
      throughInterrupts(() -> write(temporary, bytes));
    } catch (IOException e) {
      throw notWritten(temporary, e);
    }
    try {
      Files.move(
          temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw isFull(e) ? notWritten(temporary, e) : e;
    }
    sync(file.resolveSibling(""));
  }

  private static void write(Path temporary, byte[] bytes) throws IOException {
    Files.deleteIfExists(temporary);
    try (FileChannel out = FileChannel.open(
        temporary, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), PRIVATE_FILE)) {
      ByteBuffer rest = ByteBuffer.wrap(bytes);
      while (rest.hasRemaining()) {
        out.write(rest);
      }
      out.force(true);
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

  static void sync(Path directory) throws IOException {
    throughInterrupts(() -> {
      try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
        channel.force(true);
      }
    });
  }

  /**
   * Does what may be done again from its start, again if the thread is interrupted meanwhile: an
   * interrupt closes a file channel, and a change cut off there would be neither made nor refused.
   */
  private static void throughInterrupts(Write body) throws IOException {
    boolean interrupted = false;
    try {
      while (true) {
        interrupted |= Thread.interrupted();
        try {
          body.run();
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

  /** Makes a directory for this user alone, and those above it as the umask says. */
  static Path createDirectory(Path directory) throws IOException {
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

  private static boolean isFull(IOException e) {
    String text = String.valueOf(e.getMessage());
    return text.contains("No space left") || text.contains("Disk quota exceeded");
  }

  static N0Exception failure(String operation, IOException cause) {
    if (cause instanceof ClosedByInterruptException) {
      return N0Exception.interrupted(operation, cause);
    }
    N0Exception.Code code = N0Exception.Code.UNAVAILABLE;
    if (isFull(cause)) {
      code = N0Exception.Code.EXHAUSTED;
    } else if (cause instanceof AccessDeniedException) {
      code = N0Exception.Code.PERMISSION;
    }
    // The message of a FileSystemException without a reason is the path alone; its class says why.
    return new N0Exception(code, "store", operation + ": " + cause, cause);
  }
}
