package io.n0stack.n0core.net.netlink;

/**
 * A class of a queueing discipline as it was when the kernel was asked.
 *
 * @param link index of its link
 * @param handle its name
 * @param parent the class that it is below; {@link TrafficHandle#ROOT} if it is below the discipline
 * @param kind what it is
 * @param statistics what it has done
 * @since 0.1
 */
public record TrafficClass(
    int link,
    TrafficHandle handle,
    TrafficHandle parent,
    TrafficClassKind kind,
    TrafficStatistics statistics) {}
