package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import java.time.Duration;

/**
 * How quickly a silent member is given up. Each time is at most 10 min.
 *
 * @param probe how often one member is probed, at least 50 ms
 * @param probeTimeout how long a probe may take, at least 50 ms
 * @param failureTimeout how long a suspect has to speak up before it counts as gone, at least 200 ms
 * @param gossip how often news are passed on, at least 10 ms
 * @param connect how long a try to connect may take, at least 50 ms
 * @since 0.1
 */
public record Timings(
    Duration probe,
    Duration probeTimeout,
    Duration failureTimeout,
    Duration gossip,
    Duration connect) {
  private static final Duration CONNECT = Duration.ofSeconds(1);

  /** Probes every 500 ms, gives up after 500 ms and 3 s more; gossips every 200 ms; connects in 1 s. */
  public static final Timings DEFAULT = new Timings(
      Duration.ofMillis(500),
      Duration.ofMillis(500),
      Duration.ofSeconds(3),
      Duration.ofMillis(200),
      CONNECT);

  /** Checks the times. */
  public Timings {
    require("probe", probe, 50);
    require("probeTimeout", probeTimeout, 50);
    require("failureTimeout", failureTimeout, 200);
    require("gossip", gossip, 10);
    require("connect", connect, 50);
  }

  /**
   * Sets all but the time to connect, which is 1 s.
   *
   * @param probe how often one member is probed
   * @param probeTimeout how long a probe may take
   * @param failureTimeout how long a suspect has to speak up before it counts as gone
   * @param gossip how often news are passed on
   */
  public Timings(Duration probe, Duration probeTimeout, Duration failureTimeout, Duration gossip) {
    this(probe, probeTimeout, failureTimeout, gossip, CONNECT);
  }

  private static void require(String field, Duration value, long leastMillis) {
    if (value.compareTo(Duration.ofMillis(leastMillis)) < 0
        || value.compareTo(Duration.ofMinutes(10)) > 0) {
      throw N0Exception.invalid(field, value, "must be " + leastMillis + " ms to 10 min");
    }
  }
}
