package io.n0stack.n0core.kvm.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.kvm.qmp.Connection.Request;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The way from a new connection to one that takes commands. */
final class Handshake {
  private static final Logger LOG = LoggerFactory.getLogger(Handshake.class);
  private static final String COMMAND = "qmp_capabilities";

  private final Connection connection;
  private final boolean outOfBand;

  Handshake(Connection connection, boolean outOfBand) {
    this.connection = connection;
    this.outOfBand = outOfBand;
  }

  /** Waits for the greeting, whatever comes before it; some of the time is already spent. */
  JsonNode awaitGreeting(Duration timeout, Duration spent) {
    String operation = "connect to " + connection.subject();
    connection.pump().want();
    try {
      return connection.greeting().get(timeout.toNanos() - spent.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new N0Exception(
          N0Exception.Code.BUSY,
          connection.subject(),
          operation + ": connected, but no greeting within " + timeout.toMillis()
              + " ms: the monitor is busy with another client, or QEMU stands still",
          e);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          connection.subject(),
          operation + ": " + cause.getMessage(),
          cause);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    } finally {
      connection.pump().unwant();
    }
  }

  /** Enters command mode. */
  void negotiate(JsonNode greeting, Duration deadline) {
    LOG.debug("{}: greeting {}", connection.subject(), greeting);
    boolean offered = false;
    for (JsonNode capability : greeting.path("capabilities")) {
      offered |= capability.asText().equals("oob");
    }
    boolean enable = outOfBand && offered;
    Map<String, ?> arguments = enable ? Map.of("enable", List.of("oob")) : Map.of();
    byte[] line = connection.call(Request.of(COMMAND, Requests.arguments(arguments)), deadline);
    try {
      Replies.result(connection.subject(), COMMAND, line);
      if (enable && !connection.outOfBand()) {
        connection.enableOutOfBand();
      }
    } catch (QmpException e) {
      // In command mode there is no such command: then there is nothing left to do.
      if (!e.errorClass().equals("CommandNotFound")) {
        throw e;
      }
      LOG.debug("{}: negotiated before", connection.subject());
    }
    connection.ready();
  }
}
