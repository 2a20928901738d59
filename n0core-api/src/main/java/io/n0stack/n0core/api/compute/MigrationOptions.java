package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.time.Duration;
import java.util.Optional;

/**
 * How a machine is sent.
 *
 * @param mostBytesPerSecond what the memory may take of the network, at least 1024; empty for no limit
 * @param mostDowntime how long the guest may stand still in the end, 1 ms to 1 min, as far as can be foreseen
 * @param convergence what is done about a guest that changes memory faster than it can be sent
 * @param tls the certificates; present exactly if the target has some
 * @since 0.1
 */
public record MigrationOptions(
    Optional<Long> mostBytesPerSecond,
    Duration mostDowntime,
    Convergence convergence,
    Optional<MigrationTls> tls) {
  private static final long LEAST_RATE =
      1024; // QEMU takes a rate that rounds to nothing for no limit
  private static final Duration USUAL_DOWNTIME = Duration.ofMillis(300);
  private static final Duration LONGEST_DOWNTIME = Duration.ofMinutes(1);

  /** What is done about a guest that changes memory faster than it can be sent. */
  public enum Convergence {
    /** It is tried until the deadline. */
    WAIT,
    /** The guest's processors are slowed down, more and more. */
    SLOW_DOWN,
    /**
     * The guest runs on the target before all of its memory is there; what it misses is fetched as it touches it. From
     * then on each host has a part of the guest, and neither can run it alone: unlike with the others the source cannot
     * take it back, and a guest whose source, target or network fails then is lost. A driver that cannot do so says
     * UNSUPPORTED before it changes anything.
     */
    POST_COPY
  }

  /** Checks the numbers. */
  public MigrationOptions {
    mostBytesPerSecond.ifPresent(
        n -> Rules.range("mostBytesPerSecond", n, LEAST_RATE, Long.MAX_VALUE));
    if (mostDowntime.compareTo(Duration.ofMillis(1)) < 0
        || mostDowntime.compareTo(LONGEST_DOWNTIME) > 0) {
      throw N0Exception.invalid("mostDowntime", mostDowntime, "must be 1 ms to 1 min");
    }
  }

  /**
   * Sends as fast as possible, with at most 300 ms of downtime, and slows the guest down if need be.
   *
   * @return the options
   */
  public static MigrationOptions usual() {
    return new MigrationOptions(
        Optional.empty(), USUAL_DOWNTIME, Convergence.SLOW_DOWN, Optional.empty());
  }

  /**
   * Limits what the memory takes of the network.
   *
   * @param bytesPerSecond the most, in bytes per second
   * @return a changed copy
   */
  public MigrationOptions withMostBytesPerSecond(long bytesPerSecond) {
    return new MigrationOptions(Optional.of(bytesPerSecond), mostDowntime, convergence, tls);
  }

  /**
   * Allows another downtime.
   *
   * @param most the most
   * @return a changed copy
   */
  public MigrationOptions withMostDowntime(Duration most) {
    return new MigrationOptions(mostBytesPerSecond, most, convergence, tls);
  }

  /**
   * Does something else about busy guests.
   *
   * @param what what is done
   * @return a changed copy
   */
  public MigrationOptions withConvergence(Convergence what) {
    return new MigrationOptions(mostBytesPerSecond, mostDowntime, what, tls);
  }

  /**
   * Encrypts.
   *
   * @param certificates the certificates
   * @return a changed copy
   */
  public MigrationOptions withTls(MigrationTls certificates) {
    return new MigrationOptions(
        mostBytesPerSecond, mostDowntime, convergence, Optional.of(certificates));
  }
}
