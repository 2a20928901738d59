package io.n0stack.n0core.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.Writer;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** A running program, and the lines that it has written with the moments at which they came. */
final class MembershipProcess {
  private static final String VIEW = "members ";

  /** A line and when it came. */
  record Line(String text, long nanos) {
    boolean isView() {
      return text.startsWith(VIEW);
    }

    /** Whom a line that is a view shows. */
    List<String> view() {
      return List.of(text.substring(VIEW.length()).split(",", -1));
    }
  }

  private final Process process;
  private final List<Line> lines = new ArrayList<>();

  /** Starts it; what it complains about goes to a file's end. */
  MembershipProcess(List<String> command, Path complaints) throws IOException {
    process = new ProcessBuilder(command)
        .redirectError(Redirect.appendTo(complaints.toFile()))
        .start();
    Thread reader = new Thread(this::read, "reads-" + process.pid());
    reader.setDaemon(true);
    reader.start();
  }

  private void read() {
    try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
      String line = out.readLine();
      while (line != null) {
        add(line);
        line = out.readLine();
      }
    } catch (IOException e) {
      add("unreadable: " + e.getMessage());
    }
  }

  private void add(String line) {
    long now = System.nanoTime();
    synchronized (lines) {
      lines.add(new Line(line, now));
      lines.notifyAll();
    }
  }

  long pid() {
    return process.pid();
  }

  boolean alive() {
    return process.isAlive();
  }

  void write(String command) throws IOException {
    Writer in = process.outputWriter(StandardCharsets.UTF_8);
    in.write(command + "\n");
    in.flush();
  }

  /** How many lines there are. */
  int count() {
    synchronized (lines) {
      return lines.size();
    }
  }

  /** The lines from a number on. */
  List<Line> from(int number) {
    synchronized (lines) {
      return List.copyOf(lines.subList(number, lines.size()));
    }
  }

  /** The first line from a number on that is wanted, once it is there; empty if the time is up. */
  Optional<Line> await(int number, Predicate<Line> wanted, int seconds)
      throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    synchronized (lines) {
      int next = number;
      while (true) {
        for (; next < lines.size(); next++) {
          if (wanted.test(lines.get(next))) {
            return Optional.of(lines.get(next));
          }
        }
        long left = end - System.nanoTime();
        if (left <= 0) {
          return Optional.empty();
        }
        TimeUnit.NANOSECONDS.timedWait(lines, Math.max(left, 1_000_000));
      }
    }
  }

  /** As {@link #await}, where there is no going on without it. */
  Line need(int number, Predicate<Line> wanted, String what, int seconds)
      throws IOException, InterruptedException {
    return await(number, wanted, seconds)
        .orElseThrow(() -> new IOException("no \"" + what + "\" within " + seconds + " s; last "
            + from(Math.max(0, count() - 3))));
  }

  Line need(int number, String text, int seconds) throws IOException, InterruptedException {
    return need(number, line -> line.text().startsWith(text), text, seconds);
  }

  /** When the last view that there is came to be as wanted; waits for that. */
  OptionalLong awaitView(Predicate<List<String>> wanted, int seconds) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    while (true) {
      int count = count();
      Optional<Line> last = lastView();
      if (last.isPresent() && wanted.test(last.get().view())) {
        return OptionalLong.of(last.get().nanos());
      }
      int left = (int) TimeUnit.NANOSECONDS.toSeconds(end - System.nanoTime());
      if (left <= 0 || await(count, Line::isView, left).isEmpty()) {
        return OptionalLong.empty();
      }
    }
  }

  Optional<Line> lastView() {
    return from(0).stream().filter(Line::isView).reduce((first, second) -> second);
  }

  void signal(String name) throws IOException, InterruptedException {
    Peer.run("kill", "-" + name, String.valueOf(pid()));
  }

  /** Kills it. */
  void destroy() {
    process.destroyForcibly();
  }

  /** Waits until it is gone. */
  void awaitEnd() {
    process.onExit().join();
  }

  /** Kills it, and waits until it is gone. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** Reads a file of the process's in {@code /proc}. */
  String proc(String file) throws IOException {
    return Files.readString(Path.of("/proc", String.valueOf(pid()), file));
  }
}
