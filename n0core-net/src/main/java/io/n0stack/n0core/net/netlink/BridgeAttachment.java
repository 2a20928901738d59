package io.n0stack.n0core.net.netlink;

/**
 * A bridge and a link that is its port.
 *
 * @param bridgeIndex interface index of the bridge
 * @param linkIndex interface index of the port
 * @since 0.1
 */
public record BridgeAttachment(int bridgeIndex, int linkIndex) {}
