package io.n0stack.n0core.benchmarks;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** Programs that the figures are compared with. */
final class Peer {
  private static final int SECONDS = 180; // Go compiles much
  private static final ScheduledExecutorService LIMIT =
      Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "limits-peers");
        thread.setDaemon(true);
        return thread;
      });

  private Peer() {}

  /** Starts a program; what it has to complain about goes where our own complaints go. */
  static Process start(List<String> command) throws IOException {
    return new ProcessBuilder(command).redirectError(Redirect.INHERIT).start();
  }

  /** Runs a program as an agent that forks would: reads what it prints, and wants it to succeed. */
  static String run(String... command) throws IOException, InterruptedException {
    Process process = start(List.of(command));
    ScheduledFuture<?> limit = LIMIT.schedule(process::destroyForcibly, SECONDS, TimeUnit.SECONDS);
    try {
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      if (process.waitFor() != 0) {
        throw new IOException(List.of(command) + " ended with status " + process.exitValue());
      }
      return out;
    } finally {
      limit.cancel(false);
    }
  }

  /** Compiles one of the C programs in {@code peers} into a directory. */
  static Path compiled(String name, Path directory) throws IOException, InterruptedException {
    Path program = directory.resolve(name);
    run("gcc", "-O2", "-o", program.toString(), source(name + ".c").toString());
    return program;
  }

  /** Compiles one of the Go programs in {@code peers}, offline and with the distribution's packages. */
  static Path compiledGo(String name, Path directory) throws IOException, InterruptedException {
    Path program = directory.resolve(name + "-go");
    run(
        "env",
        "GOENV=off",
        "GOFLAGS=",
        "GO111MODULE=off",
        "GOPATH=/usr/share/gocode",
        "GOCACHE=" + directory.resolve("go-cache"),
        "CGO_ENABLED=0",
        "go",
        "build",
        "-o",
        program.toString(),
        source(name + ".go").toString());
    return program;
  }

  static Path source(String file) throws IOException {
    String peers = System.getProperty("n0core.benchmarks.peers", "examples/benchmarks/peers");
    Path source = Path.of(peers, file);
    if (!Files.isReadable(source)) {
      throw new IOException(source + " cannot be read; start it by examples/benchmarks/run");
    }
    return source;
  }
}
