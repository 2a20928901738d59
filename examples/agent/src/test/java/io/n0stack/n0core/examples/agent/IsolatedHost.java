package io.n0stack.n0core.examples.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.awaitility.core.ConditionFactory;

/** A network namespace and a directory in which agents of a test make real things. */
final class IsolatedHost implements AutoCloseable {
  static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final AtomicInteger NUMBER = new AtomicInteger();

  private final Path home;
  private final String netns =
      "n0k-" + ProcessHandle.current().pid() + "-" + NUMBER.incrementAndGet();

  private Optional<Path> mounted = Optional.empty();

  private IsolatedHost(Path home) {
    this.home = home;
  }

  /** Waits with patience, but looks often. */
  static ConditionFactory soon(String what) {
    return await(what)
        .atMost(PATIENCE)
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(20));
  }

  /** How a program ended. */
  record Result(int exit, String output) {}

  /** A process that has to do with this host: QEMU, what starts it, {@code qemu-img}. */
  record Running(long pid, List<String> commandLine) {
    boolean runs(String program) {
      return !commandLine.isEmpty()
          && String.valueOf(Path.of(commandLine.get(0)).getFileName()).startsWith(program);
    }
  }

  static IsolatedHost create() throws IOException {
    // Not a @TempDir: the paths of unix sockets below it must stay short.
    IsolatedHost host = new IsolatedHost(Files.createTempDirectory(Path.of("/tmp"), "n0k"));
    host.must("ip", "netns", "add", host.netns);
    try (InputStream in = Objects.requireNonNull(
        IsolatedHost.class.getResourceAsStream("/io/n0stack/n0core/kvm/internal/host/nano.rom"))) {
      Files.copy(in, Setup.rom(host.home));
    }
    host.must("qemu-img", "create", "-q", "-f", "qcow2", Setup.image(host.home).toString(), "16M");
    return host;
  }

  Path home() {
    return home;
  }

  /** Puts all that agents make on a file system of its own; it is unmounted at the end. */
  Path mountSmallDisk(String size) throws IOException {
    Path data = Files.createDirectory(home.resolve("data"));
    must("mount", "-t", "tmpfs", "-o", "size=" + size + ",mode=0700", "n0k", data.toString());
    mounted = Optional.of(data);
    return data;
  }

  /** Returns a command that runs a class of ours in the network namespace. */
  List<String> java(Class<?> main, String... arguments) {
    List<String> command = new ArrayList<>(List.of(
        "ip",
        "netns",
        "exec",
        netns,
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-XX:-UsePerfData",
        "-Xshare:auto",
        "-cp",
        System.getProperty("java.class.path"),
        main.getName()));
    command.addAll(List.of(arguments));
    return command;
  }

  Result run(List<String> command) throws IOException {
    Path log = Files.createTempFile("n0k", ".output");
    try {
      Process process = new ProcessBuilder(command)
          .redirectErrorStream(true)
          .redirectOutput(log.toFile())
          .start();
      boolean ended = process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      if (!ended) {
        process.destroyForcibly().waitFor();
        throw new AssertionError(command + " takes too long: " + Files.readString(log));
      }
      return new Result(process.exitValue(), Files.readString(log));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted in " + command, e);
    } finally {
      Files.delete(log);
    }
  }

  /** Runs a program that must succeed; returns what it printed. */
  String must(String... command) throws IOException {
    Result result = run(List.of(command));
    assertThat(result.exit()).as("%s: %s", List.of(command), result.output()).isZero();
    return result.output();
  }

  String ip(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("ip", "-n", netns));
    command.addAll(List.of(arguments));
    return must(command.toArray(String[]::new));
  }

  /** Returns the index of each link but the loopback, by name. */
  Map<String, Integer> links() throws IOException {
    Map<String, Integer> links = new TreeMap<>();
    ip("-o", "link")
        .lines()
        .map(line -> line.split(":\\s+", 3))
        .forEach(
            word -> links.put(word[1].replaceAll("@.*", ""), Integer.valueOf(word[0].strip())));
    links.remove("lo");
    return links;
  }

  /** Lists the processes whose command line names this host's directory, but for our own Java. */
  List<Running> processes() {
    List<Running> found = new ArrayList<>();
    ProcessHandle.allProcesses().forEach(process -> {
      Running running = new Running(process.pid(), commandLine(process.pid()));
      if (!running.runs("java")
          && !running.runs("ip")
          && running.commandLine().stream().anyMatch(word -> word.contains(home + "/"))) {
        found.add(running);
      }
    });
    return found;
  }

  /** Lists the QEMUs of this host, one for each machine that runs. */
  List<Running> emulators() {
    return processes().stream().filter(process -> process.runs("qemu-system")).toList();
  }

  /** Lists the QEMUs of one machine. */
  List<Running> emulators(String machine) {
    return emulators().stream()
        .filter(process -> process.commandLine().contains("guest=" + machine))
        .toList();
  }

  /**
   * Waits until nothing that a killed agent had begun is under way any more: {@code qemu-img} has
   * ended, and each QEMU has either come as far as its lock or found that it is not wanted.
   */
  void awaitStragglers() {
    soon("the end of what a killed agent had begun")
        .until(() -> processes().stream().allMatch(IsolatedHost::isUp));
  }

  private static boolean isUp(Running process) {
    int option = process.commandLine().indexOf("-pidfile");
    if (option < 0 || !process.runs("qemu-system")) {
      return false;
    }
    try {
      Path pidFile = Path.of(process.commandLine().get(option + 1));
      return Files.readString(pidFile).strip().equals(String.valueOf(process.pid()));
    } catch (IOException e) {
      return false; // not yet, or no longer
    }
  }

  /** Returns when a process was started, in ticks since the host was; see proc(5). */
  static String startTime(long pid) throws IOException {
    return stat(pid)[19];
  }

  /** Returns a process's state, such as T for stopped; see proc(5). */
  static String state(long pid) throws IOException {
    return stat(pid)[0];
  }

  private static String[] stat(long pid) throws IOException {
    String line = Files.readString(Path.of("/proc/" + pid + "/stat"));
    return line.substring(line.lastIndexOf(')') + 2).split(" ");
  }

  private static List<String> commandLine(long pid) {
    try {
      String line =
          Files.readString(Path.of("/proc/" + pid + "/cmdline"), StandardCharsets.ISO_8859_1);
      return line.isEmpty() ? List.of() : Arrays.asList(line.split("\0", -1));
    } catch (IOException e) {
      return List.of(); // it ended between the listing and the look
    }
  }

  /** Lists all files below one of the home's directories, as paths relative to it. */
  List<String> files(String directory) throws IOException {
    Path top = home.resolve(directory);
    if (!Files.isDirectory(top)) {
      return List.of();
    }
    try (Stream<Path> all = Files.walk(top)) {
      return all.filter(path -> !path.equals(top))
          .map(path -> top.relativize(path).toString())
          .sorted()
          .toList();
    }
  }

  @Override
  public void close() throws IOException {
    soon("the end of all processes").until(() -> {
      List<Running> left = processes();
      left.forEach(
          process -> ProcessHandle.of(process.pid()).ifPresent(ProcessHandle::destroyForcibly));
      return left.isEmpty();
    });
    must("ip", "netns", "delete", netns);
    if (mounted.isPresent()) {
      // What was killed may close its files after it is no longer seen to run a command.
      String data = mounted.get().toString();
      soon("the end of all files in use").untilAsserted(() -> must("umount", data));
    }
    must("rm", "-rf", home.toString());
  }
}
