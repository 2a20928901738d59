package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.NetworkSpec;
import io.n0stack.n0core.net.internal.FileFailures;
import io.n0stack.n0core.net.internal.ProcessHold;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.NetNs;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The DHCP servers of networks: one dnsmasq each, a daemon that outlives this process. Which process it
 * is is proved by the path of its configuration among its arguments; a number in a file proves
 * nothing. See dnsmasq(8).
 */
final class DhcpServer {
  private static final Logger LOG = LoggerFactory.getLogger(DhcpServer.class);
  private static final Path PROCESSES = Path.of("/proc");
  private static final Duration USUAL_LEASE = Duration.ofHours(1);
  private static final Duration STARTING = Duration.ofSeconds(10);
  private static final Duration ENDING = Duration.ofSeconds(5);
  private static final int ATTEMPTS = 10;
  // It lists the links and looks at each; one of them may have gone in between, ENODEV.
  private static final String LINK_WENT = "failed to find list of interfaces";
  private static final String CAME_UP = "it came up only when it was asked why it does not";
  private static final String PID_FILE = "dnsmasq.pid";
  private static final Path NOWHERE = Path.of("/dev/null");
  private static final String USER = "nobody";
  private static final String DNSMASQ = "dnsmasq";
  private static final int LONGEST_COMM = 15; // TASK_COMM_LEN - 1, linux/sched.h

  private final NetworkFiles files;
  private final NetNs namespace;
  private final NetConfig config;

  DhcpServer(NetConfig config, NetNs namespace) {
    this.config = config;
    this.namespace = namespace;
    files = new NetworkFiles(config.directory());
  }

  /** Refuses what would fail later. Changes nothing. */
  void requireUsable(ResourceId network, String bridge) {
    program();
    if (!bridge.matches("[A-Za-z0-9._-]+")) {
      throw Refusals.precondition(
          network, "DHCP cannot be served on a link named " + Rules.quote(bridge));
    }
    for (Path at = config.directory(); at != null; at = at.getParent()) {
      try {
        if (Files.exists(at)
            && !Files.getPosixFilePermissions(at).contains(PosixFilePermission.OTHERS_EXECUTE)) {
          throw Refusals.precondition(
              network,
              "net.directory " + Rules.quote(config.directory().toString())
                  + " cannot be used by dnsmasq, which runs as " + USER + ": others must be able to"
                  + " search " + Rules.quote(at.toString()));
        }
      } catch (IOException e) {
        throw Refusals.unavailable(network, "cannot look at " + at, e);
      }
    }
  }

