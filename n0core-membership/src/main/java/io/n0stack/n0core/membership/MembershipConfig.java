package io.n0stack.n0core.membership;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.membership.internal.Ipv4;
import java.util.Arrays;
import java.util.List;

/**
 * What a member needs to know to join.
 *
 * @param name its name, an RFC 1123 label, unique among the members
 * @param listen the one IPv4 address and port that it listens on and that others reach it by; a name
 *     keeps its address for as long as others remember it
 * @param seeds whom it calls, for ever, until they answer; usually the API processes
 * @param clusterId an RFC 1123 label; members of different clusters do not speak to each other
 * @param timings how quickly a silent member is given up
 * @param transport how members know each other
 * @since 0.1
 */
public record MembershipConfig(
    String name,
    HostPort listen,
    List<HostPort> seeds,
    String clusterId,
    Timings timings,
    Transport transport) {
  private static final int MOST_SEEDS = 64;

  /** Checks the texts and that the address can be listened on. */
  public MembershipConfig {
    Rules.label("name", name);
    Rules.label("clusterId", clusterId);
    if (!Ipv4.literal(listen.host())) {
      throw N0Exception.invalid("listen", listen, "must be an IPv4 address, not a name");
    }
    if (listen.host().equals("0.0.0.0")) {
      throw N0Exception.invalid("listen", listen, "must be one address that others can reach");
    }
    Rules.range("number of seeds", seeds.size(), 0, MOST_SEEDS);
    seeds = List.copyOf(seeds);
  }

  /**
   * Configures a member with defaults: no seeds, cluster {@code n0core}, {@link Timings#DEFAULT}. For
   * the transport there is none: who wants it in the clear has to say so.
   *
   * @param name its name
   * @param listen where it listens, as {@code IPV4:PORT}
   * @param transport how members know each other, the same kind for all
   * @return the configuration
   * @throws N0Exception INVALID naming field, value and rule
   */
  public static MembershipConfig of(String name, String listen, Transport transport) {
    return new MembershipConfig(
        name, HostPort.parse(listen), List.of(), "n0core", Timings.DEFAULT, transport);
  }

  /**
   * Sets whom it calls.
   *
   * @param addresses the seeds, each as {@code HOST:PORT}
   * @return a changed copy
   */
  public MembershipConfig withSeeds(String... addresses) {
    List<HostPort> parsed = Arrays.stream(addresses).map(HostPort::parse).toList();
    return new MembershipConfig(name, listen, parsed, clusterId, timings, transport);
  }

  /**
   * Sets which cluster it belongs to.
   *
   * @param id an RFC 1123 label
   * @return a changed copy
   */
  public MembershipConfig withClusterId(String id) {
    return new MembershipConfig(name, listen, seeds, id, timings, transport);
  }

  /**
   * Sets how quickly a silent member is given up.
   *
   * @param changed the times
   * @return a changed copy
   */
  public MembershipConfig withTimings(Timings changed) {
    return new MembershipConfig(name, listen, seeds, clusterId, changed, transport);
  }

  /**
   * Sets how members know each other.
   *
   * @param changed the transport, the same kind for all
   * @return a changed copy
   */
  public MembershipConfig withTransport(Transport changed) {
    return new MembershipConfig(name, listen, seeds, clusterId, timings, changed);
  }
}
