package io.n0stack.n0core.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;

/**
 * Hosts on one network: each is a network namespace with a link to a bridge, which is in another. All
 * go with the processes that hold them, and these with this process, whose end they see on their
 * input.
 */
final class MembershipLab implements AutoCloseable {
  private static final int SECONDS = 60;
  private static final String TELLING = "-Dlogback.configurationFile=member-logback.xml";
  private static final String QUIET = "-Dlogback.configurationFile=swarm-logback.xml";
  private static final String UP = "ip link set lo up && echo up && exec cat";

  private final List<MembershipProcess> hosts = new ArrayList<>();
  private final List<MembershipProcess> programs = new ArrayList<>();
  private final Path directory;
  private final Path secret;

  /** Makes hosts with the addresses 10.77.0.1 and on. */
  MembershipLab(int count, Path directory) throws IOException, InterruptedException {
    this.directory = Files.createDirectory(directory);
    this.secret = Files.createFile(
        directory.resolve("secret"),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(secret, "a secret of these figures alone");
    boolean made = false;
    try {
      make(count);
      made = true;
    } finally {
      if (!made) {
        close();
      }
    }
  }

  private void make(int count) throws IOException, InterruptedException {
    MembershipProcess bridge = holder("ip link add br0 type bridge && ip link set br0 up && " + UP);
    for (int i = 1; i <= count; i++) {
      MembershipProcess host = holder(UP);
      hosts.add(host);
      String link = run(
          bridge,
          "ip link add v" + i + " type veth peer name eth0 netns " + host.pid()
              + " && ip link set v" + i + " master br0 up");
      String address = on(i, "ip addr add 10.77.0." + i + "/24 dev eth0 && ip link set eth0 up");
      if (!link.isEmpty() || !address.isEmpty()) {
        throw new IOException("ip says " + link + address);
      }
    }
  }

  private MembershipProcess holder(String script) throws IOException, InterruptedException {
    MembershipProcess holder =
        new MembershipProcess(List.of("unshare", "-n", "sh", "-ec", script), complaints());
    programs.add(holder);
    holder.need(0, "up", SECONDS);
    return holder;
  }

  private static List<String> inside(MembershipProcess host) {
    return List.of("nsenter", "--net=/proc/" + host.pid() + "/ns/net");
  }

  private static String run(MembershipProcess host, String script)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(inside(host));
    command.addAll(List.of("sh", "-ec", script));
    return Peer.run(command.toArray(String[]::new));
  }

  /** Runs a script on a host; returns what it prints. */
  String on(int host, String script) throws IOException, InterruptedException {
    return run(hosts.get(host - 1), script);
  }

  /** Starts a program on a host. */
  MembershipProcess start(int host, List<String> program) throws IOException {
    List<String> command = new ArrayList<>(inside(hosts.get(host - 1)));
    command.addAll(program);
    MembershipProcess started = new MembershipProcess(command, complaints());
    programs.add(started);
    return started;
  }

  /** What the programs have complained about. */
  Path complaints() {
    return directory.resolve("complaints");
  }

  Path directory() {
    return directory;
  }

  Path secret() {
    return secret;
  }

  static String address(int host) {
    return "10.77.0." + host + ":5679";
  }

  @Override
  public void close() {
    for (int i = programs.size() - 1; i >= 0; i--) {
      programs.get(i).destroy();
    }
    for (MembershipProcess program : programs) {
      program.awaitEnd();
    }
  }

  /** Changes a command of {@link #java} to one for many members: they run long and tell little. */
  static void asSwarm(List<String> command) {
    command.remove("-XX:TieredStopAtLevel=1");
    command.replaceAll(word -> word.equals(TELLING) ? QUIET : word);
  }

  /** A JVM for a class of ours, with the flags that membership needs. */
  static List<String> java(String heap, Class<?> main, String... arguments) {
    List<String> command = new ArrayList<>(List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Xmx" + heap,
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData", // others may have the same process ids
        "-Djava.io.tmpdir=" + System.getProperty("java.io.tmpdir"),
        TELLING,
        "--add-opens=java.base/java.util=ALL-UNNAMED",
        "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
        "-cp",
        System.getProperty("java.class.path"),
        main.getName()));
    command.addAll(List.of(arguments));
    return command;
  }
}
