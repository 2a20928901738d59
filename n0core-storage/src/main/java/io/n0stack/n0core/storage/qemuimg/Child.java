package io.n0stack.n0core.storage.qemuimg;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.Rules;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A process in a group of its own, and what it writes. It is started by a thread that stays until it
 * has ended: the kernel kills it when that thread ends, see prctl(2), PR_SET_PDEATHSIG, and the
 * thread of a caller may be a carrier of virtual threads that ends sooner.
 */
final class Child implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Child.class);
  private static final Duration HEARTBEAT = Duration.ofMillis(200);
  private static final Duration DEATH_LIMIT = Duration.ofSeconds(5);
  private static final Duration OUTPUT_LIMIT = Duration.ofSeconds(1);
  private static final int ERROR_BYTES = 64 << 10;
  private static final int OUTPUT_BYTES = 8 << 20;

  private final String operation;
  private final Confinement confinement;
  private final Process process;
  private final CompletableFuture<Integer> exit;
  private final CappedOutput output;
  private final CappedOutput errors;

  private Child(
      String operation, Confinement confinement, Process process, CompletableFuture<Integer> exit) {
    this.operation = operation;
    this.confinement = confinement;
    this.process = process;
    this.exit = exit;
    output = CappedOutput.of(process.getInputStream(), OUTPUT_BYTES, operation);
    errors = CappedOutput.of(process.getErrorStream(), ERROR_BYTES, operation);
  }

  /**
   * Starts a process.
   *
   * @param input what it reads on standard input; wiped; nothing if empty
   */
  static Child start(
      String operation, Confinement confinement, List<String> command, byte[] input) {
    CompletableFuture<Process> started = new CompletableFuture<>();
    CompletableFuture<Integer> exit = new CompletableFuture<>();
    Thread keeper = new Thread(
        () -> keep(command, input, started, exit), "n0core-storage-keeper of " + operation);
    keeper.setDaemon(true);
    keeper.start();
    try {
      return new Child(operation, confinement, started.join(), exit);
    } catch (CompletionException e) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          "qemu-img",
          operation + ": cannot start " + Rules.quote(command.get(0)) + ": " + e.getMessage(),
          e);
    }
  }

  private static void keep(
      List<String> command,
      byte[] input,
      CompletableFuture<Process> started,
      CompletableFuture<Integer> exit) {
    try {
      Process process = builder(command, input).start();
      started.complete(process);
      if (input.length > 0) {
        feed(process, input);
      }
      exit.complete(process.waitFor());
    } catch (IOException | InterruptedException e) {
      started.completeExceptionally(e);
      exit.completeExceptionally(e);
    } finally {
      Arrays.fill(input, (byte) 0);
      started.completeExceptionally(new IOException("not started"));
    }
  }

  private static ProcessBuilder builder(List<String> command, byte[] input) {
    ProcessBuilder builder = new ProcessBuilder(command).directory(new File("/"));
    if (input.length == 0) {
      builder.redirectInput(new File("/dev/null"));
    }
    Map<String, String> environment = builder.environment();
    environment.clear();
    environment.put("PATH", Confinement.path());
    environment.put("LC_ALL", "C");
    // Each arena of glibc's malloc takes 64 MiB of the address space, which is limited.
    environment.put("MALLOC_ARENA_MAX", "4");
    return builder;
  }

  private static void feed(Process process, byte[] input) {
    try (OutputStream in = process.getOutputStream()) {
      in.write(input);
    } catch (IOException e) {
      LOG.debug("{} ended before it had read its input", process, e);
    }
  }

  /** Waits for the end; the beat is called meanwhile and may throw. */
  int await(Duration limit, Consumer<String> beat) throws InterruptedException {
    long deadline = System.nanoTime() + limit.toNanos();
    while (true) {
      long left = deadline - System.nanoTime();
      try {
        int code = exit.get(Math.min(Math.max(left, 0), HEARTBEAT.toNanos()), TimeUnit.NANOSECONDS);
        drain();
        return code;
      } catch (TimeoutException e) {
        if (left <= 0) {
          throw new OperationTimeoutException(operation, limit);
        }
        beat.accept(output.text());
      } catch (ExecutionException e) {
        throw new N0Exception(
            N0Exception.Code.INTERNAL, operation, operation + ": lost its process", e);
      }
    }
  }

  /**
   * What is left of its group when the leader has ended is unwanted. That our pipes are at their end
   * does not prove that nobody is left: Java closes its ends when it sees the leader dead.
   */
  private void drain() throws InterruptedException {
    boolean ended = output.finish(OUTPUT_LIMIT) && errors.finish(OUTPUT_LIMIT);
    if (!ended || ProcessGroup.hasMembers(process.pid())) {
      killGroup();
      output.finish(OUTPUT_LIMIT);
      errors.finish(OUTPUT_LIMIT);
    }
  }

  String output() {
    if (output.isCut()) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          operation,
          operation + ": wrote more than " + OUTPUT_BYTES + " bytes");
    }
    return output.text();
  }

  String errors() {
    return errors.text();
  }

  /** A run that was given up must not write on behind the back of the next one. */
  @Override
  public void close() {
    if (exit.isDone()) {
      return;
    }
    boolean interrupted = Thread.interrupted();
    try {
      interrupted |= quietly(this::killGroup);
      process.destroyForcibly();
      interrupted |= quietly(this::awaitDeath);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void awaitDeath() throws InterruptedException {
    if (!process.waitFor(DEATH_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
      LOG.warn("{}: process {} was killed but has not ended", operation, process.pid());
      return;
    }
    output.finish(OUTPUT_LIMIT);
    errors.finish(OUTPUT_LIMIT);
  }

  private void killGroup() throws InterruptedException {
    try {
      Process kill = new ProcessBuilder(confinement.kill(process.pid()))
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.DISCARD)
          .start();
      if (!kill.waitFor(DEATH_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
        kill.destroyForcibly();
      }
    } catch (IOException e) {
      LOG.warn("{}: only process {} is killed, not its group", operation, process.pid(), e);
    }
  }

  /** Work that is done even if we are interrupted. */
  private interface Ending {
    void run() throws InterruptedException;
  }

  private static boolean quietly(Ending ending) {
    try {
      ending.run();
      return false;
    } catch (InterruptedException e) {
      return true;
    }
  }
}
