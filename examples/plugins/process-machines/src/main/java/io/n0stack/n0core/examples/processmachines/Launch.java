package io.n0stack.n0core.examples.processmachines;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.compute.MachineState;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * One start of a machine's process: a directory of its own, used for no other start.
 *
 * <p>The process holds a lock on the file {@code lock} from before it is a machine until it ends,
 * however it ends. So the kernel answers whether it lives; its number, which another process may
 * bear by then, is only for signals.
 *
 * @param directory where it is now
 */
record Launch(Path directory) {
  /** How much address space the process may have; sh, flock and sleep start in it. */
  static final long MEMORY_BYTES = 16 << 20;

  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final int LOCKED = 75;

  // begin launching
  /**
   * Lock first, then write the number to where the launch was meant to be. After the directory was
   * renamed that fails: either the fence finds the lock held, or the process finds no directory.
   */
  private static final String SCRIPT =
      "flock -w 5 0 && ulimit -S -v $1 && echo $$ >\"$0/pid\" && exec sleep infinity";

  void start() throws IOException {
    Process process = prepare().start();
    await("start a process in " + directory, () -> pid().isPresent() || !process.isAlive());
    if (!alive()) {
      throw new N0Exception(
          N0Exception.Code.INTERNAL,
          directory.toString(),
          "start a process in " + directory + ": it ended at once, see " + log());
    }
  }

  /** Makes the directory, and the command that becomes the machine; its input is the lock file. */
  ProcessBuilder prepare() throws IOException {
    Files.createDirectory(directory);
    Files.createFile(directory.resolve("lock"));
    String memory = String.valueOf(MEMORY_BYTES >> 10);
    return new ProcessBuilder("setsid", "sh", "-c", SCRIPT, directory.toString(), memory)
        .directory(Path.of("/").toFile())
        .redirectInput(directory.resolve("lock").toFile())
        .redirectErrorStream(true)
        .redirectOutput(log().toFile());
  }

  // end launching

  Path log() {
    return directory.resolve("serial.log");
  }

  /** Remembers that the machine is off because somebody wanted that. */
  void markOff() throws IOException {
    Files.writeString(directory.resolve("off"), "");
  }

  MachineState state() throws IOException {
    Optional<Long> pid = pid();
    if (pid.isEmpty()) {
      return MachineState.PREPARED;
    }
    if (alive()) {
      String stat = Files.readString(Path.of("/proc", pid.get().toString(), "stat"));
      return stat.charAt(stat.lastIndexOf(')') + 2) == 'T' // proc(5)
          ? MachineState.PAUSED
          : MachineState.RUNNING;
    }
    return Files.exists(directory.resolve("off")) ? MachineState.SHUTDOWN : MachineState.CRASHED;
  }

  /** Reads the process's number, empty unless it has come to the end of writing it. */
  Optional<Long> pid() throws IOException {
    try {
      String line = Files.readString(directory.resolve("pid"));
      return line.endsWith("\n") ? Optional.of(Long.parseLong(line.strip())) : Optional.empty();
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (NumberFormatException e) {
      throw new IOException("read " + directory.resolve("pid") + ": " + e.getMessage(), e);
    }
  }

  /** Asks the kernel for the lock, by flock(1): the JDK's file locks are of another sort. */
  boolean alive() throws IOException {
    Path lock = directory.resolve("lock");
    if (Files.notExists(lock)) {
      return false; // the agent died before it could start anything
    }
    List<String> command = List.of("flock", "-n", "-s", "-E", String.valueOf(LOCKED), "0");
    int answer = run(new ProcessBuilder(command).redirectInput(lock.toFile()));
    if (answer != 0 && answer != LOCKED) {
      throw new IOException("flock on " + lock + " ended with status " + answer);
    }
    return answer == LOCKED;
  }

  void signal(String name, MachineState expected) throws IOException {
    String pid = String.valueOf(pid().orElseThrow());
    if (alive()) {
      run(new ProcessBuilder("sh", "-c", "kill -$0 $1", name, pid));
    }
    await("wait until " + directory + " is " + expected, () -> state() == expected);
  }

  void end() throws IOException {
    await("end the process of " + directory, () -> {
      // The handle knows when its process began. As that lives after we have the handle, the number
      // is not another's.
      Optional<ProcessHandle> process = pid().flatMap(ProcessHandle::of);
      boolean alive = alive();
      if (alive) {
        process.ifPresent(ProcessHandle::destroyForcibly);
      }
      return !alive;
    });
  }

  static int run(ProcessBuilder command) throws IOException {
    Process process =
        command.redirectErrorStream(true).redirectOutput(Redirect.DISCARD).start();
    try {
      if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
        throw new IOException(command.command() + " does not answer");
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      throw N0Exception.interrupted("run " + command.command(), e);
    } finally {
      process.destroyForcibly();
    }
  }

  private interface Condition {
    boolean holds() throws IOException;
  }

  private static void await(String what, Condition condition) throws IOException {
    long end = System.nanoTime() + LIMIT.toNanos();
    try {
      while (!condition.holds()) {
        if (System.nanoTime() > end) {
          throw new N0Exception(N0Exception.Code.UNAVAILABLE, what, what + ": not in " + LIMIT);
        }
        TimeUnit.MILLISECONDS.sleep(10);
      }
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(what, e);
    }
  }
}
