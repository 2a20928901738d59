package io.n0stack.n0core.membership;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.membership.Host.Program;
import io.n0stack.n0core.membership.internal.member.Preconditions;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

@Execution(ExecutionMode.CONCURRENT)
class AtomixMembershipIT {
  private static final Logger LOG = LoggerFactory.getLogger(AtomixMembershipIT.class);
  private static final Duration SOON = Lab.SOON;
  private static final String READY = "change node-1 READY";
  private static final String UNKNOWN = "change node-1 UNKNOWN";
  private static final String NOT_READY = "change node-1 NOT_READY";

  @TempDir
  Path state;

  private final Host host = new Host();
  private final String apiAddress = Host.address(1);
  private final String nodeAddress = Host.address(2);

  @AfterEach
  void close() {
    host.close();
  }

  private Program api() {
    Program api = host.api("api-1", apiAddress, state);
    api.awaitLine("ready", SOON);
    return api;
  }

  private Program agent() {
    Program agent = host.agent("node-1", nodeAddress, apiAddress);
    agent.awaitLine("ready", SOON);
    return agent;
  }

  private Program readyAgent(Program api) {
    int before = api.lines.size();
    Program agent = agent();
    agent.does("save");
    agent.does("join");
    api.awaitLineAfter(before, READY, SOON);
    return agent;
  }

  private static List<String> changes(Program api) {
    return api.lines.stream()
        .map(Program.Line::text)
        .filter(line -> line.startsWith("change"))
        .toList();
  }

  @Test
  void savedAndThenJoinedIsReady() {
    Program api = api();
    Program agent = agent();

    agent.does("save");
    api.awaitLine("change node-1 ", SOON);
    agent.does("join");
    api.awaitLine(READY, SOON);

    // The API has just started, unless this machine is slow.
    assertThat(changes(api)).endsWith(READY).hasSizeGreaterThan(1);
    assertThat(changes(api).subList(0, changes(api).size() - 1)).isSubsetOf(UNKNOWN, NOT_READY);
  }

  @Test
  void joinedAndThenSavedIsReady() {
    Program api = api();
    Program agent = agent();

    agent.does("join");
    api.awaitLine("change node-1 UNREGISTERED", SOON);
    agent.does("save");
    api.awaitLine(READY, SOON);
    agent.does("nodes");

    assertThat(changes(api)).containsExactly("change node-1 UNREGISTERED", READY);
    assertThat(agent.lines).extracting(Program.Line::text).contains("nodes node-1=READY");
  }

  @Test
  void anAgentThatStartsFirstFindsTheApiLater() {
    Program agent = agent();
    agent.does("join");
    agent.write("save");
    Program api = api();

    api.awaitLine(READY, SOON);
  }

  @Test
  void aGracefulStopRemovesRecordAndMemberAtOnce() {
    Program api = api();
    List<Long> took = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Program agent = readyAgent(api);
      int before = api.lines.size();

      agent.does("remove");
      api.awaitLineAfter(before, "change node-1 UNREGISTERED", SOON);
      long asked = System.nanoTime();
      agent.write("leave");
      took.add((api.awaitLineAfter(before, "change node-1 ABSENT", SOON) - asked) / 1_000_000);
      agent.awaitLine("done leave", SOON);
      agent.process.destroyForcibly();
    }

