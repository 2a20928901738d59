package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How a connection to the kernel is to be.
 *
 * @param namespace the network namespace it works in; empty for that of the thread that opens it
 * @param limit how long to wait for the answer to one request, more than zero
 * @param warnings takes what the kernel says about requests that it carried out, on the thread that
 *     asked
 * @since 0.1
 */
public record NetlinkOptions(
    Optional<NetNs> namespace, Duration limit, Consumer<NetlinkWarning> warnings) {
  private static final Logger LOG = LoggerFactory.getLogger(NetlinkOptions.class);

  /** Checks the limit. */
  public NetlinkOptions {
    if (limit.isNegative() || limit.isZero()) {
      throw N0Exception.invalid("limit", limit, "must be more than zero");
    }
  }

  /**
   * Waits ten seconds, and logs warnings.
   *
   * @return options for the namespace of the thread that opens the connection
   */
  public static NetlinkOptions usual() {
    return new NetlinkOptions(
        Optional.empty(),
        Duration.ofSeconds(10),
        warning -> LOG.warn("{}: {}", warning.operation(), Rules.quote(warning.kernelMessage())));
  }

  /**
   * Works in a network namespace.
   *
   * @param other the namespace, which may be closed once the connection is open
   * @return a changed copy
   */
  public NetlinkOptions in(NetNs other) {
    return new NetlinkOptions(Optional.of(other), limit, warnings);
  }

  /**
   * Sets how long to wait.
   *
   * @param duration more than zero
   * @return a changed copy
   */
  public NetlinkOptions withLimit(Duration duration) {
    return new NetlinkOptions(namespace, duration, warnings);
  }

  /**
   * Sets who hears warnings.
   *
   * @param listener takes them
   * @return a changed copy
   */
  public NetlinkOptions withWarnings(Consumer<NetlinkWarning> listener) {
    return new NetlinkOptions(namespace, limit, listener);
  }
}
