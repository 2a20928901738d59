package io.n0stack.n0core.net.tap;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/** Programs run in the network namespace of the calling thread. */
final class Commands {
  /** How a program ended, and all it said. */
  record Result(int status, String output) {}

  private Commands() {}

  static Result run(String... command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      try {
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(30, TimeUnit.SECONDS)) {
          throw new IllegalStateException(String.join(" ", command) + " does not end");
        }
        return new Result(process.exitValue(), output);
      } finally {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Runs what must succeed. */
  static String ok(String... command) {
    Result result = run(command);
    if (result.status() != 0) {
      throw new AssertionError(String.join(" ", command) + ": " + result);
    }
    return result.output();
  }
}
