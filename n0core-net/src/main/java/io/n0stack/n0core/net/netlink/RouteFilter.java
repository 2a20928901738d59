package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.Rules;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * Which routes to list; what is empty does not matter.
 *
 * @param family the family
 * @param table the table, 1 to 4294967295
 * @param link index of a link that a way leads out by
 * @since 0.1
 */
public record RouteFilter(Optional<AddressFamily> family, OptionalLong table, OptionalInt link) {
  /** Checks the numbers. */
  public RouteFilter {
    table.ifPresent(number -> Rules.range("table", number, 1, 0xffffffffL));
    link.ifPresent(Netlink::requireIndex);
  }

  /**
   * Lists all routes.
   *
   * @return a filter that lets everything through
   */
  public static RouteFilter all() {
    return new RouteFilter(Optional.empty(), OptionalLong.empty(), OptionalInt.empty());
  }

  /**
   * Lists those of a family.
   *
   * @param wanted the family
   * @return a changed copy
   */
  public RouteFilter of(AddressFamily wanted) {
    return new RouteFilter(Optional.of(wanted), table, link);
  }

  /**
   * Lists those in a table.
   *
   * @param number 1 to 4294967295
   * @return a changed copy
   */
  public RouteFilter inTable(long number) {
    return new RouteFilter(family, OptionalLong.of(number), link);
  }

  /**
   * Lists those of which a way leads out by a link.
   *
   * @param index the link
   * @return a changed copy
   */
  public RouteFilter through(int index) {
    return new RouteFilter(family, table, OptionalInt.of(index));
  }

  boolean accepts(Route route) {
    return (family.isEmpty()
            || family.get() == AddressFamily.of(route.destination().address()))
        && table.orElse(route.table()) == route.table()
        && (link.isEmpty()
            || route.nextHops().stream().anyMatch(hop -> hop.link().equals(link)));
  }
}
