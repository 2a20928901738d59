package io.n0stack.n0core.kvm.qmp;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Speaks QMP over one Unix socket. Thread-safe; whoever connects closes it.
 *
 * <p>A monitor serves one client at a time. A reply that belongs to a predecessor, which died while
 * QEMU was working for it, is recognised by its id and dropped.
 *
 * @since 0.1
 */
public final class QmpClient implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(QmpClient.class);
  private static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
      .streamReadConstraints(
          StreamReadConstraints.builder().maxStringLength(Lines.LIMIT).build())
      .build());

  private static final int NO_DESCRIPTOR = -1;

  private final String name;
  private final Transport transport;
  private final Thread reader;
  private final Waiters waiters = new Waiters();
  private final CompletableFuture<JsonNode> greeting = new CompletableFuture<>();
  private final List<Events> subscriptions = new CopyOnWriteArrayList<>();
  private final ReentrantLock writing = new ReentrantLock();

  QmpClient(String name, Transport transport) {
    this.name = name;
    this.transport = transport;
    reader = new Thread(this::read, "n0core-qmp-" + name);
    reader.setDaemon(true);
    reader.start();
  }

  /**
   * Connects and leaves negotiation mode.
   *
   * @param socket path of a QMP monitor's listening socket
   * @param timeout the time allowed for all of it
   * @return a client ready for commands, which the caller closes
   * @throws N0Exception BUSY if the monitor accepts but sends no greeting: it serves another client, or
   *     QEMU stands still; UNAVAILABLE if it cannot be connected to or does not answer
   */
  public static QmpClient connect(Path socket, Duration timeout) {
    return connect(String.valueOf(socket.getFileName()), socket, timeout);
  }

  /**
   * Connects and leaves negotiation mode.
   *
   * @param name what the monitor belongs to, for messages and the reader thread's name
   * @param socket path of a QMP monitor's listening socket
   * @param timeout the time allowed for all of it
   * @return a client ready for commands, which the caller closes
   * @throws N0Exception BUSY if the monitor accepts but sends no greeting: it serves another client, or
   *     QEMU stands still; UNAVAILABLE if it cannot be connected to or does not answer
   */
  public static QmpClient connect(String name, Path socket, Duration timeout) {
    long deadline = System.nanoTime() + timeout.toNanos();
    QmpClient client = new QmpClient(name, UnixTransport.connect(socket, timeout));
    boolean ready = false;
    try {
      client.negotiate(timeout, deadline);
      ready = true;
      return client;
    } finally {
      if (!ready) {
        client.close();
      }
    }
  }

  private void negotiate(Duration timeout, long deadline) {
    String operation = "connect to " + subject();
    try {
      JsonNode hello = greeting.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      LOG.debug("{}: greeting {}", name, hello);
    } catch (TimeoutException e) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          subject(),
          operation + ": connected, but no greeting within " + timeout.toMillis()
              + " ms: the monitor is busy with another client, or QEMU stands still",
          e);
    } catch (ExecutionException e) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          subject(),
          operation + ": " + cause(e).getMessage(),
          cause(e));
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    }
    execute(
        "qmp_capabilities", Map.of(), Duration.ofNanos(Math.max(1, deadline - System.nanoTime())));
  }

  /**
   * Runs a command without arguments.
   *
   * @param command the command's name
   * @param deadline the time allowed for the answer
   * @return what QEMU returned
   * @throws QmpException if QEMU refuses the command
   * @throws OperationTimeoutException if no answer came in time; the command may yet be done
   * @throws UnknownOutcomeException if the connection was lost after the command was sent
   * @throws N0Exception UNAVAILABLE if the connection was lost before; CANCELLED if interrupted
   */
  public QmpResult execute(String command, Duration deadline) {
    return execute(command, Map.of(), deadline);
  }

  /**
   * Runs a command.
   *
   * @param command the command's name
   * @param arguments its arguments: texts, numbers, booleans, lists and maps of such
   * @param deadline the time allowed for the answer
   * @return what QEMU returned
   * @throws QmpException if QEMU refuses the command
   * @throws OperationTimeoutException if no answer came in time; the command may yet be done
   * @throws UnknownOutcomeException if the connection was lost after the command was sent
   * @throws N0Exception UNAVAILABLE if the connection was lost before; CANCELLED if interrupted
   */
  public QmpResult execute(String command, Map<String, ?> arguments, Duration deadline) {
    return executeWithDescriptor(command, arguments, NO_DESCRIPTOR, deadline);
  }

  /**
   * Runs a command and passes a descriptor along, as {@code getfd} and {@code add-fd} want.
   *
   * @param command the command's name
   * @param arguments its arguments: texts, numbers, booleans, lists and maps of such
   * @param descriptor an open descriptor, which stays the caller's
   * @param deadline the time allowed for the answer
   * @return what QEMU returned
   * @throws QmpException if QEMU refuses the command
   * @throws OperationTimeoutException if no answer came in time; the command may yet be done
   * @throws UnknownOutcomeException if the connection was lost after the command was sent
   * @throws N0Exception UNAVAILABLE if the connection was lost before; CANCELLED if interrupted
   */
  public QmpResult executeWithDescriptor(
      String command, Map<String, ?> arguments, int descriptor, Duration deadline) {
    String operation = command + " on " + subject();
    long end = System.nanoTime() + deadline.toNanos();
    Waiters.Waiter waiter = waiters.register();
    try {
      send(operation, request(command, arguments, waiter.id()), descriptor, end, deadline);
      JsonNode answer =
          waiter.answer().get(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
      if (answer.has("error")) {
        JsonNode error = answer.path("error");
        throw new QmpException(
            subject(), command, error.path("class").asText(), error.path("desc").asText());
      }
      return new QmpResult(answer.path("return"));
    } catch (TimeoutException e) {
      throw new OperationTimeoutException(operation, deadline);
    } catch (ExecutionException e) {
      throw new UnknownOutcomeException(operation, cause(e));
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    } finally {
      waiters.forget(waiter);
    }
  }

  private static Throwable cause(ExecutionException e) {
    Throwable cause = e.getCause();
    return cause == null ? e : cause;
  }

  private byte[] request(String command, Map<String, ?> arguments, String id) {
    ObjectNode request = JSON.createObjectNode().put("execute", command);
    if (!arguments.isEmpty()) {
      request.set("arguments", JSON.valueToTree(arguments));
    }
    String text = request.put("id", id).toString();
    LOG.debug("{}: > {} {}", name, command, id); // not the arguments, which may be secret
    return (text + "\n").getBytes(StandardCharsets.UTF_8);
  }

  private void send(String operation, byte[] request, int descriptor, long end, Duration deadline)
      throws InterruptedException {
    if (!writing.tryLock(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS)) {
      throw new OperationTimeoutException(operation, deadline);
    }
    try {
      waiters.requireOpen(operation, subject());
      if (descriptor == NO_DESCRIPTOR) {
        transport.write(ByteBuffer.wrap(request));
      } else {
        transport.write(ByteBuffer.wrap(request), descriptor);
      }
    } catch (IOException e) {
      transport.shutdown(); // half a request may be in the stream: nothing sane can follow it
      throw new UnknownOutcomeException(operation, e);
    } finally {
      writing.unlock();
    }
  }

  /**
   * Calls back, in order, with the events from now on. A listener that is more than 1024 events
   * behind loses some and is told how many.
   *
   * @param executor what runs the listener; must not run it on the thread that hands it over
   * @param listener what is called
   * @return the subscription, which the caller closes
   */
  public Subscription subscribe(Executor executor, QmpListener listener) {
    Events events = new Events(executor, listener, subscriptions::remove);
    subscriptions.add(events);
    return events;
  }

  /** Disconnects and waits for the reader thread to end. QEMU and its guest are not touched. */
  @Override
  public void close() {
    transport.shutdown();
    boolean interrupted = false;
    while (reader.isAlive() && Thread.currentThread() != reader) {
      try {
        reader.join();
      } catch (InterruptedException e) {
        interrupted = true; // the reader ends at once after the shutdown; the flag is kept
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    transport.close();
  }

  private void read() {
    IOException reason = new IOException("the monitor closed the connection");
    try {
      Lines lines = new Lines(transport);
      for (Optional<byte[]> line = lines.next(); line.isPresent(); line = lines.next()) {
        accept(line.get());
      }
    } catch (IOException e) {
      reason = e;
    } finally {
      greeting.completeExceptionally(reason);
      waiters.fail(reason);
      transport.shutdown();
    }
  }

  private void accept(byte[] line) throws IOException {
    JsonNode message;
    try {
      message = JSON.readTree(line);
    } catch (JsonProcessingException e) {
      LOG.warn("{}: dropped {} bytes that are not JSON", name, line.length);
      return;
    }
    if (message.has("event")) {
      publish(message);
    } else if (message.has("QMP")) {
      greeting.complete(message.path("QMP"));
    } else if (message.has("return") || message.has("error")) {
      if (!waiters.answer(message)) {
        LOG.debug("{}: dropped a reply that nobody waits for: id {}", name, message.path("id"));
      }
    } else {
      LOG.debug("{}: dropped a message of {} bytes", name, line.length);
    }
  }

  private void publish(JsonNode message) {
    JsonNode data = message.path("data");
    Instant at = Instant.ofEpochSecond(
        message.at("/timestamp/seconds").asLong(),
        message.at("/timestamp/microseconds").asLong() * 1_000);
    QmpEvent event = new QmpEvent(
        message.path("event").asText(),
        new QmpResult(data.isObject() ? data : JSON.createObjectNode()),
        at);
    for (Events events : subscriptions) {
      try {
        events.accept(event);
      } catch (RejectedExecutionException e) {
        LOG.warn("{}: a listener's executor takes no more; it is unsubscribed", name);
        events.close();
      }
    }
  }

  private String subject() {
    return "monitor \"" + name + "\"";
  }
}
