package io.n0stack.n0core.storage.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.BlockUse;
import io.n0stack.n0core.api.storage.QemuCapabilities;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** One QEMU process, a storage daemon or a machine, and the way to it. */
final class QemuHost implements BlockMonitor, AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int MONITORS = 4;

  private final ResourceId machine = ResourceId.fresh("machine", "web1");
  private final Path directory;
  private final BlockingQueue<Path> free = new LinkedBlockingQueue<>(); // a monitor has one client
  private final Process process;

  private volatile Optional<QemuCapabilities> capabilities = Optional.empty();

  private QemuHost(Path directory, List<String> command) throws IOException {
    this.directory = directory;
    for (int i = 0; i < MONITORS; i++) {
      Files.deleteIfExists(socket(directory, i));
      free.add(socket(directory, i));
    }
    process = new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("qemu.log").toFile())
        .start();
    await()
        .atMost(LIMIT)
        .pollInterval(Duration.ofMillis(10))
        .until(() -> Files.exists(socket(directory, MONITORS - 1)) || !process.isAlive());
    assertThat(process.isAlive())
        .as("%s", Files.readString(directory.resolve("qemu.log")))
        .isTrue();
  }

  /** Starts a storage daemon with an NBD server, whose clients play the guest. */
  static QemuHost daemon(Path directory) throws IOException {
    List<String> command = new ArrayList<>(List.of(
        "qemu-storage-daemon",
        "--nbd-server",
        "addr.type=unix,addr.path=" + directory.resolve("nbd.sock")));
    for (int i = 0; i < MONITORS; i++) {
      String path = socket(directory, i).toString();
      command.addAll(
          List.of("--chardev", "socket,id=m" + i + ",path=" + path + ",server=on,wait=off"));
      command.addAll(List.of("--monitor", "chardev=m" + i));
    }
    return new QemuHost(directory, command);
  }

  /** Starts a machine without a guest, its processor stopped. */
  static QemuHost machine(Path directory) throws IOException {
    List<String> command = new ArrayList<>(
        List.of("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-S", "-display", "none"));
    command.addAll(List.of("-machine", "q35", "-accel", "tcg", "-m", "64M"));
    command.addAll(List.of("-device", "pcie-root-port,id=port0,chassis=1,addr=1.0"));
    for (int i = 0; i < MONITORS; i++) {
      command.addAll(List.of("-qmp", "unix:" + socket(directory, i) + ",server=on,wait=off"));
    }
    return new QemuHost(directory, command);
  }

  private static Path socket(Path directory, int index) {
    return directory.resolve("qmp" + index + ".sock");
  }

  ResourceId machine() {
    return machine;
  }

  /** Opens an image as the machine driver does, the layers below it as its header says. */
  void add(String node, Path file, String format) {
    Map<String, Object> bytes = Map.of("driver", "file", "filename", file.toString());
    Map<String, Object> disk = new HashMap<>();
    disk.put("driver", format);
    disk.put("node-name", node);
    disk.put("discard", "unmap");
    disk.put("file", bytes);
    run("blockdev-add", disk);
  }

  /** Gives a node a user: the guest. */
  Guest attach(String node) throws IOException {
    run(
        "block-export-add",
        Map.of(
            "type", "nbd", "id", "dev-" + node, "node-name", node, "name", node, "writable", true));
    return new Guest("nbd+unix:///" + node + "?socket=" + directory.resolve("nbd.sock"));
  }

  JsonNode run(String command, Map<String, ?> arguments) {
    try (BlockSession session = connect(machine, LIMIT)) {
      return JSON.readTree(session.execute(command, arguments, LIMIT));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  boolean hasJobs() {
    return !run("query-jobs", Map.of()).isEmpty();
  }

  @Override
  public BlockUse use(Path file, Duration timeout) {
    if (!process.isAlive()) {
      return new BlockUse.Closed();
    }
    for (JsonNode node : run("query-named-block-nodes", Map.of("flat", true))) {
      if (node.path("file").asText().equals(file.toString())) {
        return new BlockUse.Open(machine);
      }
    }
    return new BlockUse.Closed();
  }

  @Override
  public BlockSession connect(ResourceId id, Duration timeout) {
    if (!process.isAlive()) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          id.toString(),
          "connect to " + id + ": it has ended with " + process.exitValue() + ": " + log());
    }
    Path socket = free.poll();
    if (socket == null) {
      throw new N0Exception(N0Exception.Code.BUSY, id.toString(), "connect: all monitors serve");
    }
    try {
      QmpSession session = QmpSession.connect(socket, capabilities, () -> free.add(socket));
      capabilities = Optional.of(session.capabilities());
      return session;
    } catch (IOException e) {
      free.add(socket);
      throw new N0Exception(N0Exception.Code.UNAVAILABLE, id.toString(), "connect: " + e, e);
    }
  }

  private String log() {
    try {
      return Files.readString(directory.resolve("qemu.log"));
    } catch (IOException e) {
      return e.toString();
    }
  }

  void kill() {
    process.destroyForcibly().onExit().orTimeout(60, TimeUnit.SECONDS).join();
  }

  void quit() throws InterruptedException {
    run("quit", Map.of());
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
  }

  @Override
  public void close() {
    kill();
  }
}
