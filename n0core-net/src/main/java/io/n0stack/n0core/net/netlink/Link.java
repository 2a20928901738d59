package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.network.MacAddress;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A link as it was when the kernel was asked.
 *
 * @since 0.1
 */
public sealed interface Link {
  /**
   * Returns what links of every kind have.
   *
   * @return the common part
   */
  LinkAttributes attributes();

  /**
   * Returns the kernel's word for what it is.
   *
   * @return such as {@code bridge}; empty text for hardware
   */
  String kind();

  /**
   * Returns the interface index.
   *
   * @return more than 0
   */
  default int index() {
    return attributes().index();
  }

  /**
   * Returns the name.
   *
   * @return 1 to 15 bytes
   */
  default String name() {
    return attributes().name();
  }

  /**
   * Returns the largest packet.
   *
   * @return bytes
   */
  default int mtu() {
    return attributes().mtu();
  }

  /**
   * Tells whether the administrator asked for it to be up.
   *
   * @return whether it is up, carrier or not
   */
  default boolean up() {
    return attributes().state() == AdminState.UP;
  }

  /**
   * Returns the Ethernet address.
   *
   * @return the address, empty if it has none
   */
  default Optional<MacAddress> mac() {
    return attributes().mac();
  }

  /**
   * Returns what it is a port of.
   *
   * @return index of the other link, empty if it is no port
   */
  default OptionalInt master() {
    return attributes().master();
  }

  /**
   * Returns the free text set on it.
   *
   * @return the text, empty if there is none
   */
  default Optional<String> alias() {
    return attributes().alias();
  }

  /**
   * A bridge.
   *
   * @param attributes what links of every kind have
   */
  record Bridge(LinkAttributes attributes) implements Link {
    @Override
    public String kind() {
      return "bridge";
    }
  }

  /**
   * One end of a virtual cable.
   *
   * @param attributes what links of every kind have
   * @param peerIndex index of the other end, in the other end's network namespace; empty if not told
   */
  record Veth(LinkAttributes attributes, OptionalInt peerIndex) implements Link {
    @Override
    public String kind() {
      return "veth";
    }
  }

  /**
   * An intermediate functional block.
   *
   * @param attributes what links of every kind have
   */
  record Ifb(LinkAttributes attributes) implements Link {
    @Override
    public String kind() {
      return "ifb";
    }
  }

  /**
   * A tap.
   *
   * @param attributes what links of every kind have
   * @param owner the user id that may open it, empty if anybody may
   * @param lifetime whether it outlives the process that holds it open
   */
  record Tap(LinkAttributes attributes, OptionalLong owner, Lifetime lifetime) implements Link {
    @Override
    public String kind() {
      return "tun";
    }
  }

  /** How long a tap lasts. */
  enum Lifetime {
    /** Until it is deleted. */
    PERSISTENT,
    /** Until the last descriptor is closed. */
    TRANSIENT
  }

  /**
   * Any other link.
   *
   * @param attributes what links of every kind have
   * @param kind the kernel's word for it
   */
  record Other(LinkAttributes attributes, String kind) implements Link {}
}
