package io.n0stack.n0core.api.network;

/**
 * A port as it is on the host.
 *
 * @param tap name of the tap link
 * @param tapIndex its interface index, more than 0
 * @param bridge name of the bridge it is a port of
 * @param mac the address that the guest's NIC must have
 * @param mtu its MTU in bytes
 * @param ownerUid the user id that may open the tap
 * @since 0.1
 */
public record PortStatus(
    String tap, int tapIndex, String bridge, MacAddress mac, int mtu, long ownerUid) {}
