package io.n0stack.n0core.storage.live;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.api.storage.BlockCommandException;
import io.n0stack.n0core.api.storage.BlockEvent;
import io.n0stack.n0core.api.storage.BlockEvents;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.QemuCapabilities;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/** A small QMP client over the JDK's Unix sockets, as a machine driver would have one. */
final class QmpSession implements BlockSession {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final SocketChannel channel;
  private final BufferedReader in;
  private final Map<String, CompletableFuture<JsonNode>> waiting = new ConcurrentHashMap<>();
  private final List<Queue> queues = new CopyOnWriteArrayList<>();
  private final AtomicLong ids = new AtomicLong();
  private final QemuCapabilities capabilities;
  private final CompletableFuture<JsonNode> greeting = new CompletableFuture<>();
  private final Runnable onClose;
  private final AtomicBoolean closed = new AtomicBoolean();
  private volatile boolean dead;

  private QmpSession(SocketChannel channel, Optional<QemuCapabilities> known, Runnable onClose)
      throws IOException {
    this.channel = channel;
    this.onClose = onClose;
    this.in = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8));
    Thread reader = new Thread(this::read, "test-qmp");
    reader.setDaemon(true);
    reader.start();
    Duration limit = Duration.ofSeconds(60);
    JsonNode version = greeting();
    execute("qmp_capabilities", Map.of(), limit);
    if (known.isPresent()) {
      capabilities = known.get();
      return;
    }
    Set<String> commands = new HashSet<>();
    for (JsonNode command : JSON.readTree(execute("query-commands", Map.of(), limit))) {
      commands.add(command.path("name").asText());
    }
    capabilities = new QemuCapabilities(
        version.path("major").asInt(),
        version.path("minor").asInt(),
        version.path("micro").asInt(),
        commands);
  }

  private JsonNode greeting() throws IOException {
    try {
      return greeting.get(60, TimeUnit.SECONDS).at("/QMP/version/qemu");
    } catch (InterruptedException e) {
      throw N0Exception.interrupted("wait for the greeting", e);
    } catch (ExecutionException | TimeoutException e) {
      throw new IOException("no greeting", e);
    }
  }

  static QmpSession connect(Path socket, Optional<QemuCapabilities> known, Runnable onClose)
      throws IOException {
    SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
    try {
      return new QmpSession(channel, known, onClose);
    } catch (IOException | RuntimeException e) {
      channel.close();
      throw e;
    }
  }

  @Override
  public QemuCapabilities capabilities() {
    return capabilities;
  }

  @Override
  public String execute(String command, Map<String, ?> arguments, Duration deadline) {
    String id = "t" + ids.incrementAndGet();
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    waiting.put(id, answer);
    ObjectNode request = JSON.createObjectNode().put("execute", command).put("id", id);
    request.set("arguments", JSON.valueToTree(arguments));
    try {
      if (dead) {
        throw new N0Exception(N0Exception.Code.UNAVAILABLE, "monitor", command + ": not sent");
      }
      send(command, request);
      JsonNode got = answer.get(deadline.toNanos(), TimeUnit.NANOSECONDS);
      if (got.has("error")) {
        throw new BlockCommandException(
            "monitor",
            command,
            got.at("/error/class").asText(),
            got.at("/error/desc").asText());
      }
      return got.path("return").toString();
    } catch (TimeoutException e) {
      throw new OperationTimeoutException(command, deadline);
    } catch (ExecutionException e) {
      throw new UnknownOutcomeException(command, e);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(command, e);
    } finally {
      waiting.remove(id);
    }
  }

  private synchronized void send(String command, ObjectNode request) {
    try {
      ByteBuffer bytes = ByteBuffer.wrap((request + "\n").getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    } catch (IOException e) {
      throw new UnknownOutcomeException(command, e);
    }
  }

  private void read() {
    try {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        JsonNode message = JSON.readTree(line);
        CompletableFuture<JsonNode> waiter = waiting.get(message.path("id").asText());
        if (message.has("QMP")) {
          greeting.complete(message);
        } else if (message.has("event")) {
          BlockEvent event = new BlockEvent(
              message.path("event").asText(), message.path("data").toString(), Instant.now());
          queues.forEach(queue -> queue.put(event));
        } else if (waiter != null) {
          waiter.complete(message);
        }
      }
    } catch (IOException e) {
      // Closed by one side or the other: the waiters are told below.
    } finally {
      dead = true;
      greeting.completeExceptionally(new IOException("the line is dead"));
      waiting.values().forEach(w -> w.completeExceptionally(new IOException("the line is dead")));
    }
  }

  @Override
  public BlockEvents events(int capacity) {
    Queue queue = new Queue(capacity);
    queues.add(queue);
    return queue;
  }

  private final class Queue implements BlockEvents {
    private final BlockingQueue<BlockEvent> events;
    private final AtomicLong lost = new AtomicLong();

    Queue(int capacity) {
      events = new ArrayBlockingQueue<>(capacity);
    }

    void put(BlockEvent event) {
      if (!events.offer(event)) {
        lost.incrementAndGet();
      }
    }

    @Override
    public Optional<BlockEvent> next(Duration timeout) {
      try {
        return Optional.ofNullable(events.poll(timeout.toNanos(), TimeUnit.NANOSECONDS));
      } catch (InterruptedException e) {
        throw N0Exception.interrupted("wait for an event", e);
      }
    }

    @Override
    public long lost() {
      return lost.get();
    }

    @Override
    public void close() {
      queues.remove(this);
    }
  }

  @Override
  public void close() {
    if (closed.getAndSet(true)) {
      return;
    }
    try {
      channel.close();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    } finally {
      onClose.run();
    }
  }
}
