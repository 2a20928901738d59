package io.n0stack.n0core.kvm.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.Subscription;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.kvm.qmp.Connection.Request;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;

/**
 * Speaks QMP over one Unix socket. Thread-safe; whoever connects closes it.
 *
 * <p>A monitor serves one client at a time. A reply that belongs to a predecessor, which died while
 * QEMU was working for it, is recognised by its id and dropped.
 *
 * @since 0.1
 */
public final class QmpClient implements AutoCloseable {
  private static final String NOT_NEGOTIATED = "Expecting capabilities negotiation";
  private static final Set<String> OUT_OF_BAND =
      Set.of("migrate-recover", "migrate-pause", "yank", "query-yank");

  private final Connection connection;
  private final QmpOptions options;
  private final Optional<QmpSchema> schema;

  private QmpClient(Connection connection, QmpOptions options, Optional<QmpSchema> schema) {
    this.connection = connection;
    this.options = options;
    this.schema = schema;
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
    UnixTransport.load();
    Replies.load();
    long end = System.nanoTime() + timeout.toNanos();
    return open(name, socket, QmpOptions.defaults().withTimes(timeout, timeout), end);
  }

  /**
   * Connects and leaves negotiation mode.
   *
   * @param name what the monitor belongs to, for messages and the reader thread's name
   * @param socket path of a QMP monitor's listening socket
   * @param options how long each part may take, and what to ask for
   * @return a client ready for commands, which the caller closes
   * @throws N0Exception BUSY if the monitor accepts but sends no greeting: it serves another client, or
   *     QEMU stands still; UNAVAILABLE if it cannot be connected to or does not answer; INVALID if the
   *     path is too long for a socket
   */
  public static QmpClient connect(String name, Path socket, QmpOptions options) {
    UnixTransport.load();
    Replies.load();
    long end =
        System.nanoTime() + options.greeting().toNanos() + options.negotiation().toNanos();
    return open(name, socket, options, end);
  }

  /**
   * Connects and leaves negotiation mode, all of it in some time.
   *
   * @param name what the monitor belongs to, for messages and the reader thread's name
   * @param socket path of a QMP monitor's listening socket
   * @param options how long each part may take, and what to ask for
   * @param timeout how long all may take
   * @return a client ready for commands, which the caller closes
   * @throws N0Exception as {@link #connect(String, Path, QmpOptions)}
   */
  public static QmpClient connect(String name, Path socket, QmpOptions options, Duration timeout) {
    UnixTransport.load();
    Replies.load();
    return open(name, socket, options, System.nanoTime() + timeout.toNanos());
  }

  private static QmpClient open(String name, Path socket, QmpOptions options, long end) {
    long start = System.nanoTime();
    Connection connection =
        new Connection(name, UnixTransport.connect(socket, options.greeting(), options.server()));
    boolean ready = false;
    try {
      Duration spent = Duration.ofNanos(System.nanoTime() - start);
      Handshake handshake = new Handshake(connection, options.outOfBand());
      JsonNode greeting = handshake.awaitGreeting(options.greeting(), spent);
      Duration left = Duration.ofNanos(Math.max(1, end - System.nanoTime()));
      handshake.negotiate(greeting, shorter(options.negotiation(), left));
      ready = true;
      return new QmpClient(connection, options, Optional.empty());
    } finally {
      if (!ready) {
        connection.close();
      }
    }
  }

  private static Duration shorter(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }

  /**
   * Returns the same client, which checks commands before it sends them. Both share the connection: one
   * of them is closed.
   *
   * @param newSchema what the QEMU that is connected to understands
   * @return a client that refuses what QEMU would not understand
   */
  public QmpClient withSchema(QmpSchema newSchema) {
    return new QmpClient(connection, options, Optional.of(newSchema));
  }

  /**
   * Returns what commands are checked against.
   *
   * @return the schema, empty if they are not checked
   */
  public Optional<QmpSchema> schema() {
    return schema;
  }

  /**
   * Returns what QEMU said of itself when it took the connection, with its version at {@code
   * /version/qemu/major}, {@code minor} and {@code micro}.
   *
   * @return the greeting
   */
  public QmpResult greeting() {
    return new QmpResult(connection.greeting().join());
  }

  /**
   * Runs a command without arguments, within the usual time for it.
   *
   * @param command the command's name
   * @return what QEMU returned
   * @throws N0Exception as {@link #execute(String, Map, Duration)} does
   */
  public QmpResult execute(String command) {
    return execute(command, Map.of());
  }

