package io.n0stack.n0core.examples.nodeapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.node.Node;
import io.n0stack.n0core.api.node.NodeState;
import io.n0stack.n0core.membership.AtomixMembership;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.NodeRegistryClient;
import io.n0stack.n0core.membership.Transport;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NodeApiIT {
  private static final Duration SOON = Duration.ofSeconds(30);
  /** Not where connections begin: no port that is chosen here is given to one before it is listened on. */
  private static final String OWN = "127.0.3.1";

  @TempDir
  Path directory;

  private final List<Process> processes = new ArrayList<>();
  private final Set<String> chosen = new HashSet<>();
  private String apiAddress = "";
  private Path secret = Path.of("/unset");
  private Node node = Node.builder("node-1", "unset:1").build();

  @BeforeEach
  void chooseAddresses() throws IOException {
    apiAddress = free();
    node = Node.builder("node-1", free()).build();
    secret = Files.createFile(
        directory.resolve("secret"),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(secret, "a secret of this test alone");
  }

  @AfterEach
  void killAll() {
    processes.forEach(Process::destroyForcibly);
    processes.forEach(p -> assertThat(p.onExit()).succeedsWithin(Duration.ofSeconds(10)));
  }

  private String free() throws IOException {
    while (true) {
      try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getByName(OWN))) {
        String address = OWN + ":" + socket.getLocalPort();
        if (chosen.add(address)) { // the kernel may choose one again that was let go
          return address;
        }
      }
    }
  }

  private Process api(Path out, String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx96m", "-jar", "target/node-api.jar"));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command)
        .redirectOutput(out.toFile())
        .redirectError(directory.resolve("err").toFile())
        .start();
    processes.add(process);
    return process;
  }

  private Process api(Path out) throws IOException {
    String state = directory.resolve("state").toString();
    return api(
        out,
        "--name",
        "api-1",
        "--listen",
        apiAddress,
        "--transport",
        "secret:" + secret,
        "--state",
        state);
  }

  private static void awaitLines(Path out, String... lines) {
    await().atMost(SOON).untilAsserted(() -> assertThat(Files.readAllLines(out)).contains(lines));
  }

  @Test
  void printsTheLifeOfANodeAndRemembersItOverARestart() throws IOException {
    Path first = directory.resolve("first");
    Process api = api(first);
    awaitLines(first, "api-1 listening on " + apiAddress);
    MembershipConfig config = MembershipConfig.of(
            "node-1", node.address(), Transport.sharedSecret(secret))
        .withSeeds(apiAddress);
    try (AtomixMembership agent = AtomixMembership.open(config)) {
      NodeRegistryClient registry = NodeRegistryClient.of(agent);
      registry.saveSelf(node);
      agent.join();
      awaitLines(first, "node-1 UNKNOWN", "node-1 READY");

      api.destroy();
      assertThat(api.onExit()).succeedsWithin(SOON);
      assertThat(api.exitValue()).isEqualTo(143); // 128 + SIGTERM, after closing in order

      Path second = directory.resolve("second");
      api(second);
      awaitLines(second, "node-1 UNKNOWN", "node-1 READY");
      assertThat(registry.find("node-1").orElseThrow().state()).isEqualTo(NodeState.READY);

      registry.remove("node-1");
      agent.leave();
      awaitLines(second, "node-1 UNREGISTERED", "node-1 ABSENT");
    }
  }

  @Test
  @Requires(Requirement.ETCD)
  void twoShareTheirRecordsByEtcdAndOutliveOneOfItsMembers() throws Exception {
    Path certificate = selfSigned();
    List<Process> members = new ArrayList<>();
    String etcd = etcd(certificate, members);
    String otherAddress = free();
    String[] first = sharing("api-1", apiAddress, otherAddress, etcd, certificate);
    Path one = directory.resolve("one");
    Path two = directory.resolve("two");
    Process api = api(one, first);
    api(two, sharing("api-2", otherAddress, apiAddress, etcd, certificate));
    awaitLines(one, "api-1 listening on " + apiAddress);
    awaitLines(two, "api-2 listening on " + otherAddress);
    MembershipConfig config = MembershipConfig.of(
            "node-1", node.address(), Transport.sharedSecret(secret))
        .withSeeds(apiAddress, otherAddress);
    try (AtomixMembership agent = AtomixMembership.open(config)) {
      NodeRegistryClient registry = NodeRegistryClient.of(agent);
      registry.saveSelf(node);
      agent.join();
      awaitLines(one, "node-1 READY");
      awaitLines(two, "node-1 READY");

      Node changed =
          Node.builder("node-1", node.address()).label("changed", "true").build();
      members.get(0).destroyForcibly();
      api.destroyForcibly();
      assertThat(api.onExit()).succeedsWithin(SOON);
      await()
          .atMost(SOON)
          .ignoreExceptionsInstanceOf(N0Exception.class) // until another member leads
          .until(() -> {
            registry.saveSelf(changed);
            return true;
          });

      Path again = directory.resolve("again");
      api(again, first);
      awaitLines(again, "node-1 READY");
      assertThat(registry.find("node-1").orElseThrow().node().labels())
          .containsEntry("changed", "true");
      agent.leave();
    }
  }

  private String[] sharing(
      String name, String address, String other, String etcd, Path certificate) {
    String tls = certificate + "," + directory.resolve("etcd.key") + "," + certificate;
    return new String[] {
      "--name",
      name,
      "--listen",
      address,
      "--seeds",
      other,
      "--transport",
      "secret:" + secret,
      "--etcd",
      etcd,
      "--etcd-tls",
      tls
    };
  }

  /** Starts three members and returns where they listen. */
  private String etcd(Path certificate, List<Process> members) throws IOException {
    List<String> clients = List.of(free(), free(), free());
    List<String> peers = List.of(free(), free(), free());
    String all = String.format(
        "m0=http://%s,m1=http://%s,m2=http://%s", peers.get(0), peers.get(1), peers.get(2));
    for (int i = 0; i < 3; i++) {
      String client = "https://" + clients.get(i);
      String peer = "http://" + peers.get(i);
      List<String> command = new ArrayList<>(List.of("etcd", "--name", "m" + i));
      command.addAll(List.of("--data-dir", directory.resolve("m" + i).toString()));
      command.addAll(List.of("--listen-client-urls", client, "--advertise-client-urls", client));
      command.addAll(List.of("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer));
      command.addAll(List.of("--initial-cluster", all, "--client-cert-auth"));
      command.addAll(
          List.of("--cert-file", certificate + "", "--trusted-ca-file", certificate + ""));
      command.addAll(List.of("--key-file", directory.resolve("etcd.key").toString()));
      Process member = new ProcessBuilder(command)
          .redirectErrorStream(true)
          .redirectOutput(directory.resolve("etcd" + i).toFile())
          .start();
      members.add(member);
      processes.add(member);
    }
    return String.join(",", clients);
  }

  /** Makes a certificate that is its own authority, of members and clients alike. */
  private Path selfSigned() throws IOException, InterruptedException {
    Path certificate = directory.resolve("etcd.pem");
    Process openssl = new ProcessBuilder(
            "openssl",
            "req",
            "-x509",
            "-days",
            "2",
            "-nodes",
            "-subj",
            "/CN=etcd",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-addext",
            "subjectAltName=IP:" + OWN,
            "-keyout",
            directory.resolve("etcd.key").toString(),
            "-out",
            certificate.toString())
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("openssl").toFile())
        .start();
    assertThat(openssl.waitFor())
        .as(Files.readString(directory.resolve("openssl")))
        .isZero();
    return certificate;
  }

  @Test
  void doesNotChooseATransportByItself() throws IOException {
    String state = directory.resolve("state").toString();
    Process api =
        api(directory.resolve("out"), "--name", "api-1", "--listen", apiAddress, "--state", state);

    assertThat(api.onExit()).succeedsWithin(SOON);
    assertThat(api.exitValue()).isEqualTo(1);
    assertThat(Files.readString(directory.resolve("err"))).contains("--transport is missing");
  }

  @Test
  void doesNotChooseAmongTwoStoresByItself() throws IOException {
    String state = directory.resolve("state").toString();
    Process api = api(directory.resolve("out"), "--state", state, "--etcd", "127.0.0.1:2379");

    assertThat(api.onExit()).succeedsWithin(SOON);
    assertThat(api.exitValue()).isEqualTo(1);
    assertThat(Files.readString(directory.resolve("err"))).contains("--state DIRECTORY | --etcd");
  }

  @Test
  void saysWhatIsWrongAndFails() throws IOException {
    Path out = directory.resolve("out");
    Process api = api(
        out,
        "--name",
        "api-1",
        "--listen",
        "192.0.2.1:5679",
        "--transport",
        "plaintext-isolated",
        "--state",
        "" + directory);

    assertThat(api.onExit()).succeedsWithin(SOON);
    assertThat(api.exitValue()).isEqualTo(1);
    assertThat(Files.readString(directory.resolve("err"))).contains("PLAINTEXT_ANYWHERE");
  }
}
