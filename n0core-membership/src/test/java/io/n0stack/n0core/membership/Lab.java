package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.membership.Host.Program;
import io.n0stack.n0core.membership.internal.connection.Attacker;
import io.n0stack.n0core.membership.internal.swim.HostileMember;
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
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Hosts on one network: each is a network namespace with a link to a bridge, which is in another. All
 * go with the processes that hold them, and these with the test, whose end they see on their input.
 */
final class Lab implements AutoCloseable {
  static final Duration SOON = Duration.ofSeconds(90);
  /** Matches nothing, where {@link #drop} takes an expression. */
  static final String NOTHING = "-";

  private static final String UP = "ip link set lo up && echo up && exec cat";

  private final List<Program> programs = new ArrayList<>();
  private final List<Program> hosts = new ArrayList<>();
  private final Map<String, Program> members = new HashMap<>();
  private final Path directory;
  private final Path secret;
  private final Path log;
  private final TestCertificates authority = new TestCertificates("authority");
  private final Keys keys;
  private Optional<Path> clocks = Optional.empty();
  private long clockMillis;

  /** What members prove themselves with. */
  enum Keys {
    SECRET,
    CERTIFICATES
  }

  /** Makes hosts with the addresses 10.77.0.1 and on, whose members share a secret. */
  Lab(int count, Path directory) {
    this(count, directory, Keys.SECRET);
  }

