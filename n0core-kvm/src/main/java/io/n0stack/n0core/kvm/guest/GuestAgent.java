package io.n0stack.n0core.kvm.guest;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Speaks with QEMU's guest agent over the Unix socket of its port. Thread-safe: one command at a
 * time, the others wait within their deadlines. Whoever connects closes it.
 *
 * <p>What the guest sends is never trusted: answers are limited in length, depth and number of
 * values, types are checked, and texts are escaped in messages. After a timeout both sides are
 * brought back into step before the next command, so that no answer is taken for another's. A thread
 * that is interrupted while it waits closes the connection.
 *
 * <p>Every command may throw a {@link GuestAgentException} if the agent refuses it, an {@link
 * OperationTimeoutException} if there was no answer in time and an {@link UnknownOutcomeException} if
 * the connection was lost or the answer is malformed: in both cases it may have happened. An {@link
 * N0Exception} says with code UNAVAILABLE that there is no agent in the guest or the connection is
 * lost, with BUSY that an agent is there but does not take part, and nothing was asked of it, with
 * INTERNAL that the answer was not of the promised form.
 *
 * @since 0.1
 */
public final class GuestAgent implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GuestAgent.class);

  private final String name;
  private final Path socket;
  private final GuestAgentOptions options;
  private final AgentSocket connection;
  private final AgentLine line;
  private final ReentrantLock turn = new ReentrantLock();
  private final Runnable closed;
  private volatile boolean lost;

  private GuestAgent(String name, Path socket, GuestAgentOptions options, Runnable closed) {
    this.closed = closed;
    this.name = name;
    this.socket = socket;
    this.options = options;
    connection = AgentSocket.connect(socket, options.sync());
    line = new AgentLine(connection, options.answerBytes());
  }

  /**
   * Connects and brings both sides into step.
   *
   * @param name what the guest belongs to, for messages
   * @param socket path of the port's listening socket, which must not be a link
   * @param options what is allowed
   * @return the agent, which the caller closes
   * @throws N0Exception UNAVAILABLE if nothing listens or there is no agent in the guest; BUSY if the
   *     agent does not take part: it serves another client, is busy, or the guest stands still
   */
  public static GuestAgent connect(String name, Path socket, GuestAgentOptions options) {
    return connect(name, socket, options, () -> {});
  }

  /**
   * Connects and brings both sides into step.
   *
   * @param name what the guest belongs to, for messages
   * @param socket path of the port's listening socket, which must not be a link
   * @param options what is allowed
   * @param closed what is told when the connection is closed or lost, perhaps more than once
   * @return the agent, which the caller closes
   * @throws N0Exception as the other method
   */
  public static GuestAgent connect(
      String name, Path socket, GuestAgentOptions options, Runnable closed) {
    GuestAgent agent = new GuestAgent(name, socket, options, closed);
    boolean ready = false;
    try {
      agent.sync();
      ready = true;
      return agent;
    } finally {
      if (!ready) {
        agent.close();
      }
    }
  }

  /** Connects to the same agent once more, for what must be done though this connection is lost. */
  GuestAgent again() {
    return connect(name, socket, options);
  }

  /** Brings both sides into step, if they are not: a sign of life. */
  public void sync() {
    exchange("guest-sync-delimited", options.sync(), end -> Optional.empty());
  }

  /**
   * Runs a command.
   *
   * @param command the command's name
   * @param arguments its arguments: texts, numbers, booleans, lists and maps of such
   * @return what the agent returned
   */
  public GuestResult execute(String command, Map<String, ?> arguments) {
    return execute(command, arguments, options.command());
  }

  /**
   * Runs a command.
   *
   * @param command the command's name
   * @param arguments its arguments: texts, numbers, booleans, lists and maps of such
   * @param deadline the time allowed for the answer
   * @return what the agent returned
   */
  public GuestResult execute(String command, Map<String, ?> arguments, Duration deadline) {
    Optional<JsonNode> answer =
        exchange(command, deadline, end -> line.call(command, arguments, end));
    return result(
        command,
        answer.orElseThrow(
            () -> new OperationTimeoutException(command + " by " + subject(), deadline)));
  }

  /**
   * Runs a command that is answered only if it is refused. Returns when the agent has passed on to
   * the next, or if nothing was heard within the deadline: what the guest does tells the outcome.
   *
   * @param command the command's name
   * @param arguments its arguments
   */
  void tell(String command, Map<String, ?> arguments) {
    try {
      exchange(command, options.command(), end -> line.tell(command, arguments, end))
          .ifPresent(answer -> result(command, answer));
    } catch (UnknownOutcomeException e) {
      LOG.debug("{}: the connection ended after {}: {}", name, command, e.toString());
    }
  }

  private GuestResult result(String command, JsonNode answer) {
    JsonNode error = answer.path("error");
    if (error.isObject()) {
      throw new GuestAgentException(
          subject(), command, error.path("class").asText(), error.path("desc").asText());
    }
    return new GuestResult(answer.path("return"));
  }

  /** What is done on the connection once both sides are in step. */
  private interface Step {
    Optional<JsonNode> run(long end) throws IOException;
  }

  private Optional<JsonNode> exchange(String command, Duration deadline, Step step) {
    String operation = command + " by " + subject();
    boolean mine = false;
    boolean sent = false;
    try {
      mine = turn.tryLock(deadline.toNanos(), TimeUnit.NANOSECONDS);
      if (!mine) {
        throw new N0Exception(
            N0Exception.Code.BUSY, subject(), operation + ": the agent works for another thread");
      }
      if (!line.sync(System.nanoTime() + options.sync().toNanos())) {
        throw absent(operation);
      }
      LOG.debug("{}: > {}", name, command); // not the arguments, which may be secret
      sent = true;
      return step.run(System.nanoTime() + deadline.toNanos());
    } catch (ClosedByInterruptException e) {
      close();
      throw N0Exception.interrupted(operation, e);
    } catch (IOException e) {
      if (!(e instanceof MalformedAnswerException)) {
        close(); // half a request may be in the stream
      }
      throw sent
          ? new UnknownOutcomeException(operation, e)
          : new N0Exception(
              N0Exception.Code.UNAVAILABLE, subject(), operation + ": " + e.getMessage(), e);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    } finally {
      if (mine) {
        turn.unlock();
      }
    }
  }

  private N0Exception absent(String operation) {
    boolean open = true;
    try {
      open = options.port().open();
    } catch (N0Exception e) {
      LOG.debug("{}: whether there is an agent could not be seen: {}", name, e.toString());
    }
    return open
        ? new N0Exception(
            N0Exception.Code.BUSY,
            subject(),
            operation + ": no sign of life within " + options.sync().toMillis()
                + " ms: the agent is busy or serves another client, or the guest stands still")
        : new N0Exception(
            N0Exception.Code.UNAVAILABLE,
            subject(),
            operation + ": there is no agent in the guest: its port is closed");
  }

  /** Asks for a sign of life. */
  public void ping() {
    execute("guest-ping", Map.of());
  }

  /**
   * Asks for the agent's version and commands.
   *
   * @return both
   */
  public AgentInfo info() {
    return AgentInfo.from(execute("guest-info", Map.of()));
  }

  /**
   * Returns the commands for the system as a whole.
   *
   * @return the group
   */
  public GuestSystem system() {
    return new GuestSystem(this);
  }

  /**
   * Returns the commands for file systems.
   *
   * @return the group
   */
  public GuestFileSystems fileSystems() {
    return new GuestFileSystems(this, options.command());
  }

  /**
   * Returns the commands for files.
   *
   * @return the group
   */
  public GuestFiles files() {
    return new GuestFiles(this);
  }

  /**
   * Returns the commands for processes.
   *
   * @return the group
   */
  public GuestProcesses processes() {
    return new GuestProcesses(this);
  }

  /** Disconnects. A command under way ends with an error; the agent and the guest go on. */
  @Override
  public void close() {
    lost = true;
    connection.close();
    closed.run();
  }

  boolean isLost() {
    return lost;
  }

  String name() {
    return name;
  }

  String subject() {
    return "guest agent \"" + name + "\"";
  }
}
