package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Translates failures of files and servers. */
final class FetchFailures {
  private FetchFailures() {}

  /** Work on files. */
  @FunctionalInterface
  interface Work<R> {
    R run() throws IOException;
  }

  static <R> R translated(String operation, Path path, Work<R> work) {
    try {
      return work.run();
    } catch (IOException e) {
      throw file(operation, path, e);
    }
  }

  static N0Exception file(String operation, Path path, IOException cause) {
    String subject = operation + " " + Rules.quote(path.toString());
    if (cause instanceof ClosedByInterruptException) {
      return N0Exception.interrupted(subject, cause);
    }
    String reason = reason(cause);
    return new N0Exception(codeOf(cause, reason), subject, subject + ": " + reason, cause);
  }

  static N0Exception unavailable(String operation, IOException cause) {
    return new N0Exception(
        N0Exception.Code.UNAVAILABLE, operation, operation + ": " + reason(cause), cause);
  }

  static String reason(IOException cause) {
    if (cause instanceof NoSuchFileException) {
      return "no such file";
    }
    if (cause instanceof AccessDeniedException) {
      return "access denied";
    }
    if (cause instanceof FileAlreadyExistsException) {
      return "exists already";
    }
    String reason = cause instanceof FileSystemException e ? e.getReason() : cause.getMessage();
    return reason == null ? cause.getClass().getSimpleName() : reason;
  }

  private static N0Exception.Code codeOf(IOException cause, String reason) {
    if (reason.contains("No space left on device") || reason.contains("Disk quota exceeded")) {
      return N0Exception.Code.EXHAUSTED;
    }
    if (cause instanceof AccessDeniedException || reason.contains("Read-only file system")) {
      return N0Exception.Code.PERMISSION;
    }
    if (cause instanceof NoSuchFileException) {
      return N0Exception.Code.NOT_FOUND;
    }
    if (cause instanceof FileAlreadyExistsException) {
      return N0Exception.Code.ALREADY_EXISTS;
    }
    return N0Exception.Code.UNAVAILABLE;
  }
}
