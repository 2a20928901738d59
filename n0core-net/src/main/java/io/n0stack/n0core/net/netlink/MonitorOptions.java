package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/**
 * What a monitor hears.
 *
 * @param topics what about, one or more
 * @param namespace where; empty for the namespace of the thread that opens the monitor
 * @param bufferBytes how much the kernel keeps while the monitor or its listener is busy, 4096 to 1 GiB;
 *     beyond the system's limit only for root
 * @since 0.1
 */
public record MonitorOptions(Set<Topic> topics, Optional<NetNs> namespace, int bufferBytes) {
  private static final int USUAL_BUFFER = 8 << 20;

  /** What can be heard about. */
  public enum Topic {
    /** Links. */
    LINKS,
    /** Addresses of links. */
    ADDRESSES,
    /** Ethernet addresses of hosts. */
    NEIGHBOURS,
    /** Routes of all tables; each change of a link, address or route makes the monitor list them. */
    ROUTES
  }

  /** Copies and checks the topics. */
  public MonitorOptions {
    topics = Set.copyOf(topics);
    if (topics.isEmpty()) {
      throw N0Exception.invalid("topics", topics, "must be one or more");
    }
    Rules.range("bufferBytes", bufferBytes, 4096, 1 << 30);
  }

  /**
   * Hears about everything.
   *
   * @return options with a buffer of 8 MiB
   */
  public static MonitorOptions everything() {
    return new MonitorOptions(EnumSet.allOf(Topic.class), Optional.empty(), USUAL_BUFFER);
  }

  /**
   * Hears about one topic.
   *
   * @param topic what about
   * @return options with a buffer of 8 MiB
   */
  public static MonitorOptions of(Topic topic) {
    return new MonitorOptions(Set.of(topic), Optional.empty(), USUAL_BUFFER);
  }

  /**
   * Hears about another network namespace.
   *
   * @param other the namespace, which may be closed once the monitor is open
   * @return a changed copy
   */
  public MonitorOptions in(NetNs other) {
    return new MonitorOptions(topics, Optional.of(other), bufferBytes);
  }

  /**
   * Sets how much the kernel keeps.
   *
   * @param bytes 4096 to 1 GiB
   * @return a changed copy
   */
  public MonitorOptions withBuffer(int bytes) {
    return new MonitorOptions(topics, namespace, bytes);
  }
}
