package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.network.MacAddress;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What links of every kind have.
 *
 * @param index the interface index, more than 0
 * @param name its name
 * @param state what the administrator asked for
 * @param loopback whether it is the loopback link
 * @param mtu the largest packet, in bytes
 * @param mac its Ethernet address, empty if it has none
 * @param master index of the link that this one is a port of, empty if it is none
 * @param alias a free text, 1 to 255 bytes, empty if none was set
 * @since 0.1
 */
public record LinkAttributes(
    int index,
    String name,
    AdminState state,
    boolean loopback,
    int mtu,
    Optional<MacAddress> mac,
    OptionalInt master,
    Optional<String> alias) {}
