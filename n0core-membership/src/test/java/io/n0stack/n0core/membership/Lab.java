package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.membership.Host.Program;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Hosts on one network: each is a network namespace with a link to a bridge, which is in another. All
 * go with the processes that hold them, and these with the test, whose end they see on their input.
 */
final class Lab implements AutoCloseable {
  static final Duration SOON = Duration.ofSeconds(40);
  /** Matches nothing, where {@link #drop} takes an expression. */
  static final String NOTHING = "-";

  private static final String UP = "ip link set lo up && echo up && exec cat";

  private final List<Program> programs = new ArrayList<>();
  private final List<Program> hosts = new ArrayList<>();
  private final Map<String, Program> members = new HashMap<>();
  private final Path directory;
  private final Path secret;

  /** Makes hosts with the addresses 10.77.0.1 and on. */
  Lab(int count, Path directory) {
    this.directory = directory;
    this.secret = secret(directory);
    Program bridge = holder(List.of(
        "unshare", "-n", "sh", "-c", "ip link add br0 type bridge && ip link set br0 up && " + UP));
    for (int i = 1; i <= count; i++) {
      Program host = holder(List.of("unshare", "-n", "sh", "-c", UP));
      hosts.add(host);
      run(
          bridge,
          "ip link add v" + i + " type veth peer name eth0 netns " + host.process.pid()
              + " && ip link set v" + i + " master br0 up");
      run(host, "ip addr add 10.77.0." + i + "/24 dev eth0 && ip link set eth0 up");
    }
  }

  private static Path secret(Path directory) {
    try {
      Path file = Files.createFile(
          directory.resolve("secret"),
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      return Files.writeString(file, "a secret of this test alone");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Program holder(List<String> command) {
    Program holder = new Program(command);
    programs.add(holder);
    holder.awaitLine("up", SOON);
    return holder;
  }

  private static List<String> inside(Program host) {
    return List.of("nsenter", "--net=/proc/" + host.process.pid() + "/ns/net");
  }

  private static void run(Program host, String script) {
    List<String> command = new ArrayList<>(inside(host));
    command.addAll(List.of("sh", "-ec", script));
    try {
      Process process = new ProcessBuilder(command).inheritIO().start();
      assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).as(script).isZero();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Runs a script on a host. */
  void on(int host, String script) {
    run(hosts.get(host - 1), script);
  }

  /** Drops what comes in and what goes out as these nftables expressions match; all if empty. */
  void drop(int host, String incoming, String outgoing) {
    on(
        host,
        "nft 'add table ip lab; flush table ip lab;"
            + " add chain ip lab in { type filter hook input priority 0; };"
            + " add chain ip lab out { type filter hook output priority 0; };"
            + (incoming.equals(NOTHING)
                ? ""
                : " add rule ip lab in iif != lo " + incoming + " drop;")
            + (outgoing.equals(NOTHING)
                ? ""
                : " add rule ip lab out oif != lo " + outgoing + " drop;")
            + "'");
  }

  void heal(int host) {
    on(host, "nft 'add table ip lab; delete table ip lab'");
  }

  static String address(int host) {
    return "10.77.0." + host + ":5679";
  }

  Program api(int host, String store) {
    return start(
        host, "api", "api-1", "", "secret:" + secret, directory.resolve(store).toString());
  }

  Program agent(int host, String name) {
    return start(host, "agent", name, address(1), "secret:" + secret, "");
  }

  /** Runs an agent that has no secret. */
  Program stranger(int host, String name) {
    return start(host, "agent", name, address(1), "plain", "");
  }

  private Program start(
      int host, String role, String name, String seeds, String transport, String store) {
    List<String> command = new ArrayList<>(inside(hosts.get(host - 1)));
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(
        role.equals("api") ? "-Xmx128m" : "-Xmx64m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xshare:auto",
        "--add-opens=java.base/java.util=ALL-UNNAMED",
        "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
        "-cp",
        System.getProperty("java.class.path"),
        LabMember.class.getName()));
    command.addAll(List.of(role, name, address(host), seeds, transport, store));
    Program program = new Program(command);
    programs.add(program);
    members.put(name, program);
    return program;
  }

  Program member(String name) {
    Program member = members.get(name);
    assertThat(member).as(name).isNotNull();
    return member;
  }

  /** Makes an earlier process the bearer of a name again. */
  void adopt(String name, Program program) {
    members.put(name, program);
  }

  boolean runs(String name) {
    return members.containsKey(name) && members.get(name).process.isAlive();
  }

  void kill(String name) {
    Program member = member(name);
    member.process.destroyForcibly();
    assertThat(member.process.onExit()).succeedsWithin(SOON);
  }

  /** Waits until a member's last view is this; returns when it came. */
  long awaitView(String who, String... names) {
    String view = "members " + String.join(",", names);
    Program program = member(who);
    await(who + " sees " + view)
        .atMost(SOON)
        .pollInterval(Duration.ofMillis(10))
        .until(() -> last(program, "members ").equals(view));
    return program.lines.stream()
        .filter(line -> line.text().equals(view))
        .reduce((first, second) -> second)
        .orElseThrow()
        .nanos();
  }

  static String last(Program program, String prefix) {
    return program.lines.stream()
        .map(Program.Line::text)
        .filter(text -> text.startsWith(prefix))
        .reduce((first, second) -> second)
        .orElse("");
  }

  /** Lists what the API has reported from a line on. */
  static List<String> changes(Program api, int from) {
    return api.lines.stream()
        .skip(from)
        .map(Program.Line::text)
        .filter(text -> text.startsWith("change "))
        .map(text -> text.substring(7))
        .toList();
  }

  @Override
  public void close() {
    for (int i = programs.size() - 1; i >= 0; i--) {
      programs.get(i).process.destroyForcibly();
    }
    for (Program program : programs) {
      assertThat(program.process.onExit()).succeedsWithin(Duration.ofSeconds(20));
    }
  }
}