  /**
   * Runs a command, within the usual time for it.
   *
   * @param command the command's name
   * @param arguments its arguments: texts, numbers, booleans, lists and maps of such
   * @return what QEMU returned
   * @throws N0Exception as {@link #execute(String, Map, Duration)} does
   */
  public QmpResult execute(String command, Map<String, ?> arguments) {
    return execute(command, arguments, options.deadlines().of(command));
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
   * @throws N0Exception UNAVAILABLE if the connection was lost before; CANCELLED if interrupted; INVALID
   *     if the arguments are not such; with a schema, INVALID or UNSUPPORTED if QEMU would not
   *     understand it
   */
  public QmpResult execute(String command, Map<String, ?> arguments, Duration deadline) {
    return run(request("execute", command, arguments, Transport.NONE), deadline);
  }

  /**
   * Runs {@code getfd} or {@code add-fd}, and hands a descriptor over with it. QEMU gets a duplicate;
   * the caller's is only lent and stays open.
   *
   * @param command {@code getfd} or {@code add-fd}
   * @param arguments its arguments
   * @param descriptor an open descriptor of this process
   * @param deadline the time allowed for the answer
   * @return what QEMU returned
   * @throws QmpException if QEMU refuses the command
   * @throws OperationTimeoutException if no answer came in time; the command may yet be done
   * @throws UnknownOutcomeException if the connection was lost after the command was sent
   * @throws N0Exception INVALID if the command takes no descriptor or the descriptor is not open, and
   *     as {@link #execute(String, Map, Duration)} does
   */
  public QmpResult executeWithDescriptor(
      String command, Map<String, ?> arguments, int descriptor, Duration deadline) {
    boolean named = command.equals("getfd");
    if (!named && !command.equals("add-fd")) {
      // Elsewhere it would wait in QEMU, to be taken for another one later.
      throw N0Exception.invalid(
          "command", command, "must be getfd or add-fd: it takes a descriptor");
    }
    Object fdname = arguments.get("fdname");
    if (named
        && (!(fdname instanceof String text)
            || text.isEmpty()
            || Character.isDigit(text.charAt(0)))) {
      throw N0Exception.invalid(
          "fdname", String.valueOf(fdname), "must be a name that does not begin with a digit");
    }
    if (!UnixTransport.isOpen(descriptor)) {
      throw N0Exception.invalid("descriptor", descriptor, "must be open in this process");
    }
    return run(request("execute", command, arguments, descriptor), deadline);
  }

  /**
   * Runs a command out of band: it overtakes those that QEMU still works on.
   *
   * @param command {@code migrate-recover}, {@code migrate-pause}, {@code yank} or {@code query-yank}
   * @param arguments its arguments
   * @param deadline the time allowed for the answer
   * @return what QEMU returned
   * @throws QmpException if QEMU refuses the command
   * @throws OperationTimeoutException if no answer came in time; the command may yet be done
   * @throws UnknownOutcomeException if the connection was lost after the command was sent
   * @throws N0Exception INVALID if the command is none of these; UNSUPPORTED if the connection was not
   *     made with {@link QmpOptions#withOutOfBand()} or QEMU did not offer it, and as {@link
   *     #execute(String, Map, Duration)} does
   */
  public QmpResult executeOutOfBand(String command, Map<String, ?> arguments, Duration deadline) {
    if (!OUT_OF_BAND.contains(command)) {
      throw N0Exception.invalid("command", command, "must be one of " + OUT_OF_BAND);
    }
    if (!outOfBand()) {
      throw new N0Exception(
          N0Exception.Code.UNSUPPORTED,
          connection.subject(),
          command + " on " + connection.subject()
              + ": out of band was not asked for or not offered");
    }
    return run(request("exec-oob", command, arguments, Transport.NONE), deadline);
  }

  /**
   * Tells whether commands can be run out of band.
   *
   * @return whether it was asked for and offered
   */
  public boolean outOfBand() {
    return connection.outOfBand();
  }

  /**
   * Sends a command, and does not wait for the answer: several can be on their way. QEMU does them one
   * after the other all the same.
   *
   * <p>The future fails with what {@link #execute(String, Map, Duration)} throws. What is chained to it
   * runs on a thread that also hands over events and other answers of this connection, and must
   * therefore not wait; the {@code …Async} methods are for that.
   *
   * @param command the command's name
   * @param arguments its arguments
   * @param deadline the time allowed for the answer
   * @return the answer to come
   * @throws N0Exception if it was not sent, as {@link #execute(String, Map, Duration)} does
   */
  public CompletableFuture<QmpResult> submit(
      String command, Map<String, ?> arguments, Duration deadline) {
    return connection.submit(request("execute", command, arguments, Transport.NONE), deadline);
  }

  /** Runs a command and returns the line with its answer. */
  byte[] line(String command, Duration deadline) {
    return connection.call(request("execute", command, Map.of(), Transport.NONE), deadline);
  }

  /** Tells how many replies have come that nobody waited for, such as those to a predecessor. */
  long strangers() {
    return connection.strangers();
  }

  private Request request(String verb, String command, Map<String, ?> arguments, int descriptor) {
    schema.ifPresent(known -> known.validate(command, arguments));
    return new Request(verb, Requests.command(command), Requests.arguments(arguments), descriptor);
  }

  private QmpResult run(Request request, Duration deadline) {
    long end = System.nanoTime() + deadline.toNanos();
    try {
      return answer(request, deadline);
    } catch (QmpException e) {
      if (!e.errorClass().equals("CommandNotFound")
          || !e.description().startsWith(NOT_NEGOTIATED)) {
        throw e;
      }
    }
    // QEMU has forgotten that we had negotiated; the command has had no effect.
    Duration left = Duration.ofNanos(Math.max(1, end - System.nanoTime()));
    new Handshake(connection, options.outOfBand())
        .negotiate(connection.greeting().join(), left);
    return answer(request, Duration.ofNanos(Math.max(1, end - System.nanoTime())));
  }

  private QmpResult answer(Request request, Duration deadline) {
    byte[] line = connection.call(request, deadline);
    return Replies.result(connection.subject(), request.command(), line);
  }

  /**
   * Calls back, in order, with the events from now on. A listener that is more than 1024 events
   * behind loses some and is told how many; of events that only tell a state, such as {@code
   * BALLOON_CHANGE}, it then hears the last.
   *
   * @param executor what runs the listener
   * @param listener what is called
   * @return the subscription, which the caller closes
   */
  public Subscription subscribe(Executor executor, QmpListener listener) {
    return connection.subscribe(executor, listener);
  }

  /** Disconnects and waits for the reader thread to end. QEMU and its guest are not touched. */
  @Override
  public void close() {
    connection.close();
  }
}
