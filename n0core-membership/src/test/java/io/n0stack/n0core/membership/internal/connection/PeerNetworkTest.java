package io.n0stack.n0core.membership.internal.connection;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.membership.AtomixMembership;
import io.n0stack.n0core.membership.Host;
import io.n0stack.n0core.membership.HostPort;
import io.n0stack.n0core.membership.MembershipConfig;
import io.n0stack.n0core.membership.TestCertificates;
import io.n0stack.n0core.membership.Timings;
import io.n0stack.n0core.membership.Transport;
import io.n0stack.n0core.membership.internal.identity.Claims;
import io.n0stack.n0core.membership.internal.identity.Credentials;
import io.n0stack.n0core.membership.internal.identity.Peer;
import io.n0stack.n0core.membership.internal.identity.Peer.Role;
import io.n0stack.n0core.membership.internal.identity.Refused;
import io.n0stack.n0core.membership.internal.identity.Refused.Reason;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeerNetworkTest {
  private static final Duration SOON = Duration.ofSeconds(30);

  @TempDir
  Path directory;

  private final TestCertificates authority = new TestCertificates("authority");
  private final List<PeerNetwork> opened = new ArrayList<>();
  private int boots;

  @AfterEach
  void stop() {
    opened.forEach(one -> assertThat(one.stop()).succeedsWithin(SOON));
  }

  private PeerNetwork open(String name, Transport transport, Role role) {
    MembershipConfig config = MembershipConfig.of(name, Host.address(1 + boots), transport);
    Peer self = new Peer(name, "b" + boots++, config.listen(), role);
    PeerNetwork network = new PeerNetwork(
        config,
        () -> self,
        Credentials.of(transport),
        new Claims(config.timings(), System::nanoTime));
    opened.add(network);
    assertThat(network.start()).succeedsWithin(SOON);
    network.serve(
        "echo",
        (from, payload) -> CompletableFuture.completedFuture(
            (from.name() + ":" + new String(payload, US_ASCII)).getBytes(US_ASCII)));
    return network;
  }

  private Transport certificate(String name) {
    return authority.issue(directory.resolve(name), "n0core://node/" + name);
  }

  private Transport secret(String text) throws IOException {
    Path file = directory.resolve("secret-" + text.hashCode());
    Files.deleteIfExists(file);
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    Files.writeString(file, text);
    return Transport.sharedSecret(file);
  }

  private static String echo(PeerNetwork from, PeerNetwork to, String text) {
    byte[] answer =
        from.request(to.self().address(), "echo", text.getBytes(US_ASCII), SOON).join();
    return new String(answer, US_ASCII);
  }

  private static Throwable failure(PeerNetwork from, PeerNetwork to) {
    try {
      from.request(to.self().address(), "echo", new byte[0], SOON).get(60, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      return requireNonNull(e.getCause());
    } catch (InterruptedException | TimeoutException e) {
      throw new AssertionError(e);
    }
    throw new AssertionError("it was let in");
  }

  private static void assertRefused(PeerNetwork from, PeerNetwork to, Reason reason, String why) {
    assertThat(failure(from, to))
        .isInstanceOfSatisfying(
            Refused.class, refused -> assertThat(refused.reason()).isEqualTo(reason))
        .hasMessageContaining(why);
  }

  @Test
  void membersWithCertificatesOfTheirNamesSpeak() {
    PeerNetwork one = open("node-1", certificate("node-1"), Role.NODE);
    PeerNetwork two = open("node-2", certificate("node-2"), Role.NODE);

    assertThat(echo(one, two, "hello")).isEqualTo("node-1:hello");
    assertThat(echo(two, one, "hello")).isEqualTo("node-2:hello");
    await().atMost(SOON).until(() -> one.strangers() == 0 && two.strangers() == 0);
  }

  @Test
  void nobodySpeaksUnderAnothersName() {
    PeerNetwork one = open("node-1", certificate("node-1"), Role.NODE);
    PeerNetwork thief = open("node-3", certificate("node-2"), Role.NODE);

    assertRefused(thief, one, Reason.CERTIFICATE, "n0core://node/node-3");
    assertRefused(one, thief, Reason.CERTIFICATE, "n0core://node/node-3");
  }

  @Test
  void aNodesCertificateDoesNotMakeARegistry() {
    PeerNetwork one = open("node-1", certificate("node-1"), Role.NODE);
    PeerNetwork liar = open("api-1", certificate("api-1"), Role.REGISTRY);
    Transport files = authority.issue(directory.resolve("real"), "n0core://registry/api-2");
    PeerNetwork registry = open("api-2", files, Role.REGISTRY);

    assertRefused(liar, one, Reason.CERTIFICATE, "n0core://registry/api-1");
    assertThat(echo(one, registry, "hi")).isEqualTo("node-1:hi");
    assertThat(one.ask(registry.self().address(), "echo", new byte[0], SOON)).succeedsWithin(SOON);
    assertThat(registry.ask(one.self().address(), "echo", new byte[0], SOON))
        .failsWithin(SOON)
        .withThrowableOfType(ExecutionException.class)
        .withMessageContaining("does not answer for node records");
  }

  @Test
  void certificatesOfAnotherAuthorityOrOfThePastAreNotLetIn() {
    PeerNetwork one = open("node-1", certificate("node-1"), Role.NODE);
    TestCertificates other = new TestCertificates("authority"); // of the same name
    PeerNetwork stranger =
        open("node-2", other.issue(directory.resolve("other"), "n0core://node/node-2"), Role.NODE);
    PeerNetwork late = open(
        "node-4", authority.expired(directory.resolve("late"), "n0core://node/node-4"), Role.NODE);
    PeerNetwork plain = open("node-5", Transport.PLAINTEXT_ANYWHERE, Role.NODE);

    for (PeerNetwork outsider : List.of(stranger, late, plain)) {
      assertThat(failure(outsider, one)).isNotInstanceOf(Refused.class);
      assertThat(failure(one, outsider)).isNotInstanceOf(Refused.class);
    }
    await().atMost(SOON).until(() -> one.strangers() == 0);
  }

  @Test
  void changedCertificatesAreUsedWithoutARestart() {
    PeerNetwork one = open("node-1", certificate("node-1"), Role.NODE);
    PeerNetwork two = open("node-2", certificate("node-2"), Role.NODE);
    AtomicInteger key = new AtomicInteger();
    two.serve("key", (from, payload) -> {
      key.set(from.identityKey().orElseThrow().hashCode());
      return CompletableFuture.completedFuture(payload);
    });
    assertThat(one.request(two.self().address(), "key", new byte[0], SOON)).succeedsWithin(SOON);
    int before = key.get();

    certificate("node-1");
    await().atMost(SOON).untilAsserted(() -> {
      one.tend();
      two.tend();
      assertThat(one.request(two.self().address(), "key", new byte[0], SOON)).succeedsWithin(SOON);
      assertThat(key.get()).isNotEqualTo(before);
    });
    assertThat(echo(two, one, "still")).isEqualTo("node-2:still");
  }

  @Test
  void aHalfWrittenRotationIsNotUsed() throws IOException {
    Transport.MutualTls files = (Transport.MutualTls) certificate("node-1");
    Credentials credentials = Credentials.of(files);
    Files.writeString(files.certificates(), "-----BEGIN CERTIFICATE-----\nMIIB");

    credentials.refresh();
    assertThat(credentials.generation()).isZero();
    certificate("node-1");
    credentials.refresh();
    assertThat(credentials.generation()).isEqualTo(1);
  }

  @Test
  void aCertificateThatIsNotOfThisMemberIsSaidSoAtTheStart() {
    MembershipConfig config = MembershipConfig.of("node-1", Host.address(1), certificate("node-2"));

    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> AtomixMembership.open(config))
        .withMessageContaining("n0core://node/node-1")
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
  }

  @Test
  void filesThatCannotBeUsedAreNamed() throws IOException {
    Transport.MutualTls files = (Transport.MutualTls) certificate("node-1");
    Transport.MutualTls others = (Transport.MutualTls) certificate("node-2");
    Path readable = directory.resolve("readable");
    Files.writeString(readable, Files.readString(files.key()));
    Path encrypted = directory.resolve("encrypted");
    Files.copy(files.key(), encrypted);
    Files.setPosixFilePermissions(encrypted, PosixFilePermissions.fromString("rw-------"));
    Files.writeString(encrypted, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");

    assertUnusable(files.certificates(), others.key(), "not another");
    assertUnusable(files.certificates(), readable, "readable by others");
    assertUnusable(files.certificates(), encrypted, "pkcs8 -topk8");
    assertUnusable(files.certificates(), directory.resolve("none"), "can be read");
    assertUnusable(files.key(), files.key(), "certificate");
    assertThatExceptionOfType(N0Exception.class).isThrownBy(() -> Credentials.of(secret("short")));
  }

  private static void assertUnusable(Path certificates, Path key, String why) {
    Transport transport = Transport.mutualTls(certificates, key, certificates);
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(() -> Credentials.of(transport))
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID))
        .withMessageContaining(why);
  }

  @Test
  void membersWithTheSameSecretSpeakAndOthersDoNot() throws IOException {
    PeerNetwork one = open("node-1", secret("0123456789abcdef\n"), Role.NODE);
    PeerNetwork two = open("node-2", secret("0123456789abcdef"), Role.NODE);
    PeerNetwork other = open("node-3", secret("0123456789abcdeg"), Role.NODE);
    PeerNetwork plain = open("node-4", Transport.PLAINTEXT_ANYWHERE, Role.NODE);

    assertThat(echo(one, two, "x".repeat(120 << 10))).startsWith("node-1:xxx");
    two.serve("list", (from, payload) -> CompletableFuture.completedFuture(new byte[1 << 20]));
    assertThat(one.request(two.self().address(), "list", new byte[0], SOON).join())
        .hasSize(1 << 20);
    assertThat(failure(other, one)).isInstanceOf(IOException.class);
    assertThat(failure(one, other)).isInstanceOf(IOException.class);
    assertThat(failure(plain, one)).isInstanceOf(IOException.class);
  }

  @Test
  void clustersAndNamesInUseAreKeptApart() {
    PeerNetwork one = open("node-1", Transport.PLAINTEXT_ISOLATED, Role.NODE);
    PeerNetwork two = open("node-2", Transport.PLAINTEXT_ISOLATED, Role.NODE);
    PeerNetwork again = open("node-2", Transport.PLAINTEXT_ISOLATED, Role.NODE);
    PeerNetwork same = open("node-1", Transport.PLAINTEXT_ISOLATED, Role.NODE);
    assertThat(echo(two, one, "first")).isEqualTo("node-2:first");

    assertRefused(again, one, Reason.DUPLICATE, two.self().address().toString());
    assertRefused(same, one, Reason.DUPLICATE, "in use by this member");
    assertThat(echo(two, one, "still")).isEqualTo("node-2:still");
  }

  @Test
  void aRequestThatNobodyAnswersEndsInTime() {
    PeerNetwork one = open("node-1", Transport.PLAINTEXT_ISOLATED, Role.NODE);
    PeerNetwork two = open("node-2", Transport.PLAINTEXT_ISOLATED, Role.NODE);
    two.serve("never", (from, payload) -> new CompletableFuture<>());

    assertThat(one.request(two.self().address(), "never", new byte[0], Duration.ofMillis(200)))
        .failsWithin(SOON)
        .withThrowableOfType(ExecutionException.class)
        .withCauseInstanceOf(TimeoutException.class);
    assertThat(one.request(two.self().address(), "nothing", new byte[0], SOON)).failsWithin(SOON);
    assertThat(one.request(two.self().address(), "echo", new byte[2 << 20], SOON))
        .failsWithin(SOON);
    assertThat(echo(one, two, "after")).isEqualTo("node-1:after");
  }

  @Test
  void strangersTakeLittleAndNotForLong() throws IOException {
    PeerNetwork one = open("node-1", certificate("node-1"), Role.NODE);
    PeerNetwork two = open("node-2", certificate("node-2"), Role.NODE);
    HostPort address = one.self().address();
    List<Socket> sockets = new ArrayList<>();
    try {
      for (int i = 0; i < 3 * Gate.MOST_OF_ONE; i++) {
        sockets.add(new Socket(address.host(), address.port()));
      }
      await().until(() -> one.strangers() == Gate.MOST_OF_ONE);
      assertThat(echo(two, one, "in spite of it")).isEqualTo("node-2:in spite of it");
      await().atMost(SOON).until(() -> one.strangers() == 0);
    } finally {
      for (Socket socket : sockets) {
        socket.close();
      }
    }
  }

  @Test
  void oneThatAsksALotAtOnceIsToldToWait() {
    PeerNetwork one = open("node-1", Transport.PLAINTEXT_ISOLATED, Role.NODE);
    PeerNetwork two = open("node-2", Transport.PLAINTEXT_ISOLATED, Role.NODE);
    CompletableFuture<byte[]> later = new CompletableFuture<>();
    AtomicInteger asked = new AtomicInteger();
    two.serve("later", (from, payload) -> {
      asked.incrementAndGet();
      return later.thenApply(answer -> answer);
    });
    byte[] payload = new byte[100 << 10];
    List<CompletableFuture<byte[]>> answers = new ArrayList<>();
    for (int i = 0; i < 1000; i++) {
      answers.add(one.request(two.self().address(), "later", payload, SOON));
    }
    await().atMost(SOON).until(() -> answers.stream().anyMatch(CompletableFuture::isDone));
    later.complete(new byte[0]);

    await().atMost(SOON).until(() -> answers.stream().allMatch(CompletableFuture::isDone));
    assertThat(asked).hasValueBetween(1, 1000 - 1);
    assertThat(answers).anyMatch(answer -> !answer.isCompletedExceptionally());
    assertThat(answers).anyMatch(CompletableFuture::isCompletedExceptionally);
    assertThat(echo(one, two, "after")).isEqualTo("node-1:after");
  }

  @Test
  void malformedFramesEndTheirConnectionAndNothingElse() throws IOException {
    PeerNetwork one = open("node-1", Transport.PLAINTEXT_ISOLATED, Role.NODE);
    byte[] frameOfNothing = {0, 0, 0, 1, 99};
    byte[] proofFirst = {0, 0, 0, 1, 1};
    for (byte[] bytes : List.of(
        new byte[] {0x7f, -1, -1, -1, 0},
        new byte[] {-1, -1, -1, -1, 0},
        new byte[] {0, 0, 0, 0},
        new byte[] {0, 0, 4, 1, 0},
        "GET / HTTP/1.1\r\n\r\n".getBytes(US_ASCII),
        frameOfNothing,
        proofFirst)) {
      try (Socket socket =
          new Socket(one.self().address().host(), one.self().address().port())) {
        socket.setSoTimeout(30_000);
        socket.getOutputStream().write(bytes);
        assertThat(socket.getInputStream().read()).isEqualTo(-1);
      }
    }
    PeerNetwork two = open("node-2", Transport.PLAINTEXT_ISOLATED, Role.NODE);
    assertThat(echo(two, one, "still")).isEqualTo("node-2:still");
  }

  @Test
  void replayedAndForgedFramesAreNotHeard() throws Exception {
    Transport shared = secret("0123456789abcdef");
    PeerNetwork one = open("node-1", shared, Role.NODE);
    PeerNetwork two = open("node-2", shared, Role.NODE);
    AtomicInteger heard = new AtomicInteger();
    one.serve("count", (from, payload) -> {
      heard.incrementAndGet();
      return CompletableFuture.completedFuture(payload);
    });
    try (ServerSocket between = new ServerSocket(0)) {
      HostPort proxy = new HostPort("127.0.0.1", between.getLocalPort());
      CompletableFuture<byte[]> asked = two.request(proxy, "count", new byte[3], SOON);
      List<byte[]> recorded = new ArrayList<>();
      try (Socket client = between.accept();
          Socket server =
              new Socket(one.self().address().host(), one.self().address().port())) {
        DataInputStream fromClient = new DataInputStream(client.getInputStream());
        DataInputStream fromServer = new DataInputStream(server.getInputStream());
        for (int i = 0; i < 3; i++) { // greeting, proof, request and what comes back
          byte[] frame = frame(fromClient);
          recorded.add(frame);
          write(server, frame);
          write(client, frame(fromServer));
        }
        assertThat(asked).succeedsWithin(SOON);
        assertThat(heard).hasValue(1);

        write(server, recorded.get(2)); // the same once more
        assertThat(fromServer.read()).isEqualTo(-1);
      }
      assertThat(replay(one, recorded, recorded.get(2))).isEqualTo(-1);
      byte[] forged = recorded.get(1).clone();
      forged[forged.length - 1] ^= 1;
      assertThat(replay(one, recorded, forged)).isEqualTo(-1);
    }
    assertThat(heard).hasValue(1);
    assertThat(echo(two, one, "still")).isEqualTo("node-2:still");
  }

  /** Sends what was recorded to a new connection; returns what comes after the greeting. */
  private static int replay(PeerNetwork to, List<byte[]> recorded, byte[] then) throws IOException {
    try (Socket socket =
        new Socket(to.self().address().host(), to.self().address().port())) {
      socket.setSoTimeout(30_000);
      DataInputStream in = new DataInputStream(socket.getInputStream());
      write(socket, recorded.get(0));
      assertThat(frame(in)).isNotEmpty();
      write(socket, then);
      return in.read();
    }
  }

  private static byte[] frame(DataInputStream in) throws IOException {
    byte[] frame = new byte[in.readInt()];
    in.readFully(frame);
    return frame;
  }

  private static void write(Socket socket, byte[] frame) throws IOException {
    DataOutputStream out = new DataOutputStream(socket.getOutputStream());
    out.writeInt(frame.length);
    out.write(frame);
    out.flush();
  }

  @Test
  void aConnectionIsKeptForAsLongAsARoundOfProbesTakes() {
    Duration seconds = Duration.ofSeconds(3);
    Duration often = Duration.ofMillis(50);
    Timings quick = new Timings(often, Duration.ofSeconds(1), seconds, often);
    Timings slow = new Timings(seconds, seconds, seconds, seconds);

    assertThat(PeerNetwork.idle(Timings.DEFAULT)).isEqualTo(Duration.ofMinutes(5));
    assertThat(PeerNetwork.idle(quick)).isEqualTo(Duration.ofMinutes(5));
    assertThat(PeerNetwork.idle(slow)).isEqualTo(Duration.ofMinutes(30));
  }
}
