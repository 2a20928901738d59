package io.n0stack.n0core.tck;

import io.n0stack.n0core.api.driver.ResourceId;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;

/** Starts processes ahead of their orders, so that one starts up while another is at work. */
final class CrashingProcesses implements AutoCloseable {
  private static final int READY = 2;
  private static final int PATIENCE_SECONDS = 60;

  private final FixtureRecipe recipe;
  private final Deque<Victim> ready = new ArrayDeque<>();

  CrashingProcesses(FixtureRecipe recipe) {
    this.recipe = recipe;
  }

  Victim next() {
    while (ready.size() < READY) {
      ready.add(new Victim(recipe));
    }
    return ready.remove();
  }

  @Override
  public void close() {
    ready.forEach(Victim::close);
  }

  /** One process, which carries out one order. */
  static final class Victim {
    private final Process process;
    private final Writer in;

    Victim(FixtureRecipe recipe) {
      try {
        ProcessBuilder builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xshare:auto",
                CrashingProcess.class.getName())
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.INHERIT);
        // In the environment, for a class path names directories that a fixture may look for.
        builder.environment().put("CLASSPATH", classPath(recipe.factory()));
        process = builder.start();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      in = process.outputWriter();
      write(recipe.factory().getName() + "\n" + recipe.arguments().size() + "\n"
          + String.join("", recipe.arguments().stream().map(a -> a + "\n").toList()));
    }

    /** All that this process has, modules too, for the other one has none but the class path. */
    private static String classPath(Class<?> factory) {
      return String.join(
          File.pathSeparator,
          root(factory),
          root(CrashingProcess.class),
          System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
          System.getProperty("jdk.module.path", ""));
    }

    /** Test classes that are patched into a module are on no path; empty for a class in a jar. */
    private static String root(Class<?> type) {
      String name = type.getName().replace('.', '/') + ".class";
      URL found = type.getResource("/" + name);
      return found != null && found.getProtocol().equals("file")
          ? found.getPath().substring(0, found.getPath().length() - name.length())
          : "";
    }

    private void write(String text) {
      try {
        in.write(text);
        in.flush();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Tells whether the point was reached. */
    boolean crashes(Act act, int point, ResourceId id) {
      write(act + " " + point + " " + id.kind() + " " + id.name() + " " + id.uid() + "\n");
      int code = end();
      if (code != 0 && code != CrashingProcess.CRASHED) {
        throw new AssertionError("the process for " + act + " ended with " + code);
      }
      return code == CrashingProcess.CRASHED;
    }

    private int end() {
      try {
        if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
          throw new AssertionError("the process is still running");
        }
        return process.exitValue();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new AssertionError("interrupted", e);
      } finally {
        process.destroyForcibly();
      }
    }

    void close() {
      process.destroyForcibly();
      end();
    }
  }
}
