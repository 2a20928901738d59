package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.net.InetAddress;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A packet whose route is asked for.
 *
 * @param destination where it goes
 * @param source where it comes from; empty if it is our own and the kernel chooses
 * @param input index of the link that it came in by; empty if it is our own
 * @param output index of the link that it must leave by; empty for any
 * @param mark its firewall mark, 0 to 4294967295; empty for none
 * @since 0.1
 */
public record RouteQuery(
    InetAddress destination,
    Optional<InetAddress> source,
    OptionalInt input,
    OptionalInt output,
    OptionalLong mark) {
  /** Checks the numbers and that both addresses are of one family. */
  public RouteQuery {
    input.ifPresent(index -> Rules.range("input", index, 1, Integer.MAX_VALUE));
    output.ifPresent(index -> Rules.range("output", index, 1, Integer.MAX_VALUE));
    mark.ifPresent(number -> Rules.range("mark", number, 0, 0xffffffffL));
    AddressFamily family = AddressFamily.of(destination);
    source.ifPresent(address -> {
      if (AddressFamily.of(address) != family) {
        throw N0Exception.invalid("source", address.getHostAddress(), "must be " + family);
      }
    });
  }

  /**
   * Asks about a packet of our own.
   *
   * @param destination where it goes
   * @return a query about nothing else
   */
  public static RouteQuery to(InetAddress destination) {
    return new RouteQuery(
        destination,
        Optional.empty(),
        OptionalInt.empty(),
        OptionalInt.empty(),
        OptionalLong.empty());
  }

  /**
   * Says where it comes from.
   *
   * @param address the source
   * @return a changed copy
   */
  public RouteQuery from(InetAddress address) {
    return new RouteQuery(destination, Optional.of(address), input, output, mark);
  }

  /**
   * Says that it is to be forwarded.
   *
   * @param index the link that it came in by
   * @return a changed copy
   */
  public RouteQuery cameInBy(int index) {
    return new RouteQuery(destination, source, OptionalInt.of(index), output, mark);
  }

  /**
   * Says that it must leave by a link.
   *
   * @param index the link
   * @return a changed copy
   */
  public RouteQuery through(int index) {
    return new RouteQuery(destination, source, input, OptionalInt.of(index), mark);
  }

  /**
   * Says that it has a firewall mark.
   *
   * @param number 0 to 4294967295
   * @return a changed copy
   */
  public RouteQuery withMark(long number) {
    return new RouteQuery(destination, source, input, output, OptionalLong.of(number));
  }
}
