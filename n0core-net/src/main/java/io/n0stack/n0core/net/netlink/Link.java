package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.network.MacAddress;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A link as it was when the kernel was asked.
 *
 * @param index the interface index, more than 0
 * @param name 1 to 15 bytes
 * @param alternativeNames further names, 1 to 127 bytes each
 * @param kind what it is
 * @param flags {@code IFF_*} of netdevice(7)
 * @param operationalState what it can do at the moment
 * @param carrier whether the other side is there
 * @param mtu the largest packet, in bytes
 * @param leastMtu the smallest that {@code mtu} may be; 0 if the driver has no rule
 * @param largestMtu the largest that {@code mtu} may be; 0 if the driver has no rule
 * @param mac the Ethernet address; empty if it has none, or zeros as the loopback link
 * @param master index of the link that it is a port of; empty if it is none
 * @param parent index of the link that it is made on, or of a veth's other end; empty if there is none
 * @param parentNamespace the id, in this namespace, of the network namespace that {@code parent} is an
 *     index in; empty if it is this one
 * @param alias a free text, 1 to 255 bytes; empty if none was set
 * @param group the group it is in, 0 unless it was put into one
 * @param transmitQueueLength packets
 * @param transmitQueues how many
 * @param receiveQueues how many
 * @param queueingDiscipline the kernel's word for it, such as {@code noqueue}
 * @param promiscuity how many want it to receive what is not for it
 * @since 0.1
 */
public record Link(
    int index,
    String name,
    List<String> alternativeNames,
    LinkKind kind,
    int flags,
    OperationalState operationalState,
    Switch carrier,
    int mtu,
    int leastMtu,
    int largestMtu,
    Optional<MacAddress> mac,
    OptionalInt master,
    OptionalInt parent,
    OptionalInt parentNamespace,
    Optional<String> alias,
    int group,
    int transmitQueueLength,
    int transmitQueues,
    int receiveQueues,
    String queueingDiscipline,
    int promiscuity) {
  /** Copies the names. */
  public Link {
    alternativeNames = List.copyOf(alternativeNames);
  }

  /** What a link can do at the moment, RFC 2863, in the kernel's order. */
  public enum OperationalState {
    /** The driver does not say. */
    UNKNOWN,
    /** Something that it needs is missing. */
    NOT_PRESENT,
    /** Nothing. */
    DOWN,
    /** A link below it is down. */
    LOWER_LAYER_DOWN,
    /** It is being tested. */
    TESTING,
    /** It waits for an event, such as authentication. */
    DORMANT,
    /** It carries packets. */
    UP
  }

  /**
   * Tells whether the administrator asked for it to be up.
   *
   * @return whether it is up, carrier or not
   */
  public boolean up() {
    return (flags & Rtnetlink.IFF_UP) != 0;
  }

  /**
   * Tells whether it is the loopback link.
   *
   * @return whether it is
   */
  public boolean loopback() {
    return (flags & Rtnetlink.IFF_LOOPBACK) != 0;
  }

  /**
   * Tells whether it is a tap.
   *
   * @return whether it is; not for a tun, which has no frames
   */
  public boolean tap() {
    return kind instanceof LinkKind.Tun tun && tun.layer() == LinkKind.TunLayer.TAP;
  }
}
