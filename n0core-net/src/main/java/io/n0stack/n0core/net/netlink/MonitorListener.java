package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import java.util.Optional;

/**
 * Hears what changes in a network namespace. Called in order, one call at a time, on the executor of the
 * {@link NetlinkMonitor}.
 *
 * @since 0.1
 */
public interface MonitorListener {
  /**
   * A link is there, or is not as it was. Links that are there from the beginning come first.
   *
   * @param before the link as it was told last; empty if it is new
   * @param after the link as it is
   */
  default void linkChanged(Optional<Link> before, Link after) {}

  /**
   * A link is gone.
   *
   * @param link as it was told last
   */
  default void linkRemoved(Link link) {}

  /**
   * An address is there, or is not as it was.
   *
   * @param address the address as it is
   */
  default void addressChanged(LinkAddress address) {}

  /**
   * An address is gone.
   *
   * @param address as it was told last
   */
  default void addressRemoved(LinkAddress address) {}

  /**
   * The Ethernet address of a host is known, or not known as it was.
   *
   * @param neighbour as it is
   */
  default void neighbourChanged(Neighbour neighbour) {}

  /**
   * The Ethernet address of a host is forgotten.
   *
   * @param neighbour as it was told last
   */
  default void neighbourRemoved(Neighbour neighbour) {}

  /**
   * A route is there. One that is replaced is removed and added.
   *
   * @param route the route
   */
  default void routeAdded(Route route) {}

  /**
   * A route is gone.
   *
   * @param route as it was told
   */
  default void routeRemoved(Route route) {}

  /**
   * All that is there at the moment has been told: after the beginning, and after {@link #overrun}.
   */
  default void current() {}

  /**
   * The kernel had to drop messages. What is told until {@link #current} is the difference between what
   * was told before and what is there: nothing is missed but states in between.
   */
  default void overrun() {}

  /**
   * The monitor has ended without being closed; nothing will be told any more. Called by the monitor's
   * own thread if the executor takes no calls, which is such an end, too.
   *
   * @param why what went wrong
   */
  default void failed(N0Exception why) {}
}
