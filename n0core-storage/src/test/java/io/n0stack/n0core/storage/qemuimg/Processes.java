package io.n0stack.n0core.storage.qemuimg;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Looks at processes as the kernel shows them. */
final class Processes {
  private Processes() {}

  /** Whether it has ended, even if nobody has reaped it yet. */
  static boolean isGone(long pid) {
    try {
      String stat =
          Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1);
      return stat.charAt(stat.lastIndexOf(')') + 2) == 'Z';
    } catch (IOException e) {
      return true;
    }
  }

  /** Returns those that work on a path, by their command lines. */
  static List<Long> naming(Path path) throws IOException {
    try (Stream<Path> all = Files.list(Path.of("/proc"))) {
      return all.map(p -> p.getFileName().toString())
          .filter(name -> name.chars().allMatch(Character::isDigit))
          .map(Long::valueOf)
          .filter(pid -> pid != ProcessHandle.current().pid() && !isGone(pid))
          .filter(pid -> commandLine(pid).contains(path.toString()))
          .toList();
    }
  }

  /** Whether a script of that path runs; its interpreter names it. */
  static boolean running(String script) throws IOException {
    try (Stream<Path> all = Files.list(Path.of("/proc"))) {
      return all.map(p -> p.getFileName().toString())
          .filter(name -> name.chars().allMatch(Character::isDigit))
          .map(pid -> commandLine(Long.parseLong(pid)))
          .anyMatch(line -> line.startsWith("/bin/sh\0" + script + "\0"));
    }
  }

  private static String commandLine(long pid) {
    try {
      return Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "";
    }
  }
}