  private Path program() {
    Path named = Path.of(config.dnsmasq());
    if (named.isAbsolute() && Files.isExecutable(named)) {
      return named;
    }
    // An agent's PATH may lack the directories of the system's programs.
    String path = System.getenv().getOrDefault("PATH", "") + ":/usr/sbin:/sbin";
    return Stream.of(path.split(":"))
        .filter(directory -> !directory.isEmpty() && !named.isAbsolute())
        .map(directory -> Path.of(directory).resolve(named))
        .filter(Files::isExecutable)
        .findFirst()
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.PRECONDITION,
            config.dnsmasq(),
            "serve DHCP: there is no program " + Rules.quote(config.dnsmasq())
                + "; install the package dnsmasq-base, or set net.dnsmasq"));
  }

  /** Writes what a server is told. It is bound to one link: another of the same name needs another. */
  String configuration(ResourceId network, Link bridge, int mtu, NetworkSpec.Gateway gateway) {
    NetworkSpec.Dhcp dhcp = gateway.dhcp().orElseThrow();
    Path directory = files.of(network);
    StringJoiner lines = new StringJoiner("\n", "", "\n")
        .add("# network " + network.name() + ", uid " + network.uid() + ", link " + bridge.index())
        .add("port=0")
        .add("no-resolv")
        .add("no-hosts")
        .add("interface=" + bridge.name())
        .add("except-interface=lo")
        .add("bind-interfaces")
        .add("user=" + USER)
        .add("pid-file=" + directory.resolve(PID_FILE))
        // Its standard error, which is /dev/null. As a file dnsmasq would give that to its user.
        .add("log-facility=-")
        .add("quiet-dhcp")
        .add("leasefile-ro")
        .add("dhcp-authoritative")
        // Being that, it would refuse what strangers ask for, who may have it from another server.
        .add("dhcp-ignore=tag:!known")
        .add("dhcp-hostsfile=" + files.hosts(network))
        .add("dhcp-option=option:mtu," + mtu);
    long seconds = dhcp.leaseTime().orElse(USUAL_LEASE).toSeconds();
    int tag = 0;
    for (CidrAddress cidr : gateway.addresses()) {
      if (cidr.address() instanceof Inet4Address && cidr.prefixLength() < Integer.SIZE - 1) {
        String name = "net" + tag++;
        lines.add("dhcp-range=set:" + name + "," + network(cidr) + ",static," + mask(cidr) + ","
            + seconds);
        lines.add("dhcp-option=tag:" + name + ",option:router," + cidr.address().getHostAddress());
      }
    }
    StringJoiner servers = new StringJoiner(",", "dhcp-option=option:dns-server,", "")
        .setEmptyValue("dhcp-option=option:dns-server");
    dhcp.dnsServers().stream()
        .filter(Inet4Address.class::isInstance)
        .forEach(server -> servers.add(server.getHostAddress()));
    lines.add(servers.toString());
    dhcp.domain().ifPresent(domain -> lines.add("domain=" + domain));
    return lines.toString();
  }

  private static String network(CidrAddress cidr) {
    byte[] octets = cidr.address().getAddress();
    byte[] mask = octets(cidr.prefixLength());
    for (int i = 0; i < octets.length; i++) {
      octets[i] &= mask[i];
    }
    return dotted(octets);
  }

  private static String mask(CidrAddress cidr) {
    return dotted(octets(cidr.prefixLength()));
  }

  private static byte[] octets(int prefixLength) {
    int bits = prefixLength == 0 ? 0 : -1 << (Integer.SIZE - prefixLength);
    return new byte[] {(byte) (bits >>> 24), (byte) (bits >>> 16), (byte) (bits >>> 8), (byte) bits
    };
  }

  private static String dotted(byte[] octets) {
    try {
      return InetAddress.getByAddress(octets).getHostAddress();
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException(e);
    }
  }

  /** Describes a configuration in few characters. */
  static String text(String configuration) {
    CRC32 crc = new CRC32();
    crc.update(configuration.getBytes(StandardCharsets.UTF_8));
    return "dhcp " + HexFormat.of().toHexDigits((int) crc.getValue());
  }

  /** Describes what is served; empty if nothing is and nothing should be. */
  String text(ResourceId network) {
    Optional<String> told = files.read(network, NetworkFiles.CONFIGURATION);
    if (told.isEmpty()) {
      return "";
    }
    return running(network).isPresent() ? text(told.get()) : "dhcp stopped";
  }

  /** Finds the server that a network is to have; looks at no process if it is to have none. */
  Optional<Long> expected(ResourceId network) {
    return Files.exists(files.of(network).resolve(NetworkFiles.CONFIGURATION))
        ? running(network)
        : Optional.empty();
  }

  /** Finds a network's server: where its pid file says, or among all processes. */
  Optional<Long> running(ResourceId network) {
    Optional<Long> noted = files
        .read(network, PID_FILE)
        .map(String::strip)
        .filter(text -> text.matches("[1-9][0-9]{0,9}"))
        .map(Long::valueOf)
        .filter(pid -> serves(pid, network));
    return noted.isPresent() ? noted : all(network).stream().findFirst();
  }

  private List<Long> all(ResourceId network) {
    try (Stream<Path> processes = Files.list(PROCESSES)) {
      return processes
          .map(path -> path.getFileName().toString())
          .filter(name -> name.matches("[0-9]+"))
          .map(Long::valueOf)
          .filter(pid -> serves(pid, network))
          .toList();
    } catch (IOException e) {
      throw Refusals.unavailable(network, "cannot list processes", e);
    }
  }

  /**
   * Asks for the name first: a command line is read from the memory of the process, which one that is
   * stuck does not let go of.
   */
  private boolean serves(long pid, ResourceId network) {
    return read(pid, "comm", network).filter(this::isProgram).isPresent()
        && read(pid, "cmdline", network).stream()
            .anyMatch(line -> List.of(line.split("\0")).contains(argument(network)));
  }

  /** The kernel keeps 15 bytes of the name; while it is a script, that is the script's. */
  private boolean isProgram(String comm) {
    String name = comm.strip();
    String configured = String.valueOf(Path.of(config.dnsmasq()).getFileName());
    return name.startsWith(DNSMASQ)
        || name.equals(configured.substring(0, Math.min(configured.length(), LONGEST_COMM)));
  }

  private static Optional<String> read(long pid, String file, ResourceId network) {
    try {
      byte[] text = Files.readAllBytes(PROCESSES.resolve(pid + "/" + file));
      return Optional.of(new String(text, StandardCharsets.UTF_8));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      if (String.valueOf(e.getMessage()).contains("No such process")) {
        return Optional.empty(); // ESRCH: it has just ended
      }
      throw FileFailures.of(
          "look at " + network + ": cannot look at process " + pid, network.toString(), e);
    }
  }

  private String argument(ResourceId network) {
    return "--conf-file=" + files.of(network).resolve(NetworkFiles.CONFIGURATION);
  }

  /** Starts a network's server, or one in place of that which was told something else. */
  void serve(Context cx, ResourceId network, String configuration) {
    if (text(network).equals(text(configuration))) {
      return;
    }
    cx.step("end DHCP server", () -> end(network));
    cx.step("start DHCP server", () -> {
      files.create(network);
      files.delete(network, "dnsmasq.log"); // of an earlier version, which had one
      files.write(network, NetworkFiles.CONFIGURATION, configuration);
      // A launch of an agent that died may have come up only now.
      end(network);
      start(cx, network);
    });
    LOG.info("network {} has a DHCP server", network.name());
  }

  private void start(Context cx, ResourceId network) {
    String failure = attempt(network, cx.remaining());
    for (int i = 1; i < ATTEMPTS && mayPass(failure); i++) {
      failure = attempt(network, cx.remaining());
    }
    if (!failure.isEmpty()) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          network.toString(),
          "start dnsmasq of " + network + ": " + failure);
    }
  }

  private static boolean mayPass(String failure) {
    return failure.contains(LINK_WENT) || failure.equals(CAME_UP);
  }

  /**
   * Returns when the daemon serves, empty, or cannot, with what it says. That is asked for by a launch of
   * its own: what guests make a daemon complain of later goes to the same place, and knows no bound.
   */
  private String attempt(ResourceId network, Duration remaining) {
    if (launch(network, remaining, NOWHERE) == 0) {
      return "";
    }
    Path said = files.of(network).resolve("start.log");
    int status = launch(network, remaining, said);
    if (status == 0) {
      end(network);
      return CAME_UP;
    }
    try {
      return "it ended with status " + status + ": " + Files.readString(said).strip();
    } catch (IOException e) {
      throw Refusals.unavailable(network, "cannot read " + said, e);
    }
  }

  private int launch(ResourceId network, Duration remaining, Path said) {
    Path program = program();
    Duration limit = remaining.compareTo(STARTING) < 0 ? remaining : STARTING;
    String what = "start dnsmasq of " + network;
    try {
      Process process = namespace.call(() -> {
        ProcessBuilder builder = new ProcessBuilder(program.toString(), argument(network))
            .redirectInput(NOWHERE.toFile())
            .redirectErrorStream(true)
            .redirectOutput(said.toFile());
        builder.environment().clear();
        try {
          return builder.start();
        } catch (IOException e) {
          throw FileFailures.of(what, network.toString(), e);
        }
      });
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly();
        throw new OperationTimeoutException(what, limit);
      }
      return process.exitValue();
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(what, e);
    }
  }

  /** Ends all servers of a network. */
  private void end(ResourceId network) {
    for (long pid : all(network)) {
      signalled(pid, network, ProcessHold.SIGTERM);
    }
  }

  private void signalled(long pid, ResourceId network, int signal) {
    Optional<ProcessHold> found = ProcessHold.open(pid);
    if (found.isEmpty()) {
      return;
    }
    try (ProcessHold hold = found.get()) {
      if (!serves(pid, network)) {
        return; // it ended between the look and the hold
      }
      hold.send(signal);
      if (signal == ProcessHold.SIGHUP || hold.awaitEnd(ENDING)) {
        return;
      }
      LOG.warn("dnsmasq {} of network {} does not end and is killed", pid, network.name());
      hold.send(ProcessHold.SIGKILL);
      if (!hold.awaitEnd(ENDING)) {
        throw new OperationTimeoutException("kill dnsmasq " + pid + " of " + network, ENDING);
      }
    }
  }

  /** Has the server of a network read again what addresses ports have. */
  void reread(ResourceId network) {
    running(network).ifPresent(pid -> signalled(pid, network, ProcessHold.SIGHUP));
  }

  /** Ends a network's server, if it has one; ports keep their files. */
  void stop(Context cx, ResourceId network) {
    if (files.read(network, NetworkFiles.CONFIGURATION).isPresent()
        || running(network).isPresent()) {
      cx.step("end DHCP server", () -> {
        // Without it a launch of an agent that died fails.
        files.delete(network, NetworkFiles.CONFIGURATION);
        end(network);
        files.deleteServerFiles(network);
      });
    }
  }

  /** Ends a network's server and deletes all of its files. */
  void delete(Context cx, ResourceId network) {
    stop(cx, network);
    if (files.exists(network)) {
      cx.step("delete files", () -> files.deleteAll(network));
    }
  }

  NetworkFiles files() {
    return files;
  }
}
