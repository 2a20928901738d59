package io.n0stack.n0core.kvm.internal.launch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.internal.GuardedFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A process that accompanies one launch of QEMU, such as a TPM emulator. It ends by itself when QEMU closes
 * its socket; one that QEMU never came to is ended with the launch. It writes its process number into the
 * launch's directory before it is anything else, so that it is found whenever the agent dies.
 *
 * @param machine the machine, which it bears in its environment
 * @param directory the launch's directory, in which it works
 * @param name what its files there begin with
 */
public record Helper(UUID machine, Path directory, String name) {
  private static final Logger LOG = LoggerFactory.getLogger(Helper.class);
  private static final String SUFFIX = ".pid";
  private static final String LOG_SUFFIX = ".log";
  private static final String STAMP = "N0CORE_MACHINE=";
  private static final int PAUSE_MILLIS = 5;
  private static final int LOG_CHARACTERS = 1000;

  /**
   * Lists the files that are opened for it by their names. They must be there before anybody else may write to the
   * launch's directory.
   *
   * @return their names
   */
  public List<String> files() {
    return List.of(name + SUFFIX, name + LOG_SUFFIX);
  }

  /**
   * Starts it and waits for its socket.
   *
   * @param command the command, not yet confined
   * @param confinement what confines it
   * @param socket the socket
   * @param limit how long is waited
   * @throws N0Exception INTERNAL if it ended, with what it printed; UNAVAILABLE if it did not come up in
   *     time or there is no such program
   */
  public void start(List<String> command, Confinement confinement, Path socket, Duration limit) {
    Confinement noting = confinement.noting(directory.resolve(name + SUFFIX));
    Path log = directory.resolve(name + LOG_SUFFIX);
    ProcessBuilder builder = new ProcessBuilder(noting.around(command))
        .directory(directory.toFile())
        .redirectInput(Path.of("/dev/null").toFile())
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.environment().put("N0CORE_MACHINE", machine.toString());
    try {
      Process process = builder.start();
      long end = System.nanoTime() + limit.toNanos();
      while (Files.notExists(socket)) {
        if (!process.isAlive()) {
          String said = GuardedFiles.read(log).strip();
          throw failure(
              N0Exception.Code.INTERNAL,
              "it ended with status " + process.exitValue() + ": "
                  + said.substring(Math.max(0, said.length() - LOG_CHARACTERS)));
        }
        if (System.nanoTime() > end) {
          throw failure(N0Exception.Code.UNAVAILABLE, "it made no socket in " + limit);
        }
        TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
      }
    } catch (IOException e) {
      throw failure(N0Exception.Code.UNAVAILABLE, String.valueOf(e.getMessage()));
    } catch (InterruptedException e) {
      throw N0Exception.interrupted("start " + name + " of machine " + machine, e);
    }
  }

  private N0Exception failure(N0Exception.Code code, String why) {
    return new N0Exception(
        code, machine.toString(), "start " + name + " of machine " + machine + ": " + why);
  }

  /**
   * Finds the helpers of a launch.
   *
   * @param machine the machine
   * @param directory the launch's directory, which may not exist
   * @return the helpers, alive or not
   */
  public static List<Helper> of(UUID machine, Path directory) {
    List<Helper> found = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + SUFFIX)) {
      for (Path file : files) {
        String name = String.valueOf(file.getFileName());
        found.add(
            new Helper(machine, directory, name.substring(0, name.length() - SUFFIX.length())));
      }
      return found;
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (IOException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE, machine.toString(), "look for helpers: " + e, e);
    }
  }

  /**
   * Returns its process, if it lives.
   *
   * @return the process
   */
  public Optional<ProcessHandle> process() {
    try {
      // What another than the agent noted there could make it end any process that bears the stamp.
      String text =
          GuardedFiles.note(directory.resolve(name + SUFFIX)).orElse("").strip();
      if (!text.matches("\\d{1,9}")) {
        return Optional.empty();
      }
      // The handle remembers the start time, so the number cannot come to mean another process.
      Optional<ProcessHandle> process = ProcessHandle.of(Long.parseLong(text));
      return process.filter(ProcessHandle::isAlive).filter(this::bearsStamp);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private boolean bearsStamp(ProcessHandle process) {
    try {
      String environment = Files.readString(
          Path.of("/proc", String.valueOf(process.pid()), "environ"), StandardCharsets.ISO_8859_1);
      return environment.contains(STAMP + machine);
    } catch (IOException e) {
      return false; // it has just ended
    }
  }

  /**
   * Ends it, if it lives.
   *
   * @param limit how long is waited
   */
  public void end(Duration limit) {
    process().ifPresent(process -> {
      LOG.debug("machine {}: {} {} is ended", machine, name, process.pid());
      process.destroyForcibly();
      long end = System.nanoTime() + limit.toNanos();
      try {
        while (process.isAlive() && System.nanoTime() < end) {
          TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
        }
      } catch (InterruptedException e) {
        throw N0Exception.interrupted("end " + name + " of machine " + machine, e);
      }
    });
  }
}