  Lab(int count, Path directory, Keys keys) {
    this.directory = directory;
    this.keys = keys;
    this.secret = secret(directory);
    this.log = Path.of("target", "members-" + directory.getFileName() + ".log");
    Program bridge = holder(List.of(
        "unshare", "-n", "sh", "-c", "ip link add br0 type bridge && ip link set br0 up && " + UP));
    for (int i = 1; i <= count; i++) {
      Program host = holder(List.of("unshare", "-n", "sh", "-c", UP));
      hosts.add(host);
      run(
          bridge,
          "ip link add v" + i + " type veth peer name eth0 netns " + host.process.pid()
              + " && ip link set v" + i + " master br0 up");
      run(
          host,
          "ip addr add 10.77.0." + i + "/24 dev eth0 && ip link set eth0 address " + mac(i)
              + " up");
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
    Program holder = new Program(command, log);
    programs.add(holder);
    holder.awaitLine("up", SOON);
    return holder;
  }

  /** Starts members with clocks that can be set, by the jar of {@link ShiftedClock}. */
  void useClocks(Path jar) {
    clocks = Optional.of(jar);
  }

  /** Sets by how much the clocks of members are wrong that are started from now on. */
  void setClock(Duration shift) {
    clockMillis = shift.toMillis();
  }

  private static List<String> inside(Program host) {
    return List.of("nsenter", "--net=/proc/" + host.process.pid() + "/ns/net");
  }

  private static void run(Program host, String script) {
    List<String> command = new ArrayList<>(inside(host));
    command.addAll(List.of("sh", "-ec", script));
    try {
      Process process = new ProcessBuilder(command).inheritIO().start();
      assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
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

  private static String mac(int host) {
    return "02:0a:4d:00:00:0" + host;
  }

  /** Leads what a host sends to the API's port to that port of another, as one can on the same network. */
  void divert(int host, int over) {
    on(
        over,
        "nft 'add table ip between; flush table ip between;"
            + " add chain ip between in { type nat hook prerouting priority -100; };"
            + " add rule ip between in ip daddr 10.77.0.1 tcp dport 5679 redirect'");
    on(host, "ip neigh replace 10.77.0.1 lladdr " + mac(over) + " dev eth0 nud permanent");
  }

  /** Ends a diversion. */
  void straighten(int host) {
    on(host, "ip neigh del 10.77.0.1 dev eth0");
  }

  /** Counts how often memory ran out without ending the process, as where Netty catches it. */
  long memoryErrors() {
    try (Stream<String> lines = Files.lines(log)) {
      return lines.filter(line -> line.contains("MemoryError")).count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String address(int host) {
    return "10.77.0." + host + ":5679";
  }

  private String transport(String name, String role) {
    if (keys == Keys.SECRET) {
      return "secret:" + secret;
    }
    return issued(authority, name, role + "/" + name);
  }

  private String issued(TestCertificates by, String directoryName, String identity) {
    Transport.MutualTls tls =
        by.issue(directory.resolve("keys-" + directoryName), "n0core://" + identity);
    return "tls:" + tls.certificates() + "," + tls.key() + "," + tls.authorities();
  }

  Program api(int host, String store) {
    String records = directory.resolve(store).toString();
    return start(host, "api", "api-1", "", transport("api-1", "registry"), records);
  }

  Program agent(int host, String name) {
    return start(host, "agent", name, address(1), transport(name, "node"), "");
  }

  /** Runs a member with valid keys that does harm as it is told. */
  Program hostile(int host, String name) {
    return start(host, "hostile", name, address(1), transport(name, "node"), "");
  }

  /** Runs a whole agent, with a driver. */
  Program recorded(int host, String name) {
    String records = directory.resolve("agent-" + name).toString();
    return start(host, "recorded", name, address(1), transport(name, "node"), records);
  }

  /** Runs an agent that has no secret. */
  Program stranger(int host, String name) {
    return start(host, "agent", name, address(1), "plaintext-anywhere", "");
  }

  /**
   * Runs one that is no member and does what it can without being let in. Where members have certificates
   * it has two: one that another authority has issued for an absent agent's name, and one of its own name.
   */
  Program attacker(int host, String absent) {
    if (keys == Keys.SECRET) {
      return start(host, "attacker", "attacker", address(1), "", "");
    }
    TestCertificates other = new TestCertificates("authority"); // of the same name
    String forged = issued(other, "forged", "node/" + absent);
    String own = issued(authority, "own", "node/attacker");
    return start(host, "attacker", "attacker", address(1), forged, own);
  }

  private Program start(
      int host, String role, String name, String seeds, String transport, String store) {
    List<String> command = new ArrayList<>(inside(hosts.get(host - 1)));
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(
        role.equals("agent") ? "-Xmx64m" : "-Xmx128m",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Xshare:auto",
        clocks.map(jar -> "-javaagent:" + jar + "=" + clockMillis).orElse("-Xshare:auto"),
        "--add-opens=java.base/java.util=ALL-UNNAMED",
        "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
        "-cp",
        System.getProperty("java.class.path"),
        program(role).getName()));
    command.addAll(List.of(role, name, address(host), seeds, transport, store));
    Program program = new Program(command, log);
    programs.add(program);
    members.put(name, program);
    return program;
  }

  private static Class<?> program(String role) {
    return switch (role) {
      case "attacker" -> Attacker.class;
      case "hostile" -> HostileMember.class;
      case "recorded" -> RecordedAgent.class;
      default -> LabMember.class;
    };
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

  /** Waits until the API says of these nodes, and no others, that they are ready, and has reported it too. */
  static void awaitReady(Program api, List<String> names) {
    String nodes = "nodes " + String.join("=READY,", names) + "=READY";
    await(nodes).atMost(SOON).until(() -> {
      api.does("nodes");
      return last(api, "nodes").equals(nodes);
    });
    for (String name : names) {
      await(name).atMost(SOON).until(() -> last(api, "change " + name).endsWith(" READY"));
    }
  }

  /** Lists what the API has reported from a line on, once that is so much: it comes after what it answers. */
  static List<String> changes(Program api, int from, int atLeast) {
    await(atLeast + " changes").atMost(SOON).until(() -> changes(api, from).size() >= atLeast);
    return changes(api, from);
  }

  /** Lists what the API has reported from a line on by now. */
  static List<String> changes(Program api, int from) {
    return api.lines.stream()
        .skip(from)
        .map(Program.Line::text)
        .filter(text -> text.startsWith("change "))
        .map(text -> text.substring(7))
        .toList();
  }

  /** Tells whether an API's grace was surely not over at a moment. */
  static boolean inGrace(Program api, long nanos) {
    return nanos - api.awaitLineAfter(0, "opening", SOON) < 14_000_000_000L;
  }

  /**
   * Lists what an API has reported since its start, where these nodes are to end READY: without what it
   * says of those that this machine was too slow to bring back before its grace was over.
   */
  static List<String> changesInTime(Program api, List<String> back) {
    for (String name : back) {
      await(name).atMost(SOON).until(() -> last(api, "change " + name).endsWith(" READY"));
    }
    return api.lines.stream()
        .filter(line -> line.text().startsWith("change "))
        .filter(line -> inGrace(api, line.nanos())
            || !line.text().endsWith("NOT_READY")
            || back.stream().noneMatch(name -> line.text().startsWith("change " + name + " ")))
        .map(line -> line.text().substring(7))
        .toList();
  }

  @Override
  public void close() {
    for (int i = programs.size() - 1; i >= 0; i--) {
      programs.get(i).process.destroyForcibly();
    }
    for (Program program : programs) {
      assertThat(program.process.onExit()).succeedsWithin(SOON);
    }
  }
}
