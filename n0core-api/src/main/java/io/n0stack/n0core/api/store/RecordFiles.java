package io.n0stack.n0core.api.store;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;

/** The bytes of a record file, and what failures of files mean to a store. */
final class RecordFiles {
  private static final int HEADER_LIMIT = 128;
  private static final int CHECKSUM_DIGITS = 8;
  private static final Pattern HEADER = Pattern.compile(
      "n0core-record 1 revision=(\\d{1,19}) length=(\\d{1,9}) crc32c=([0-9a-f]{8})");

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

  static byte[] encode(Versioned record) {
    byte[] value = record.value().getBytes(StandardCharsets.UTF_8);
    byte[] header = header(record.revision(), value).getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(header.length + value.length)
        .put(header)
        .put(value)
        .array();
  }

  /** Joins rather than formats, which takes longer than to write the file where it is cold. */
  private static String header(long revision, byte[] value) {
    String checksum = Long.toHexString(crc(revision, value));
    String zeros = "0".repeat(CHECKSUM_DIGITS - checksum.length());
    return "n0core-record 1 revision=" + revision + " length=" + value.length + " crc32c=" + zeros
        + checksum + '\n';
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

  static N0Exception failure(String operation, IOException cause) {
    if (cause instanceof ClosedByInterruptException) {
      return N0Exception.interrupted(operation, cause);
    }
    N0Exception.Code code = N0Exception.Code.UNAVAILABLE;
    if (SmallFiles.isFull(cause)) {
      code = N0Exception.Code.EXHAUSTED;
    } else if (cause instanceof AccessDeniedException) {
      code = N0Exception.Code.PERMISSION;
    }
    // The message of a FileSystemException without a reason is the path alone; its class says why.
    return new N0Exception(code, "store", operation + ": " + cause, cause);
  }
}
