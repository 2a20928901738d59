package io.n0stack.n0core.kvm.qmp;

import io.n0stack.n0core.api.N0Exception;
import java.time.Duration;
import java.util.Optional;

/**
 * How to connect to a monitor.
 *
 * @param greeting how long to wait for the monitor to take the connection and to greet: one that is
 *     held by another client does not
 * @param negotiation how long QEMU may then take to enter command mode: it comes to that only once its
 *     main loop runs
 * @param deadlines how long commands may take
 * @param outOfBand whether to ask for commands that overtake others; the monitor must offer it
 * @param server the process that must have made the socket, so that nobody is taken in by one that was put in its
 *     place; empty for any
 * @since 0.1
 */
public record QmpOptions(
    Duration greeting,
    Duration negotiation,
    Deadlines deadlines,
    boolean outOfBand,
    Optional<Long> server) {
  /**
   * Creates options.
   *
   * @throws N0Exception INVALID if a time is not positive
   */
  public QmpOptions {
    require("greeting", greeting);
    require("negotiation", negotiation);
  }

  /**
   * Returns the usual options: 2 s for the greeting, 5 s for the negotiation.
   *
   * @return the options
   */
  public static QmpOptions defaults() {
    return new QmpOptions(
        Duration.ofSeconds(2),
        Duration.ofSeconds(5),
        Deadlines.defaults(),
        false,
        Optional.empty());
  }

  /**
   * Changes the times for connecting.
   *
   * @param newGreeting how long to wait for the greeting
   * @param newNegotiation how long to wait for command mode
   * @return changed options
   */
  public QmpOptions withTimes(Duration newGreeting, Duration newNegotiation) {
    return new QmpOptions(newGreeting, newNegotiation, deadlines, outOfBand, server);
  }

  /**
   * Changes how long commands may take.
   *
   * @param newDeadlines the deadlines
   * @return changed options
   */
  public QmpOptions withDeadlines(Deadlines newDeadlines) {
    return new QmpOptions(greeting, negotiation, newDeadlines, outOfBand, server);
  }

  /**
   * Asks for commands that overtake others, if the monitor offers it.
   *
   * @return changed options
   */
  public QmpOptions withOutOfBand() {
    return new QmpOptions(greeting, negotiation, deadlines, true, server);
  }

  /**
   * Refuses a monitor that another process serves: what is at the socket's path may be a link.
   *
   * @param pid the number of the process that must have made the socket
   * @return changed options
   */
  public QmpOptions servedBy(long pid) {
    return new QmpOptions(greeting, negotiation, deadlines, outOfBand, Optional.of(pid));
  }

  private static void require(String field, Duration value) {
    if (value.isNegative() || value.isZero()) {
      throw N0Exception.invalid(field, value, "must be positive");
    }
  }
}
