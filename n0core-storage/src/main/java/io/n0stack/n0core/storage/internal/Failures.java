package io.n0stack.n0core.storage.internal;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.function.Supplier;

/** Translates what the JDK says of files. */
public final class Failures {
  private Failures() {}

  /**
   * Work on files.
   *
   * @param <R> what it gives
   */
  @FunctionalInterface
  public interface Work<R> {
    /**
     * Does it.
     *
     * @return its result
     * @throws IOException if it fails
     */
    R run() throws IOException;
  }

  /**
   * Does work and translates its failure.
   *
   * @param operation what it is, with the object
   * @param work the work
   * @param <R> what it gives
   * @return its result
   * @throws N0Exception if it fails
   */
  public static <R> R translated(String operation, Work<R> work) {
    try {
      return work.run();
    } catch (IOException e) {
      throw of(operation, e);
    }
  }

  /**
   * Translates a failure.
   *
   * @param operation what was attempted, with the object
   * @param cause the failure
   * @return the exception, not yet thrown
   */
  public static N0Exception of(String operation, IOException cause) {
    if (cause instanceof ClosedByInterruptException) {
      return N0Exception.interrupted(operation, cause);
    }
    String reason = reason(cause);
    return new N0Exception(codeOf(cause, reason), operation, operation + ": " + reason, cause);
  }

  /** Work on files that gives nothing. */
  @FunctionalInterface
  public interface Action {
    /**
     * Does it.
     *
     * @throws IOException if it fails
     */
    void run() throws IOException;
  }

  /**
   * Does work that gives nothing and translates its failure.
   *
   * @param operation what it is, with the object
   * @param action the work
   * @throws N0Exception if it fails
   */
  public static void translate(String operation, Action action) {
    Action unused = translated(operation, () -> {
      action.run();
      return action;
    });
  }

  /**
   * Does work, and undoes what there is of it if it fails, whatever it throws.
   *
   * @param work the work
   * @param undo undoes it
   * @param <R> what it gives
   * @return its result
   */
  @SuppressWarnings("IllegalCatch") // all of it is thrown again
  public static <R> R undoing(Supplier<R> work, Runnable undo) {
    try {
      return work.get();
    } catch (RuntimeException | Error e) {
      try {
        undo.run();
      } catch (N0Exception second) {
        e.addSuppressed(second);
      }
      throw e;
    }
  }

  /**
   * Says what went wrong, without the path, which the JDK takes for reason enough.
   *
   * @param cause the failure
   * @return a few words
   */
  public static String reason(IOException cause) {
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
    if (reason.contains("File too large")) {
      return N0Exception.Code.INVALID;
    }
    if (cause instanceof NoSuchFileException) {
      return N0Exception.Code.NOT_FOUND;
    }
    if (cause instanceof FileAlreadyExistsException) {
      return N0Exception.Code.ALREADY_EXISTS;
    }
    return cause instanceof AccessDeniedException || reason.contains("Read-only file system")
        ? N0Exception.Code.PERMISSION
        : N0Exception.Code.UNAVAILABLE;
  }
}
