package io.n0stack.n0core.net.netlink;

/**
 * A class to be made.
 *
 * @param parent the queueing discipline or class that it is below
 * @param handle its name, with the major number of the discipline
 * @param kind what it is
 * @since 0.1
 */
public record TrafficClassSpec(TrafficHandle parent, TrafficHandle handle, TrafficClassKind kind) {}
