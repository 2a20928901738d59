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
 * @param mostSilence how long nothing may move, 1 s to 1 h: while the target's address does not answer, no byte of
 *     memory is sent, no disk's copy comes farther, and the emulator goes from no phase of its sending to another or does
 *     not even answer. The migration is then given up and the guest goes on at the source, while {@code mostDowntime} and
 *     the operation's deadline bound what does move. It also bounds how long a target may take to read the state of the
 *     guest's devices
 * @since 0.1
 */
public record MigrationOptions(
    Optional<Long> mostBytesPerSecond,
    Duration mostDowntime,
    Convergence convergence,
    Optional<MigrationTls> tls,
    Duration mostSilence) {
  private static final long LEAST_RATE =
      1024; // QEMU takes a rate that rounds to nothing for no limit
  private static final Duration USUAL_DOWNTIME = Duration.ofMillis(300);
  private static final Duration LONGEST_DOWNTIME = Duration.ofMinutes(1);
  private static final Duration USUAL_SILENCE = Duration.ofSeconds(30);
  private static final Duration LEAST_SILENCE = Duration.ofSeconds(1);
  private static final Duration LONGEST_SILENCE = Duration.ofHours(1);

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
    if (mostSilence.compareTo(LEAST_SILENCE) < 0 || mostSilence.compareTo(LONGEST_SILENCE) > 0) {
      throw N0Exception.invalid("mostSilence", mostSilence, "must be 1 s to 1 h");
    }
  }

  /**
   * Creates options that allow 30 s of silence.
   *
   * @param mostBytesPerSecond what the memory may take of the network, at least 1024; empty for no limit
   * @param mostDowntime how long the guest may stand still in the end, 1 ms to 1 min
   * @param convergence what is done about a guest that changes memory faster than it can be sent
   * @param tls the certificates; present exactly if the target has some
   * @throws N0Exception INVALID if a number is out of its range
   */
  public MigrationOptions(
      Optional<Long> mostBytesPerSecond,
      Duration mostDowntime,
      Convergence convergence,
      Optional<MigrationTls> tls) {
    this(mostBytesPerSecond, mostDowntime, convergence, tls, USUAL_SILENCE);
  }

  /**
   * Sends as fast as possible, with at most 300 ms of downtime and 30 s of silence, and slows the guest down if need
   * be.
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
    return new MigrationOptions(
        Optional.of(bytesPerSecond), mostDowntime, convergence, tls, mostSilence);
  }

  /**
   * Allows another downtime.
   *
   * @param most the most
   * @return a changed copy
   */
  public MigrationOptions withMostDowntime(Duration most) {
    return new MigrationOptions(mostBytesPerSecond, most, convergence, tls, mostSilence);
  }

  /**
   * Does something else about busy guests.
   *
   * @param what what is done
   * @return a changed copy
   */
  public MigrationOptions withConvergence(Convergence what) {
    return new MigrationOptions(mostBytesPerSecond, mostDowntime, what, tls, mostSilence);
  }

  /**
   * Encrypts.
   *
   * @param certificates the certificates
   * @return a changed copy
   */
  public MigrationOptions withTls(MigrationTls certificates) {
    return new MigrationOptions(
        mostBytesPerSecond, mostDowntime, convergence, Optional.of(certificates), mostSilence);
  }

  /**
   * Allows another time without any movement.
   *
   * @param most the most, 1 s to 1 h; longer than the target takes to clear a disk of which it cannot clear a part at
   *     once, and to read the state of the guest's devices
   * @return a changed copy
   * @throws N0Exception INVALID if it is out of its range
   */
  public MigrationOptions withMostSilence(Duration most) {
    return new MigrationOptions(mostBytesPerSecond, mostDowntime, convergence, tls, most);
  }
}
