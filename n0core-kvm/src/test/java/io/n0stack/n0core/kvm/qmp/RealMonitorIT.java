package io.n0stack.n0core.kvm.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.kvm.internal.LibC;
import io.n0stack.n0core.tck.Repetition;
import io.n0stack.n0core.tck.Requirement;
import io.n0stack.n0core.tck.Requires;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

@Requires(Requirement.QEMU)
class RealMonitorIT {
  private static final Logger LOG = LoggerFactory.getLogger(RealMonitorIT.class);
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final int DEATHS = 20;
  private static final long O_CLOEXEC = 02000000; // fcntl.h
  private static final Pattern FLAGS = Pattern.compile("flags:\\s*([0-7]+)");

  @TempDir
  Path directory;

  private Process qemu;
  private Path socket;
  private Path rescue;

  @BeforeEach
  void startQemu() throws IOException {
    socket = directory.resolve("qmp");
    rescue = directory.resolve("rescue");
    qemu = new ProcessBuilder(
            "qemu-system-x86_64",
            "-M",
            "none",
            "-display",
            "none",
            "-S",
            "-nodefaults",
            "-qmp",
            "unix:" + socket + ",server=on,wait=off",
            "-qmp",
            "unix:" + rescue + ",server=on,wait=off")
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
        .start();
    await().until(() -> Files.exists(rescue));
  }

  @AfterEach
  void stopQemu() throws InterruptedException {
    qemu.destroyForcibly().waitFor();
  }

