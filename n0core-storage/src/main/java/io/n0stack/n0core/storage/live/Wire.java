package io.n0stack.n0core.storage.live;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.storage.BlockCommandException;
import io.n0stack.n0core.api.storage.BlockEvent;
import io.n0stack.n0core.api.storage.BlockEvents;
import io.n0stack.n0core.api.storage.BlockMonitor;
import io.n0stack.n0core.api.storage.BlockSession;
import io.n0stack.n0core.api.storage.QemuCapabilities;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A line to a machine that is laid anew when it breaks. Questions are asked again; of a change whose
 * answer was lost it is looked up whether it was made, and if not, it is made. Thread-safe.
 */
final class Wire implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Wire.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int EVENTS = 256;
  private static final int MOST_LOSSES = 4; // of one command; a line that breaks oftener is not one
  private static final Duration PAUSE = Duration.ofMillis(50);

  private record Line(BlockSession session, BlockEvents events) {}

  private final BlockMonitor monitor;
  private final ResourceId machine;
  private final Duration limit;
  private final Map<String, String> errors = new ConcurrentHashMap<>();
  private @Nullable Line line;
  private boolean closed;

  /**
   * Makes a line; connects when it is first used.
   *
   * @param monitor the way to machines
   * @param machine the machine
   * @param limit the time allowed for each command, and for laying the line
   */
  Wire(BlockMonitor monitor, ResourceId machine, Duration limit) {
    this.monitor = monitor;
    this.machine = machine;
    this.limit = limit;
  }

  ResourceId machine() {
    return machine;
  }

  BlockMonitor monitor() {
    return monitor;
  }

  Duration limit() {
    return limit;
  }

  QemuCapabilities capabilities() {
    return line().session().capabilities();
  }

  /** Runs a command that changes nothing. */
  JsonNode ask(String command, Map<String, ?> arguments) {
    for (int losses = 1; ; losses++) {
      Line used = line();
      try {
        return parse(command, used.session().execute(command, arguments, limit));
      } catch (BlockCommandException e) {
        throw e;
      } catch (N0Exception e) {
        lost(used, e, losses);
      }
    }
  }

  /**
   * Runs a command that changes something.
   *
   * @param command the command
   * @param arguments its arguments
   * @param made looks whether the change is there; asked only after an answer was lost
   */
  void change(String command, Map<String, ?> arguments, BooleanSupplier made) {
    UnknownOutcomeException unknown = null;
    for (int losses = 1; ; losses++) {
      Line used = lineAfter(unknown);
      try {
        used.session().execute(command, arguments, limit);
        LOG.debug("{}: {} done", machine, command);
        return;
      } catch (BlockCommandException e) {
        // The lost one may have been done between our look and this second one.
        if (unknown != null && made.getAsBoolean()) {
          return;
        }
        throw e;
      } catch (UnknownOutcomeException e) {
        lost(used, e, losses);
        unknown = e;
        if (looked(unknown, made)) {
          return;
        }
      } catch (N0Exception e) {
        lost(used, e, losses);
      }
    }
  }

  /** Does work while the guest is frozen, if it can be; the line may break meanwhile. */
  boolean quietly(Duration most, Runnable work) {
    return line().session().quietly(most, work);
  }

  private static boolean looked(UnknownOutcomeException unknown, BooleanSupplier made) {
    try {
      return made.getAsBoolean();
    } catch (N0Exception e) {
      throw stillUnknown(unknown, e);
    }
  }

  private Line lineAfter(@Nullable UnknownOutcomeException unknown) {
    if (unknown == null) {
      return line();
    }
    try {
      return line();
    } catch (N0Exception e) {
      throw stillUnknown(unknown, e);
    }
  }

  /** If the machine has ended or the thread is to end, that is the news. */
  private static N0Exception stillUnknown(UnknownOutcomeException unknown, N0Exception e) {
    if (e.code() == N0Exception.Code.PRECONDITION || e.code() == N0Exception.Code.CANCELLED) {
      e.addSuppressed(unknown);
      return e;
    }
    if (e != unknown) {
      unknown.addSuppressed(e);
    }
    return unknown;
  }

  /** Drops a line that broke; throws on if it makes no sense to go on. */
  private void lost(Line used, N0Exception e, int losses) {
    boolean lineBroke = e.code() == N0Exception.Code.UNAVAILABLE;
    if (lineBroke) {
      drop(used);
    }
    if (!lineBroke || e instanceof OperationTimeoutException || losses >= MOST_LOSSES) {
      throw e;
    }
    LOG.debug("{}: the line broke: {}", machine, e.getMessage());
  }

  /** Waits until something may have happened, at most for the time given. */
  void pause(Duration most) {
    Line used = line();
    Optional<BlockEvent> event = used.events().next(most);
    while (event.isPresent()) { // one look tells what they all would
      remember(event.get());
      event = used.events().next(Duration.ZERO);
    }
  }

  private void remember(BlockEvent event) {
    if (event.name().equals("BLOCK_JOB_COMPLETED") || event.name().equals("BLOCK_JOB_CANCELLED")) {
      JsonNode data = parse(event.name(), event.data());
      String fallback = event.name().endsWith("CANCELLED") ? "Operation canceled" : "";
      String error = data.path("error").asText(fallback);
      if (!error.isEmpty()) {
        errors.put(data.path("device").asText(), error);
      }
    }
  }

  /**
   * Takes what an event told of a job's failure. Only for a job that QEMU forgets when it ends.
   *
   * @param job its id
   * @return why it failed, empty if no event has told
   */
  Optional<String> takeError(String job) {
    pause(Duration.ZERO);
    return Optional.ofNullable(errors.remove(job));
  }

  private synchronized Line line() {
    if (closed) {
      throw new IllegalStateException("the volume is closed");
    }
    Line now = line;
    if (now == null) {
      now = lay();
      line = now;
    }
    return now;
  }

  private Line lay() {
    long end = System.nanoTime() + limit.toNanos();
    while (true) {
      Duration left = Duration.ofNanos(Math.max(1, end - System.nanoTime()));
      try {
        BlockSession session = monitor.connect(machine, left);
        return new Line(session, session.events(EVENTS));
      } catch (N0Exception e) {
        boolean mayPass =
            e.code() == N0Exception.Code.BUSY || e.code() == N0Exception.Code.UNAVAILABLE;
        if (!mayPass || end - System.nanoTime() < PAUSE.toNanos()) {
          throw e;
        }
      }
      LockSupport.parkNanos(PAUSE.toNanos());
      if (Thread.currentThread().isInterrupted()) {
        throw N0Exception.interrupted("connect to " + machine, new InterruptedException());
      }
    }
  }

  private synchronized void drop(Line broken) {
    if (line != null && line.session() == broken.session()) {
      line = null;
    }
    broken.session().close();
  }

  @Override
  public synchronized void close() {
    closed = true;
    if (line != null) {
      line.session().close();
      line = null;
    }
  }

  private JsonNode parse(String command, String answer) {
    try {
      return JSON.readTree(answer);
    } catch (JsonProcessingException e) {
      throw new N0Exception(
          N0Exception.Code.INTERNAL,
          machine.toString(),
          command + " on " + machine + ": the answer is not JSON",
          e);
    }
  }
}
