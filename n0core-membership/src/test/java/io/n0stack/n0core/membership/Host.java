package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.tck.Requirement;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** Runs programs, in a network namespace of their own if the test may make one. */
public final class Host implements AutoCloseable {
  private static final String ISOLATED = "plaintext-isolated";
  private static final AtomicInteger NETWORKS = new AtomicInteger();

  private final List<Program> programs = new ArrayList<>();
  private final List<String> prefix = new ArrayList<>();

  Host() {
    if (Requirement.ROOT.met()) {
      Program holder = new Program(
          List.of("unshare", "-n", "sh", "-c", "ip link set lo up && echo up && exec sleep 900"));
      programs.add(holder);
      holder.awaitLine("up", Lab.SOON);
      prefix.addAll(List.of("nsenter", "--net=/proc/" + holder.process.pid() + "/ns/net"));
    }
  }

  /**
   * Finds an address and a port that nobody listens on. The address is another each time: members connect
   * from where they listen, and a connection of another test could take the port before it is listened on.
   */
  public static String address(int lastOctet) {
    int network = NETWORKS.getAndIncrement();
    String host = "127." + (1 + network / 256 % 254) + "." + network % 256 + "." + lastOctet;
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getByName(host))) {
      return host + ":" + free.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  Program api(String name, String listen, Path state) {
    return member(prefix, "api", name, listen, "", state.toString(), ISOLATED);
  }

  Program agent(String name, String listen, String seed) {
    return member(prefix, "agent", name, listen, seed, "", ISOLATED);
  }

  /** Runs an agent where the test itself runs. */
  Program outside(String name, String listen) {
    return member(List.of(), "agent", name, listen, "", "", ISOLATED);
  }

  /** Runs an agent in a JVM that was started without the flags that Atomix needs. */
  Program withoutFlags(String name, String listen) {
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String classes = System.getProperty("java.class.path");
    String main = MemberProgram.class.getName();
    Program program =
        new Program(List.of(java, "-cp", classes, main, "agent", name, listen, "", "", ISOLATED));
    programs.add(program);
    return program;
  }

  /** Runs an agent in the namespace of its own. */
  Program isolated(String name, String listen, String transport) {
    return member(prefix, "agent", name, listen, "", "", transport);
  }

  /** Returns the namespace that the programs run in; only if the test may make one. */
  Path namespace() {
    return Path.of("/proc/" + programs.get(0).process.pid() + "/ns/net");
  }

  private Program member(List<String> before, String... args) {
    List<String> command = new ArrayList<>(before);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(
        "-Xmx96m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "--add-opens=java.base/java.util=ALL-UNNAMED",
        "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
        "-Da-b.c=d", // Atomix's own builders fail on such a property
        "-cp",
        System.getProperty("java.class.path"),
        MemberProgram.class.getName()));
    command.addAll(List.of(args));
    Program program = new Program(command);
    programs.add(program);
    return program;
  }

  @Override
  public void close() {
    programs.forEach(program -> program.process.destroyForcibly());
    for (Program program : programs) {
      assertThat(program.process.onExit()).succeedsWithin(Lab.SOON);
    }
  }

  /** A running program and the lines it has written, with their times. */
  static final class Program {
    /** A line and when it came. */
    record Line(String text, long nanos) {}

    final Process process;
    final List<Line> lines = new CopyOnWriteArrayList<>();

    Program(List<String> command) {
      this(command, Path.of("target/members.log"));
    }

    /** Runs a program whose errors are appended to a file. */
    Program(List<String> command, Path log) {
      try {
        process = new ProcessBuilder(command)
            .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()))
            .start();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      Thread reader = new Thread(this::read, "reads-" + process.pid());
      reader.setDaemon(true);
      reader.start();
    }

    private void read() {
      try (BufferedReader out = new BufferedReader(
          new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
        String line = out.readLine();
        while (line != null) {
          lines.add(new Line(line, System.nanoTime()));
          line = out.readLine();
        }
      } catch (IOException e) {
        lines.add(new Line("unreadable: " + e.getMessage(), System.nanoTime()));
      }
    }

    void write(String command) {
      try {
        Writer in = process.outputWriter(StandardCharsets.UTF_8);
        in.write(command + "\n");
        in.flush();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    /** Gives a command and waits until it is done. */
    void does(String command) {
      long from = System.nanoTime();
      write(command);
      await(command)
          .atMost(Lab.SOON)
          .pollInterval(Duration.ofMillis(5))
          .until(() ->
              lines.stream().anyMatch(l -> l.nanos() > from && l.text().equals("done " + command)));
    }

    void awaitLine(String text, Duration most) {
      awaitLineAfter(0, text, most);
    }

    /** Waits for a line that comes after a moment; returns how many milliseconds after. */
    long awaitLineAfter(int skip, String text, Duration most) {
      await(text)
          .atMost(most)
          .pollInterval(Duration.ofMillis(5))
          .until(() -> lines.stream().skip(skip).anyMatch(l -> l.text().startsWith(text)));
      return lines.stream()
          .skip(skip)
          .filter(l -> l.text().startsWith(text))
          .findFirst()
          .orElseThrow()
          .nanos();
    }

    void signal(String name) {
      try {
        Process kill = new ProcessBuilder("kill", "-" + name, "" + process.pid()).start();
        assertThat(kill.waitFor(5, TimeUnit.SECONDS)).isTrue();
        assertThat(kill.exitValue()).isZero();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }
}
