package io.n0stack.n0core.api.store;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Another JVM with our classes, killed with SIGKILL when it is closed. */
final class ChildJvm implements AutoCloseable {
  private final Process process;

  private ChildJvm(Process process) {
    this.process = process;
  }

  static ChildJvm start(Class<?> main, String... arguments) {
    return start(List.of(), main, arguments);
  }

  static ChildJvm start(List<String> wrapper, Class<?> main, String... arguments) {
    List<String> command = new ArrayList<>(wrapper);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:+UseSerialGC", "-cp"));
    command.add(root(FileStore.class) + File.pathSeparator + root(main));
    command.add(main.getName());
    command.addAll(List.of(arguments));
    try {
      return new ChildJvm(new ProcessBuilder(command)
          .redirectError(ProcessBuilder.Redirect.INHERIT)
          .start());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Under test both lie in one module, so the code source would name only one of them. */
  private static Path root(Class<?> type) {
    String name = type.getName().replace('.', '/') + ".class";
    URL url = type.getResource("/" + name);
    if (url == null) {
      throw new AssertionError("no bytes of " + type);
    }
    // jar:file:/A.jar!/NAME or file:/DIRECTORY/NAME
    String root = url.toString().replaceFirst("^jar:", "").replaceFirst("!?/" + name + "$", "");
    return Path.of(URI.create(root));
  }

  BufferedReader output() {
    return process.inputReader();
  }

  long pid() {
    return process.pid();
  }

  String line() {
    try {
      return String.valueOf(output().readLine());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  int exitCode() {
    try {
      if (!process.waitFor(60, TimeUnit.SECONDS)) {
        throw new AssertionError("still running after 60 s");
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Sends SIGKILL and waits until the process is gone. */
  void kill() {
    process.toHandle().destroyForcibly(); // unlike the process, it leaves the output to be read
    exitCode();
  }

  @Override
  public void close() {
    kill();
  }
}
