package io.n0stack.n0core.tck.child;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A kernel that runs as a process (Debian: {@code user-mode-linux}), on this host's root, read-only,
 * with one directory for both. It has one processor, 768 MiB, control groups of version 2 in
 * {@code /sys/fs/cgroup} and no network. It and its memory are in namespaces of their own and go with them:
 * what a test does to it, it does not do to the host.
 *
 * @param modules the names of the kernel modules that are loaded before the program starts
 * @param init what starts the program
 */
public record UserModeLinux(List<String> modules, Init init) {
  /** Where the guest sees the shared directory. */
  public static final String SHARED = "/run/shared";

  private static final String MEMORY = "/run";
  private static final String BOOT =
      "mount -t tmpfs -o size=1g tmpfs " + MEMORY + "; exec timeout -s KILL \"$@\"";

  /** What the first process of a guest is. */
  public enum Init {
    /** A script, which starts the program and nothing else. */
    SCRIPT,
    /** The host's systemd, of which the program is a service, {@code program.service}, and the only one. */
    SYSTEMD
  }

  /**
   * Copies the list.
   *
   * @param modules the modules
   * @param init what starts the program
   */
  public UserModeLinux {
    modules = List.copyOf(modules);
  }

  /**
   * Returns a guest without systemd.
   *
   * @param modules the names of kernel modules
   * @return the guest, which does not run yet
   */
  public static UserModeLinux withModules(String... modules) {
    return new UserModeLinux(List.of(modules), Init.SCRIPT);
  }

  /**
   * Returns this guest with systemd.
   *
   * @return a changed copy
   */
  public UserModeLinux underSystemd() {
    return new UserModeLinux(modules, Init.SYSTEMD);
  }

  /**
   * Boots, runs a main method with this JVM's classes, and powers off. Needs root.
   *
   * @param shared an empty directory of the host, which the guest sees as {@link #SHARED}; the console is a
   *     file in it
   * @param limit how long the guest may live; at its end it is killed with all its processes
   * @param main the class that has the method
   * @param arguments its arguments
   * @throws AssertionError if the program did not end with status 0, with the console's last lines
   * @throws IOException if the guest cannot be started
   * @throws InterruptedException if the thread is interrupted; the guest is killed then
   */
  public void run(Path shared, Duration limit, Class<?> main, List<String> arguments)
      throws IOException, InterruptedException {
    prepare(shared, main, arguments);
    Path console = shared.resolve("console");
    ProcessBuilder guest = new ProcessBuilder(Stream.concat(
            Stream.of(
                "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", BOOT, "sh"),
            kernel(shared, limit).stream())
        .toList());
    guest.environment().putAll(Map.of("TMPDIR", MEMORY, "HOME", MEMORY));
    Process running = guest
        .redirectInput(Path.of("/dev/null").toFile())
        .redirectErrorStream(true)
        .redirectOutput(console.toFile())
        .start();
    try {
      assertThat(running.waitFor(limit.plusSeconds(30).toSeconds(), TimeUnit.SECONDS))
          .as("the guest ends")
          .isTrue();
    } finally {
      running.destroyForcibly().waitFor();
    }
    Path status = shared.resolve("status");
    assertThat(Files.exists(status) ? Files.readString(status).strip() : "none")
        .as(() -> "exit status of " + main.getSimpleName() + ", console:\n" + tail(console))
        .isEqualTo("0");
  }

  private static List<String> kernel(Path shared, Duration limit) {
    return List.of(
        Long.toString(limit.toSeconds()),
        "linux.uml",
        "root=/dev/root",
        "rootfstype=hostfs",
        "rootflags=/",
        "ro",
        "quiet",
        "mem=768M",
        "uml_dir=" + MEMORY,
        "con=null",
        "con0=null,fd:1",
        "init=/bin/sh",
        "--",
        shared.resolve("init.sh").toString());
  }

  private void prepare(Path shared, Class<?> main, List<String> arguments) throws IOException {
    try (InputStream init = UserModeLinux.class.getResourceAsStream("init.sh")) {
      Files.copy(Objects.requireNonNull(init, "init.sh"), shared.resolve("init.sh"));
    }
    Files.writeString(shared.resolve("java"), ChildJvm.java().toString());
    Files.write(shared.resolve("modules"), modules);
    Files.writeString(shared.resolve("init"), init.name());
    List<String> all = Stream.concat(
            Stream.of(
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:-UsePerfData",
                "-Djava.io.tmpdir=/run/tmp",
                "-cp",
                ChildJvm.classPath(),
                main.getName()),
            arguments.stream())
        .map(UserModeLinux::quoted)
        .toList();
    Files.write(shared.resolve("arguments"), all);
  }

  /** See java(1), argument files. */
  private static String quoted(String argument) {
    return '"' + argument.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }

  private static String tail(Path console) {
    try {
      List<String> lines = Files.readAllLines(console);
      return lines.stream().skip(Math.max(0, lines.size() - 50)).collect(Collectors.joining("\n"));
    } catch (IOException e) {
      return e.toString();
    }
  }
}
