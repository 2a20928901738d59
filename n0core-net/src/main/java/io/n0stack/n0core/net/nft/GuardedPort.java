package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.network.PortSpec.Isolation;

/**
 * A guard as it is.
 *
 * @param tap the tap's name
 * @param stamp whose it is, empty if there is none
 * @param isolation whether the port reaches others
 * @param droppedPackets how many frames of the guest it dropped
 * @since 0.1
 */
public record GuardedPort(String tap, String stamp, Isolation isolation, long droppedPackets) {}
