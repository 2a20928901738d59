package io.n0stack.n0core.storage;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.storage.internal.Failures;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Translates failures of the file system. */
final class FileFailures {
  private FileFailures() {}

  static <R> R translated(String operation, Path path, Failures.Work<R> work) {
    try {
      return work.run();
    } catch (IOException e) {
      throw failure(operation, path, e);
    }
  }

  static void translate(String operation, Path path, Failures.Action action) {
    try {
      action.run();
    } catch (IOException e) {
      throw failure(operation, path, e);
    }
  }

  /** What is not there was there, or should be: the pool cannot be seen as it is. */
  static N0Exception failure(String operation, Path path, IOException cause) {
    String subject = operation + " " + Rules.quote(path.toString());
    return cause instanceof NoSuchFileException
        ? new N0Exception(
            N0Exception.Code.UNAVAILABLE, subject, subject + ": " + Failures.reason(cause), cause)
        : Failures.of(subject, cause);
  }
}
