package io.n0stack.n0core.net.netlink;

/**
 * A queueing discipline as it was when the kernel was asked.
 *
 * @param link index of its link
 * @param handle its name; {@link TrafficHandle#NONE} for one that nobody made
 * @param parent where it is attached
 * @param kind what it is
 * @param statistics what it has done
 * @since 0.1
 */
public record Qdisc(
    int link,
    TrafficHandle handle,
    TrafficHandle parent,
    QdiscKind kind,
    TrafficStatistics statistics) {}
