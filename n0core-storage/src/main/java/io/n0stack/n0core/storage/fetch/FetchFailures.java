package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.storage.internal.Failures;
import java.io.IOException;
import java.nio.file.Path;

/** Translates failures of files and servers. */
final class FetchFailures {
  private FetchFailures() {}

  static <R> R translated(String operation, Path path, Failures.Work<R> work) {
    return Failures.translated(subject(operation, path), work);
  }

  static N0Exception file(String operation, Path path, IOException cause) {
    return Failures.of(subject(operation, path), cause);
  }

  static N0Exception unavailable(String operation, IOException cause) {
    return new N0Exception(
        N0Exception.Code.UNAVAILABLE, operation, operation + ": " + Failures.reason(cause), cause);
  }

  private static String subject(String operation, Path path) {
    return operation + " " + Rules.quote(path.toString());
  }
}
