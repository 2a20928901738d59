package io.n0stack.n0core.net.netlink;

/**
 * A filter as it was when the kernel was asked.
 *
 * @param link index of its link
 * @param spec what it is, with its name
 * @since 0.1
 */
public record Filter(int link, FilterSpec spec) {}