    LOG.info("measured: graceful leave -> ABSENT ms {}", took);
    api.does("nodes");
    assertThat(api.lines).extracting(Program.Line::text).contains("nodes ");
    // A machine that does other things may hold up any of them, but not all.
    assertThat(took).anyMatch(millis -> millis < 2000);
  }

  @Test
  void aKilledAgentIsNotReadyAndItsRecordStays() {
    Program api = api();
    List<Long> took = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      Program agent = readyAgent(api);
      int before = api.lines.size();
      long killed = System.nanoTime();
      agent.process.destroyForcibly();
      took.add((api.awaitLineAfter(before, NOT_READY, SOON) - killed) / 1_000_000);
    }

    LOG.info("measured: kill -9 -> NOT_READY ms {}", took.stream().sorted().toList());
    api.does("nodes");
    assertThat(api.lines).extracting(Program.Line::text).contains("nodes node-1=NOT_READY");
  }

  @Test
  void aStoppedAgentIsNotReadyUntilItGoesOn() {
    Program api = api();
    Program agent = readyAgent(api);
    int before = api.lines.size();

    long stopped = System.nanoTime();
    agent.signal("STOP");
    long noticed = api.awaitLineAfter(before, NOT_READY, SOON);
    LOG.info("measured: SIGSTOP -> NOT_READY ms {}", (noticed - stopped) / 1_000_000);
    int silent = api.lines.size();
    await().pollDelay(Duration.ofSeconds(4)).until(() -> api.lines.size() == silent);
    long continued = System.nanoTime();
    agent.signal("CONT");
    long back = api.awaitLineAfter(silent, READY, SOON);

    LOG.info("measured: SIGCONT -> READY ms {}", (back - continued) / 1_000_000);
  }

  @Test
  void aRestartedAgentIsReadyOnlyWithItsNewRecord() {
    Program api = api();
    Program first = readyAgent(api);
    first.process.destroyForcibly();
    api.awaitLine("change node-1 NOT_READY", SOON);
    int before = api.lines.size();
    Program second = agent();

    second.does("join");
    second.does("save");

    api.awaitLineAfter(before, READY, SOON);
    assertThat(changes(api).get(changes(api).size() - 1)).isEqualTo(READY);
  }

  @Test
  void aRestartedApiKeepsItsRecordsAndSeesItsAgentsAgain() {
    Program api = api();
    readyAgent(api);
    List<Long> took = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      api.process.destroyForcibly();
      assertThat(api.process.onExit()).succeedsWithin(SOON);
      api = host.api("api-1", apiAddress, state);
      long joined = api.awaitLineAfter(0, "joined", SOON);
      long back = api.awaitLineAfter(0, READY, SOON);
      took.add((back - joined) / 1_000_000);
      if (Lab.inGrace(api, back)) {
        assertThat(changes(api)).containsExactly(READY);
      } else { // this machine is slow
        assertThat(changes(api)).endsWith(READY).isSubsetOf(NOT_READY, READY);
      }
    }

    LOG.info("measured: API restart -> READY ms after join {}", took);
  }

  @Test
  void requestsFailWithinTheirDeadlineWhenNoApiAnswers() {
    MembershipConfig config = MembershipConfig.of(
            "node-1", nodeAddress, Transport.PLAINTEXT_ISOLATED)
        .withSeeds(Host.address(3));
    try (AtomixMembership alone = AtomixMembership.open(config)) {
      NodeRegistryClient client = NodeRegistryClient.of(alone).withDeadline(Duration.ofMillis(700));
      alone.join(); // the first request would start Netty, which takes seconds on a busy machine
      long begun = System.nanoTime();

      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> client.save(Node.builder("node-1", nodeAddress).build()))
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNAVAILABLE));
      assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(20));
    }
  }

  @Test
  void anAddressInUseIsRefusedAndTheMemberCanStillClose() throws IOException {
    HostPort listen = HostPort.parse(nodeAddress);
    try (ServerSocket taken =
            new ServerSocket(listen.port(), 1, InetAddress.getByName(listen.host()));
        AtomixMembership membership = AtomixMembership.open(
            MembershipConfig.of("node-1", nodeAddress, Transport.PLAINTEXT_ISOLATED))) {
      assertThat(taken.isBound()).isTrue();
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(membership::join)
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.ALREADY_EXISTS));
      assertThat(membership.members()).isEmpty();
    }
  }

  @Test
  void saysWhichFlagsTheJvmLacks() {
    Program bare = host.withoutFlags("node-1", nodeAddress);

    bare.awaitLine("refused PRECONDITION", SOON);
    assertThat(bare.lines.get(0).text())
        .contains("--add-opens java.base/java.util=ALL-UNNAMED")
        .contains("--add-opens java.base/java.util.concurrent.atomic=ALL-UNNAMED");
  }

  @Test
  void aHungApiDoesNotHangItsAgents() {
    Program api = api();
    Program agent = readyAgent(api);
    api.signal("STOP");
    agent.write("save soon");
    agent.awaitLine("failed save soon UNAVAILABLE", SOON);
    api.signal("CONT");

    agent.does("save");
    // It may have missed the agent while it stood still.
    await().atMost(SOON).until(() -> {
      agent.does("nodes");
      return Lab.last(agent, "nodes ").equals("nodes node-1=READY");
    });
  }

  @Test
  void listensOnTheConfiguredAddressOnly() throws IOException {
    Program api = api();
    Program agent = readyAgent(api);

    assertThat(sockets(agent.process.pid())).containsExactly("tcp " + nodeAddress);
    assertThat(sockets(api.process.pid())).containsExactly("tcp " + apiAddress);
  }

  @Test
  @Requires(Requirement.ROOT)
  void refusesARealAddressUnlessItsNamespaceIsKnownToBeItsOwn() throws IOException {
    Path first = Path.of("/proc/1/ns/net");
    Program outside = host.outside("node-1", "192.0.2.1:5679");
    outside.awaitLine("refused UNSUPPORTED", SOON);

    Program inside = host.isolated("node-1", "192.0.2.1:5679", "plaintext-isolated");
    // Some hosts let not even root look at process 1, and then nothing is known.
    inside.awaitLine(
        Preconditions.notIsolated(host.namespace(), first).isEmpty()
            ? "ready"
            : "refused UNSUPPORTED",
        SOON);

    assertThat(Preconditions.notIsolated(host.namespace(), Path.of("/proc/self/ns/net")))
        .isEmpty();
  }

  @Test
  @Requires(Requirement.ROOT)
  void anAddressThatIsNotThereIsSaidSo() {
    Program inside = host.isolated("node-1", "192.0.2.1:5679", "plaintext-anywhere");
    inside.awaitLine("ready", SOON);
    inside.write("join");

    inside.awaitLine("failed join UNAVAILABLE", SOON);
  }

  /** Lists what a process listens on, from its network namespace's tables. */
  private static Set<String> sockets(long pid) throws IOException {
    Set<String> inodes = new HashSet<>();
    try (Stream<Path> descriptors = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      for (Path descriptor : descriptors.toList()) {
        String target = target(descriptor);
        if (target.startsWith("socket:[")) {
          inodes.add(target.substring(8, target.length() - 1));
        }
      }
    }
    Set<String> listening = new TreeSet<>();
    for (String table : List.of("tcp", "tcp6", "udp", "udp6", "raw", "raw6")) {
      Path file = Path.of("/proc/" + pid + "/net/" + table);
      List<String> rows =
          Files.readString(file, StandardCharsets.US_ASCII).lines().toList();
      for (String row : rows.subList(1, rows.size())) {
        String[] columns = row.trim().split("\\s+", -1);
        boolean passive = !table.startsWith("tcp") || columns[3].equals("0A"); // TCP_LISTEN
        if (passive && inodes.contains(columns[9])) {
          listening.add(table.replace("6", "") + " " + decode(columns[1]));
        }
      }
    }
    return listening;
  }

  private static String target(Path descriptor) throws IOException {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (NoSuchFileException e) {
      return ""; // it has just been closed
    }
  }

  /** Reads what tcp4_seq_show and tcp6_seq_show print, net/ipv4/tcp_ipv4.c: words in host order. */
  private static String decode(String printed) {
    String[] parts = printed.split(":", -1);
    String word = parts[0].substring(parts[0].length() - 8); // of an IPv6 socket, the mapped part
    if (parts[0].length() == 32 && !parts[0].startsWith("0000000000000000FFFF0000")) {
      return parts[0] + ":" + Integer.parseInt(parts[1], 16);
    }
    List<String> octets = new ArrayList<>();
    for (int i = 6; i >= 0; i -= 2) {
      octets.add(String.valueOf(Integer.parseInt(word.substring(i, i + 2), 16)));
    }
    return String.join(".", octets) + ":" + Integer.parseInt(parts[1], 16);
  }
}
