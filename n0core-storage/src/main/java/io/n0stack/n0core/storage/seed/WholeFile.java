package io.n0stack.n0core.storage.seed;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.Rules;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;

/** Puts a file in place whole: made beside, flushed, renamed, and the directory flushed. */
final class WholeFile {
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));
  private static final Set<StandardOpenOption> NEW =
      Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);

  private WholeFile() {}

  static void replace(Path file, byte[] content) {
    // Only "/" has no parent, and it is a directory.
    Path directory = Objects.requireNonNullElse(file.getParent(), file);
    Path temporary = directory.resolve(".tmp-" + UUID.randomUUID());
    try {
      if (Files.isDirectory(file)) {
        throw new FileSystemException(file.toString(), null, "is a directory");
      }
      fill(temporary, content);
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
      try (FileChannel opened = FileChannel.open(directory, StandardOpenOption.READ)) {
        opened.force(true);
      }
    } catch (IOException e) {
      N0Exception failure = failure(file, e);
      remove(temporary, failure);
      throw failure;
    }
  }

  private static void fill(Path temporary, byte[] content) throws IOException {
    try (FileChannel out = FileChannel.open(temporary, NEW, PRIVATE)) {
      ByteBuffer left = ByteBuffer.wrap(content);
      while (left.hasRemaining()) {
        out.write(left);
      }
      out.force(true);
    }
  }

  private static void remove(Path temporary, N0Exception failure) {
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException e) {
      failure.addSuppressed(e);
    }
  }

  private static N0Exception failure(Path file, IOException cause) {
    String subject = "write " + Rules.quote(file.toString());
    if (cause instanceof ClosedByInterruptException) {
      return N0Exception.interrupted(subject, cause);
    }
    if (cause instanceof NoSuchFileException) {
      return new N0Exception(
          Code.NOT_FOUND, subject, subject + ": its directory does not exist", cause);
    }
    String said = cause instanceof FileSystemException e ? e.getReason() : cause.getMessage();
    String reason = said == null ? cause.getClass().getSimpleName() : said;
    return new N0Exception(code(cause, reason), subject, subject + ": " + reason, cause);
  }

  private static Code code(IOException cause, String reason) {
    if (cause instanceof AccessDeniedException || reason.contains("Read-only file system")) {
      return Code.PERMISSION;
    }
    return reason.contains("No space left on device") || reason.contains("Disk quota exceeded")
        ? Code.EXHAUSTED
        : Code.UNAVAILABLE;
  }
}
