package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.CidrAddress;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A route, see ip-route(8).
 *
 * @param destination where to: a network, {@code 0.0.0.0/0} or {@code ::/0} for everything
 * @param type what becomes of the packets
 * @param table 1 to 4294967295, such as {@link #MAIN}
 * @param protocol who set it, 0 to 255, such as {@link #BOOT}; only for those who set it
 * @param scope how far the destination is; of IPv6 always {@link Scope#UNIVERSE}
 * @param metric of two routes to one destination the smaller wins, 0 to 4294967295; in IPv6 0 becomes
 *     1024
 * @param source the address that our own packets have; empty for the kernel's choice
 * @param nextHops the ways; none, unless packets are forwarded
 * @param mtu bytes of the largest packet; empty for the link's
 * @since 0.1
 */
public record Route(
    CidrAddress destination,
    Type type,
    long table,
    int protocol,
    Scope scope,
    long metric,
    Optional<InetAddress> source,
    List<NextHop> nextHops,
    OptionalInt mtu) {
  /** The table of what is not said to be in another. */
  public static final long MAIN = 254;
  /** The table of the host's own addresses, which the kernel keeps. */
  public static final long LOCAL = 255;
  /** The protocol of what the kernel sets. */
  public static final int KERNEL = 2;
  /** The protocol of what {@code ip route} sets. */
  public static final int BOOT = 3;
  /** The protocol of what an administrator sets. */
  public static final int STATIC = 4;

  private static final long LARGEST = 0xffffffffL;

  /** What becomes of packets. */
  public enum Type {
    /** They are forwarded or sent. */
    UNICAST(1),
    /** They are for this host. */
    LOCAL(2),
    /** They are for all hosts on the link. */
    BROADCAST(3),
    /** They are for this host as one of several. */
    ANYCAST(4),
    /** They are for a group. */
    MULTICAST(5),
    /** They are dropped. */
    BLACKHOLE(6),
    /** They are dropped, and the sender is told that the host is unreachable. */
    UNREACHABLE(7),
    /** They are dropped, and the sender is told that this is forbidden. */
    PROHIBIT(8),
    /** The next rule is looked at, as if there were no route in this table. */
    THROW(9);

    private final int number;

    Type(int number) {
      this.number = number;
    }

    /** Returns RTN_UNICAST and the like. */
    int number() {
      return number;
    }

    static Optional<Type> of(int number) {
      return Arrays.stream(values()).filter(type -> type.number == number).findAny();
    }
  }

  /** How far a destination is. */
  public enum Scope {
    /** Anywhere. */
    UNIVERSE(0),
    /** Inside our own network, which the kernel does not look at. */
    SITE(200),
    /** On a link. */
    LINK(253),
    /** On this host. */
    HOST(254),
    /** Nowhere. */
    NOWHERE(255);

    private final int number;

    Scope(int number) {
      this.number = number;
    }

    int number() {
      return number;
    }

    /** Of the numbers between, which an administrator may name, the next wider one. */
    static Scope of(int number) {
      return Arrays.stream(values())
          .filter(scope -> scope.number <= number)
          .reduce(UNIVERSE, (wider, narrower) -> narrower);
    }
  }

  /** Checks that the parts go together. */
  public Route {
    nextHops = List.copyOf(nextHops);
    requireNetwork(destination);
    Rules.range("table", table, 1, LARGEST);
    Rules.range("protocol", protocol, 0, 255);
    Rules.range("metric", metric, 0, LARGEST);
    mtu.ifPresent(bytes -> Rules.range("mtu", bytes, 1, Integer.MAX_VALUE));
    AddressFamily family = AddressFamily.of(destination.address());
    source.ifPresent(address -> {
      if (AddressFamily.of(address) != family) {
        throw N0Exception.invalid("source", address.getHostAddress(), "must be " + family);
      }
    });
    for (NextHop hop : nextHops) {
      hop.gateway().ifPresent(gateway -> {
        if (family == AddressFamily.IPV6 && AddressFamily.of(gateway) != family) {
          throw N0Exception.invalid("gateway", gateway.getHostAddress(), "must be " + family);
        }
      });
    }
  }

  private static void requireNetwork(CidrAddress cidr) {
    byte[] octets = cidr.address().getAddress();
    for (int bit = cidr.prefixLength(); bit < octets.length * Byte.SIZE; bit++) {
      if ((octets[bit / Byte.SIZE] >> (Byte.SIZE - 1 - bit % Byte.SIZE) & 1) != 0) {
        throw N0Exception.invalid(
            "destination",
            cidr,
            "must have zeros behind the first " + cidr.prefixLength() + " bits");
      }
    }
  }

  /**
   * Begins a route.
   *
   * @param destination a network, {@code 0.0.0.0/0} or {@code ::/0} for everything
   * @return a builder of a unicast route in table {@link #MAIN}
   */
  public static Builder to(CidrAddress destination) {
    return new Builder(destination);
  }

  /** Collects the parts of a {@link Route}. For one thread. */
  public static final class Builder {
    private final CidrAddress destination;
    private Type type = Type.UNICAST;
    private long table = MAIN;
    private int protocol = BOOT;
    private Optional<Scope> scope = Optional.empty();
    private long metric;
    private Optional<InetAddress> source = Optional.empty();
    private final List<NextHop> nextHops = new ArrayList<>();
    private OptionalInt mtu = OptionalInt.empty();

    private Builder(CidrAddress destination) {
      this.destination = destination;
    }

    /**
     * Sets what becomes of the packets; unless told, they are forwarded.
     *
     * @param what the type
     * @return this builder
     */
    public Builder type(Type what) {
      type = what;
      return this;
    }

    /**
     * Sets the table; unless told, {@link #MAIN}.
     *
     * @param number 1 to 4294967295
     * @return this builder
     */
    public Builder table(long number) {
      table = number;
      return this;
    }

    /**
     * Sets who sets it; unless told, {@link #BOOT}.
     *
     * @param number 0 to 255
     * @return this builder
     */
    public Builder protocol(int number) {
      protocol = number;
      return this;
    }

    /**
     * Sets how far the destination is; unless told, what follows from type and ways, as {@code ip route}
     * does it.
     *
     * @param far how far
     * @return this builder
     */
    public Builder scope(Scope far) {
      scope = Optional.of(far);
      return this;
    }

    /**
     * Sets the metric; unless told, 0.
     *
     * @param number 0 to 4294967295
     * @return this builder
     */
    public Builder metric(long number) {
      metric = number;
      return this;
    }

    /**
     * Sets the address that our own packets have.
     *
     * @param address one of this host's
     * @return this builder
     */
    public Builder source(InetAddress address) {
      source = Optional.of(address);
      return this;
    }

    /**
     * Adds a way; several share the traffic.
     *
     * @param hop the way
     * @return this builder
     */
    public Builder by(NextHop hop) {
      nextHops.add(hop);
      return this;
    }

    /**
     * Adds a way by a router that is on one of our networks.
     *
     * @param gateway the router
     * @return this builder
     */
    public Builder via(InetAddress gateway) {
      return by(NextHop.via(gateway));
    }

    /**
     * Adds a way to what is on a link.
     *
     * @param link its index
     * @return this builder
     */
    public Builder on(int link) {
      return by(NextHop.on(link));
    }

    /**
     * Sets the largest packet.
     *
     * @param bytes 1 to 2147483647
     * @return this builder
     */
    public Builder mtu(int bytes) {
      mtu = OptionalInt.of(bytes);
      return this;
    }

    /**
     * Makes the route.
     *
     * @return the route
     * @throws N0Exception INVALID if the destination has bits outside its prefix, a number is out of range,
     *     or addresses of two families do not go together
     */
    public Route build() {
      return new Route(
          destination,
          type,
          table,
          protocol,
          scope.orElseGet(this::usual),
          metric,
          source,
          nextHops,
          mtu);
    }

    private Scope usual() {
      if (AddressFamily.of(destination.address()) == AddressFamily.IPV6) {
        return Scope.UNIVERSE;
      }
      return switch (type) {
        case LOCAL -> Scope.HOST;
        case BROADCAST, MULTICAST, ANYCAST -> Scope.LINK;
        case UNICAST ->
          nextHops.stream().allMatch(hop -> hop.gateway().isEmpty()) ? Scope.LINK : Scope.UNIVERSE;
        default -> Scope.UNIVERSE;
      };
    }
  }
}
