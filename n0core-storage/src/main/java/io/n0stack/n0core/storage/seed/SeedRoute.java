package io.n0stack.n0core.storage.seed;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.CidrAddress;
import java.net.InetAddress;
import java.util.Optional;

/**
 * A route of the guest.
 *
 * @param to the network, without bits of a host
 * @param via the router, of the same family
 * @param metric the lower one is taken; empty for the guest's own choice
 * @since 0.1
 */
public record SeedRoute(CidrAddress to, InetAddress via, Optional<Integer> metric) {
  /** Checks addresses and metric. */
  public SeedRoute {
    SeedRules.address("route.via", via);
    byte[] network = to.address().getAddress();
    if (network.length != via.getAddress().length) {
      throw N0Exception.invalid(
          "route.via", via.getHostAddress(), "must be of the family of " + to);
    }
    if (SeedRules.isScoped(to.address())) {
      throw N0Exception.invalid("route.to", to, "must have no zone");
    }
    for (int bit = to.prefixLength(); bit < network.length * 8; bit++) {
      if ((network[bit / 8] & 0x80 >>> bit % 8) != 0) {
        throw N0Exception.invalid(
            "route.to", to, "must have no bits behind the first " + to.prefixLength());
      }
    }
    metric.ifPresent(value -> Rules.range("route.metric", value, 0, Integer.MAX_VALUE));
  }

  /**
   * Makes a route.
   *
   * @param to the network
   * @param via the router
   * @return the route
   */
  public static SeedRoute of(CidrAddress to, InetAddress via) {
    return new SeedRoute(to, via, Optional.empty());
  }

  /**
   * Makes the default route.
   *
   * @param via the router
   * @return the route to all of its family
   */
  public static SeedRoute byDefault(InetAddress via) {
    return of(CidrAddress.parse(via.getAddress().length == 4 ? "0.0.0.0/0" : "::/0"), via);
  }

  /**
   * Sets the metric.
   *
   * @param value the lower one is taken
   * @return the route with this metric
   */
  public SeedRoute withMetric(int value) {
    return new SeedRoute(to, via, Optional.of(value));
  }
}