  @Test
  void theSchemaIsUnderstoodAndCommandsAreCheckedByIt() {
    try (QmpClient client = QmpClient.connect(socket, LIMIT)) {
      QmpSchema schema = QmpSchema.of(client, LIMIT);
      assertThat(schema.commands()).hasSizeGreaterThan(150).contains("blockdev-add");
      assertThat(schema.events()).hasSizeGreaterThan(40).contains("DEVICE_DELETED");
      assertThat(schema.supports("blockdev-mirror.copy-mode=write-blocking")).isTrue();
      assertThat(schema.supports("blockdev-add.driver=qcow2")).isTrue();
      assertThat(schema.supports("blockdev-add.file.filename")).isTrue();
      assertThat(schema.supports("query-status().status=running")).isTrue();
      assertThat(schema.supports("blockdev-mirror.copy-mode=never")).isFalse();

      QmpClient checked = client.withSchema(schema);
      Map<String, Object> node = Map.of(
          "driver",
          "raw",
          "node-name",
          "root",
          "file",
          Map.of("driver", "null-co", "size", 1L << 20));
      assertThat(checked.execute("blockdev-add", node).find("/x")).isEmpty();
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> checked.execute("blockdev-add", Map.of("driver", "raw", "fil", "x")))
          .withMessageContaining("blockdev-add.f");
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> checked.execute("no-such-command"))
          .isNotInstanceOf(QmpException.class)
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED));
      assertThat(checked.execute("query-status").text("/status")).isEqualTo("prelaunch");
    }
  }

  @Test
  void aProgramsSchemaIsAskedForOnce() throws IOException {
    Path program = directory.resolve("program");
    Files.writeString(program, "1");
    QmpSchemas first = QmpSchemas.in(directory);
    try (QmpClient client = QmpClient.connect(socket, LIMIT)) {
      QmpSchema schema = first.of(program, client, LIMIT);
      assertThat(first.of(program, client, LIMIT)).isSameAs(schema);
      assertThat(kept()).hasSize(1);

      Files.writeString(program, "another size");
      assertThat(first.of(program, client, LIMIT)).isNotSameAs(schema);
      assertThat(kept()).hasSize(2);
    }
  }

  private List<Path> kept() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.filter(file -> file.toString().endsWith(".json")).toList();
    }
  }

  @Test
  void aSpoiledFileIsReplacedAndASoundOneIsUsed() throws IOException {
    Path program = Files.writeString(directory.resolve("program"), "1");
    try (QmpClient client = QmpClient.connect(socket, LIMIT)) {
      QmpSchemas.in(directory).of(program, client, LIMIT);
      Path file = kept().get(0);
      Files.writeString(file, "{\"return\": [");
      assertThat(QmpSchemas.in(directory).of(program, client, LIMIT).supports("stop"))
          .isTrue();

      Files.write(file, QmpSchemaTest.LINE);
      assertThat(QmpSchemas.in(directory).of(program, client, LIMIT).commands()).contains("plug");
    }
  }

  @Test
  void aRefusalNamesClassAndCommand() {
    try (QmpClient client = QmpClient.connect(socket, LIMIT)) {
      assertThatExceptionOfType(QmpException.class)
          .isThrownBy(() -> client.execute("no-such-command", LIMIT))
          .satisfies(e -> assertThat(e.errorClass()).isEqualTo("CommandNotFound"));
    }
  }

  @Test
  void commandsFromManyThreadsGetTheirOwnReplies() {
    try (QmpClient client = QmpClient.connect(socket, LIMIT)) {
      assertThat(IntStream.range(0, 400)
              .parallel()
              .allMatch(i -> i % 2 == 0
                  ? client.execute("query-status", LIMIT).find("/status").isPresent()
                  : client.execute("query-name", LIMIT).find("/status").isEmpty()))
          .isTrue();
    }
  }

  @Test
  void aMonitorThatAStrangerHoldsIsBusyUntilHeGoesAndTheOtherIsNot() {
    QmpOptions hasty = QmpOptions.defaults().withTimes(Duration.ofMillis(300), LIMIT);
    try (QmpClient stranger = QmpClient.connect(socket, LIMIT)) {
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> QmpClient.connect("web1", socket, hasty))
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
      try (QmpClient other = QmpClient.connect(rescue, LIMIT)) {
        assertThat(other.execute("query-status").text("/status")).isEqualTo("prelaunch");
      }
      assertThat(stranger.execute("query-status").text("/status")).isEqualTo("prelaunch");
    }
    try (QmpClient next = QmpClient.connect(socket, LIMIT)) {
      assertThat(next.execute("query-status").text("/status")).isEqualTo("prelaunch");
    }
  }

  @Test
  void aStoppedQemuIsBusyAndAnsweredOnceItGoesOn() throws Exception {
    try (QmpClient client = QmpClient.connect(socket, LIMIT)) {
      signal("STOP");
      CompletableFuture<QmpResult> answer = client.submit("query-status", Map.of(), LIMIT);
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> QmpClient.connect(
              "web1", rescue, QmpOptions.defaults().withTimes(Duration.ofMillis(200), LIMIT)))
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.BUSY));
      signal("CONT");
      assertThat(answer.get().text("/status")).isEqualTo("prelaunch");
    }
  }

  private void signal(String name) throws IOException, InterruptedException {
    assertThat(new ProcessBuilder("sh", "-c", "kill -" + name + " " + qemu.pid())
            .inheritIO()
            .start()
            .waitFor())
        .isZero();
  }

  @Test
  void theRepliesToAClientThatWasKilledAreNotTakenByTheNext() throws Exception {
    long strangers = 0;
    int deaths = Repetition.of(DEATHS);
    for (int i = 0; i < deaths || strangers == 0; i++) {
      assertThat(i).as("deaths without a reply left behind").isLessThan(20 * DEATHS);
      if (i == 0) {
        killOne();
      } else {
        QmpClient dying = QmpClient.connect("dying", socket, LIMIT);
        List<CompletableFuture<QmpResult>> sent = new ArrayList<>();
        while (sent.size() < 4) {
          sent.add(dying.submit("query-qmp-schema", Map.of(), LIMIT));
        }
        dying.close(); // to QEMU this is the same
      }
      try (QmpClient next = QmpClient.connect("next", socket, LIMIT)) {
        for (int asked = 0; asked < 5; asked++) {
          assertThat(next.execute("query-status", LIMIT).text("/status")).isEqualTo("prelaunch");
          assertThat(next.execute("query-kvm", LIMIT).flag("/enabled")).isFalse();
        }
        strangers += next.strangers();
      }
    }
    assertThat(qemu.isAlive()).isTrue();
  }

  private void killOne() throws IOException, InterruptedException {
    Process client = new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-cp",
            classPath(),
            OneClient.class.getName(),
            socket.toString())
        .redirectError(ProcessBuilder.Redirect.DISCARD)
        .start();
    assertThat(client.getInputStream().read()).isEqualTo('s');
    client.destroyForcibly().waitFor();
  }

  private static String classPath() {
    return Stream.of("java.class.path", "jdk.module.path", "surefire.test.class.path")
        .map(System::getProperty)
        .filter(path -> path != null && !path.isEmpty())
        .collect(Collectors.joining(
            File.pathSeparator,
            Path.of("target", "test-classes").toAbsolutePath()
                + File.pathSeparator
                + Path.of("target", "classes").toAbsolutePath()
                + File.pathSeparator,
            ""));
  }

  @Test
  void aDescriptorArrivesAndIsOnlyLent() throws Exception {
    Path file = Files.writeString(directory.resolve("file"), "0123456789");
    int descriptor = open(file);
    try (QmpClient client = QmpClient.connect(socket, LIMIT)) {
      client.executeWithDescriptor("getfd", Map.of("fdname", "nic0"), descriptor, LIMIT);
      assertThat(targets(qemu.pid())).contains(file.toRealPath());
      client.execute("closefd", Map.of("fdname", "nic0"), LIMIT);
      assertThat(targets(qemu.pid())).doesNotContain(file.toRealPath());

      QmpResult set =
          client.executeWithDescriptor("add-fd", Map.of("fdset-id", 3), descriptor, LIMIT);
      assertThat(set.number("/fdset-id")).isEqualTo(3);
      Map<String, Object> node = Map.of(
          "driver", "file", "filename", "/dev/fdset/3", "node-name", "root", "read-only", true);
      client.execute("blockdev-add", node, LIMIT);
      assertThat(UnixTransport.isOpen(descriptor)).isTrue();
      assertThat(targets(ProcessHandle.current().pid())).contains(file.toRealPath());
    } finally {
      LibC.INSTANCE.close(descriptor);
    }
    assertThat(targets(qemu.pid())).contains(file.toRealPath()); // a node uses it
  }

  @Test
  void whatWouldLeaveADescriptorBehindIsRefused() throws Exception {
    int descriptor = open(Files.writeString(directory.resolve("file"), "x"));
    try (QmpClient client = QmpClient.connect(socket, LIMIT)) {
      invalid(() -> client.executeWithDescriptor("query-status", Map.of(), descriptor, LIMIT));
      invalid(() -> client.executeWithDescriptor("getfd", Map.of(), descriptor, LIMIT));
      invalid(
          () -> client.executeWithDescriptor("getfd", Map.of("fdname", "1a"), descriptor, LIMIT));
      LibC.INSTANCE.close(descriptor);
      invalid(() -> client.executeWithDescriptor("getfd", Map.of("fdname", "a"), 1_000_000, LIMIT));
      assertThatExceptionOfType(QmpException.class)
          .isThrownBy(() -> client.execute("getfd", Map.of("fdname", "a"), LIMIT));
    }
  }

  private static void invalid(org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatExceptionOfType(N0Exception.class)
        .isThrownBy(call)
        .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.INVALID));
  }

  /** Opens a file under a descriptor whose number is known. */
  private static int open(Path file) throws IOException {
    try (RandomAccessFile opened = new RandomAccessFile(file.toFile(), "r")) {
      assertThat(opened.length()).isPositive();
      for (int number : numbers()) {
        Path link = Path.of("/proc/self/fd/" + number);
        if (Files.exists(link) && Files.isSameFile(link, file)) { // a pipe has no path
          return LibC.INSTANCE.fcntl(number, 0, 100); // F_DUPFD, fcntl.h
        }
      }
    }
    throw new IOException("no descriptor of " + file);
  }

  private static List<Integer> numbers() throws IOException {
    try (Stream<Path> links = Files.list(Path.of("/proc/self/fd"))) {
      return links.map(link -> Integer.valueOf(link.getFileName().toString())).toList();
    }
  }

  private static List<Path> targets(long pid) throws IOException {
    List<Path> targets = new ArrayList<>();
    try (Stream<Path> links = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      for (Path link : links.toList()) {
        try {
          targets.add(Files.readSymbolicLink(link));
        } catch (NoSuchFileException e) {
          LOG.debug("{} is closed", link); // such as the connection of a client that has just gone
        }
      }
    }
    return targets;
  }

  @Test
  void socketsAreNotInherited() throws Exception {
    Map<Path, Long> before = socketFlags();
    try (QmpClient client = QmpClient.connect(socket, LIMIT)) {
      assertThat(client.execute("query-name", LIMIT).find("/x")).isEmpty();
      Map<Path, Long> after = socketFlags();
      after.keySet().removeAll(before.keySet());
      assertThat(after)
          .isNotEmpty()
          .allSatisfy((target, flags) ->
              assertThat(flags & O_CLOEXEC).as(target.toString()).isNotZero());
    }
  }

  private static Map<Path, Long> socketFlags() throws IOException {
    Map<Path, Long> flags = new HashMap<>();
    for (int number : numbers()) {
      Path link = Path.of("/proc/self/fd/" + number);
      if (Files.isSymbolicLink(link)) {
        Path target = Files.readSymbolicLink(link);
        if (target.toString().startsWith("socket:")) {
          String info = Files.readString(Path.of("/proc/self/fdinfo/" + number));
          Matcher line = FLAGS.matcher(info);
          assertThat(line.find()).isTrue();
          flags.put(target, Long.parseLong(line.group(1), 8));
        }
      }
    }
    return flags;
  }

  @Test
  void outOfBandCommandsOvertakeThoseBeforeThem() throws Exception {
    Path deaf = directory.resolve("deaf");
    Map<String, ?> node = Map.of(
        "driver",
        "nbd",
        "node-name",
        "remote",
        "server",
        Map.of("type", "unix", "path", deaf.toString()));
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)
            .bind(UnixDomainSocketAddress.of(deaf));
        QmpClient client = QmpClient.connect(
            "web1", socket, QmpOptions.defaults().withOutOfBand().withTimes(LIMIT, LIMIT))) {
      assertThat(client.outOfBand()).isTrue();
      // QEMU does nothing else before the server has greeted it, which this one never does.
      CompletableFuture<QmpResult> first = client.submit("blockdev-add", node, LIMIT);
      List<CompletableFuture<QmpResult>> behind = new ArrayList<>();
      for (int i = 1; i < 7; i++) {
        behind.add(client.submit("query-qmp-schema", Map.of(), LIMIT));
      }
      // At the eighth QEMU would stop to read, also what is out of band.
      assertThatExceptionOfType(OperationTimeoutException.class)
          .isThrownBy(() -> client.submit("query-status", Map.of(), Duration.ofMillis(50)));

      assertThat(client.executeOutOfBand("query-yank", Map.of(), LIMIT).list(""))
          .isNotEmpty();

      assertThat(first).isNotDone();
      assertThat(behind).noneMatch(CompletableFuture::isDone);
      server.accept().close();
      assertThatThrownBy(first::get).hasCauseInstanceOf(QmpException.class);
      for (CompletableFuture<QmpResult> answer : behind) {
        assertThat(answer.get().list("")).isNotEmpty();
      }
    }
  }

  @Test
  void outOfBandIsRefusedWhereItIsNotPossible() {
    try (QmpClient client = QmpClient.connect(socket, LIMIT)) {
      assertThat(client.outOfBand()).isFalse();
      assertThatExceptionOfType(N0Exception.class)
          .isThrownBy(() -> client.executeOutOfBand("query-yank", Map.of(), LIMIT))
          .satisfies(e -> assertThat(e.code()).isEqualTo(N0Exception.Code.UNSUPPORTED));
      invalid(() -> client.executeOutOfBand("query-status", Map.of(), LIMIT));
    }
  }
}
