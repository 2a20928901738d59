package io.n0stack.n0core.storage.file;

import static org.assertj.core.api.Assertions.assertThat;

import io.n0stack.n0core.storage.Images;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Starts programs, and this one's own classes, in processes of their own. */
final class Programs {
  private Programs() {}

  /**
   * What a process left.
   *
   * @param exit its status
   * @param output what it wrote, errors too
   */
  record Ended(int exit, String output) {}

  static Ended run(List<String> command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return new Ended(process.exitValue(), output);
  }

  static Ended run(String... command) throws IOException, InterruptedException {
    return run(List.of(command));
  }

  /** Returns the command of a JVM that runs one of the tests' classes. */
  static List<String> java(Class<?> main, Object... arguments) {
    List<String> command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Xshare:auto",
        "--enable-native-access=ALL-UNNAMED",
        "-cp",
        Images.classPath(),
        main.getName()));
    for (Object argument : arguments) {
      command.add(argument.toString());
    }
    return command;
  }

  /** Puts a program before a command. */
  static List<String> within(List<String> prefix, List<String> command) {
    List<String> all = new ArrayList<>(prefix);
    all.addAll(command);
    return all;
  }

  static void end(Process process) throws InterruptedException {
    process.destroyForcibly();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
  }
}
