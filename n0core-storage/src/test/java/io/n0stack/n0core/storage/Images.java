package io.n0stack.n0core.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Makes and checks images with the real tool, apart from the code under test. */
public final class Images {
  // qemu-img times itself to choose a number of iterations, and gives up if the clock is too
  // coarse.
  private static final String UNMEASURED = "Unable to get accurate CPU usage";
  private static final int MOST_ATTEMPTS = 20;

  private Images() {}

  /**
   * Runs {@code qemu-img} and expects success.
   *
   * @param arguments its arguments
   * @return what it wrote
   */
  public static String qemuImg(Object... arguments) {
    List<String> command = new ArrayList<>(List.of("qemu-img"));
    Stream.of(arguments).map(Object::toString).forEach(command::add);
    return run(command);
  }

  /**
   * Runs a program and expects success.
   *
   * @param command program and arguments
   * @return what it wrote
   */
  public static String run(List<String> command) {
    Result result = attempt(command);
    for (int i = 0; i < MOST_ATTEMPTS && result.output().contains(UNMEASURED); i++) {
      result = attempt(command);
    }
    assertThat(result.exit()).as("%s: %s", command, result.output()).isZero();
    return result.output();
  }

  private record Result(int exit, String output) {}

  private static Result attempt(List<String> command) {
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      return new Result(process.exitValue(), output);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Returns what a child process needs to run our classes, all on the class path.
   *
   * @return class path and module path of this process
   */
  public static String classPath() {
    String modules = System.getProperty("jdk.module.path", "");
    return System.getProperty("java.class.path") + (modules.isEmpty() ? "" : ":" + modules);
  }

  /**
   * Writes a script that counts its runs and then becomes {@code qemu-img}.
   *
   * @param directory where the script and its {@code runs} file go
   * @return the script
   */
  public static Path counting(Path directory) throws IOException {
    return script(
        directory.resolve("counting-qemu-img"),
        "echo \"$@\" >> '" + directory.resolve("runs") + "'\nexec qemu-img \"$@\"\n");
  }

  /**
   * Writes an executable script.
   *
   * @param path where it goes
   * @param body its lines
   * @return the path
   */
  public static Path script(Path path, String body) throws IOException {
    Files.writeString(path, "#!/bin/sh\n" + body);
    assertThat(path.toFile().setExecutable(true)).isTrue();
    return path;
  }

  /** Returns the SHA-256 of a file, as a download states it. */
  public static String digest(Path file) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
      return "sha256:" + HexFormat.of().formatHex(hash);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e); // every JVM has it
    }
  }

  /**
   * Lists all in a pool that is of volumes: neither its lock nor what was downloaded, which stay.
   *
   * @param pool a directory that may not exist
   * @return as {@link #tree}
   */
  static List<String> volumes(Path pool) {
    return tree(pool).stream()
        .filter(line -> !line.startsWith(".images") && !line.startsWith(".lock "))
        .toList();
  }

  /**
   * Lists all under a directory, with sizes and modes.
   *
   * @param directory a directory that may not exist
   * @return one line per thing, sorted
   */
  public static List<String> tree(Path directory) {
    if (!Files.exists(directory)) {
      return List.of();
    }
    try (Stream<Path> paths = Files.walk(directory)) {
      List<String> lines = new ArrayList<>();
      for (Path path : paths.filter(path -> !path.equals(directory)).sorted().toList()) {
        lines.add(directory.relativize(path) + " "
            + (Files.isRegularFile(path) ? Files.size(path) : 0) + " "
            + Files.getPosixFilePermissions(path).stream().sorted().toList());
      }
      return lines;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
