package io.n0stack.n0core.net.internal;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.AccessDeniedException;
import java.util.List;

/** What failures of files and programs are to callers. */
public final class FileFailures {
  // In the words of strerror(3); that of ProcessBuilder has the number besides.
  private static final List<String> FORBIDDEN =
      List.of("Permission denied", "Operation not permitted", "Read-only file system");
  private static final List<String> FULL =
      List.of("No space left on device", "Disk quota exceeded");

  private FileFailures() {}

  /**
   * Says what a failure is.
   *
   * @param what what was attempted
   * @param subject the object concerned
   * @param cause the failure
   * @return PERMISSION if it is forbidden or the file system read-only, EXHAUSTED if there is no space,
   *     CANCELLED if the thread was interrupted, otherwise UNAVAILABLE; not yet thrown
   */
  public static N0Exception of(String what, String subject, IOException cause) {
    if (cause instanceof ClosedByInterruptException) {
      return N0Exception.interrupted(what, cause);
    }
    return new N0Exception(code(cause), subject, what + ": " + cause, cause);
  }

  private static N0Exception.Code code(IOException cause) {
    String text = String.valueOf(cause.getMessage());
    if (cause instanceof AccessDeniedException || FORBIDDEN.stream().anyMatch(text::contains)) {
      return N0Exception.Code.PERMISSION;
    }
    return FULL.stream().anyMatch(text::contains)
        ? N0Exception.Code.EXHAUSTED
        : N0Exception.Code.UNAVAILABLE;
  }
}
