package io.n0stack.n0core.tck.child;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

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
      "mount -t tmpfs -o size=1g tmpfs " + MEMORY + "; exec timeout -s KILL \"$@\" 9< \"$0\"";

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
    ProcessBuilder guest = kernel(
        shared,
        limit,
        List.of("mem=768M", "init=/bin/sh", "--", shared.resolve("init.sh").toString()));
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

  /**
   * Prepares a kernel whose root is this host's, read-only, in namespaces of its own, where it has {@code /run}
   * for itself. Its console is its output. Needs root.
   *
   * @param shared a directory of the host, into which it puts a file that the kernel is started with
   * @param limit how long the guest may live; at its end it is killed with all its processes
   * @param parameters further parameters of the kernel; what follows {@code --} is for its first process
   * @return what starts it
   * @throws IOException if the file cannot be written
   */
  public static ProcessBuilder kernel(Path shared, Duration limit, List<String> parameters)
      throws IOException {
    Path filter = Files.write(shared.resolve("filter"), ProcessorState.filter());
    List<String> command = new ArrayList<>(
        List.of("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", BOOT));
    command.add(filter.toString());
    command.add(Long.toString(limit.toSeconds()));
    boolean filtered = ProcessorState.tooLarge();
    if (filtered) {
      command.addAll(ProcessorState.FILTERED);
    }
    command.addAll(List.of(
        "linux.uml",
        "root=/dev/root",
        "rootfstype=hostfs",
        "rootflags=/",
        "ro",
        "quiet",
        "uml_dir=" + MEMORY,
        "con=null",
        "con0=null,fd:1"));
    if (filtered) {
      command.addAll(ProcessorState.ENVIRONMENT); // the kernel passes on what it does not know
    }
    command.addAll(parameters);
    ProcessBuilder kernel = new ProcessBuilder(command);
    kernel.environment().putAll(Map.of("TMPDIR", MEMORY, "HOME", MEMORY));
    return kernel;
  }

  private void prepare(Path shared, Class<?> main, List<String> arguments) throws IOException {
    try (InputStream init = UserModeLinux.class.getResourceAsStream("init.sh")) {
      Files.copy(Objects.requireNonNull(init, "init.sh"), shared.resolve("init.sh"));
    }
    Files.writeString(shared.resolve("java"), ChildJvm.java().toString());
    Files.write(shared.resolve("modules"), modules);
    Files.writeString(shared.resolve("init"), init.name());
    List<String> all = new ArrayList<>(List.of(
        "-Xmx256m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-Djava.io.tmpdir=/run/tmp"));
    all.addAll(List.of("-cp", ChildJvm.classPath(), main.getName()));
    all.addAll(arguments);
    all.replaceAll(UserModeLinux::quoted);
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
