package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.MacAddress;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A link to create.
 *
 * @param name its name
 * @param kind the kernel's word for what it is
 * @param peer name of the other end, for a veth only
 * @param mtu bytes; empty if the kernel chooses
 * @param mac its address; empty if the kernel chooses
 * @param master index of the link it becomes a port of
 * @param alias a free text, 1 to 255 bytes
 * @param state whether it is up at once
 * @since 0.1
 */
public record LinkSpec(
    String name,
    String kind,
    Optional<String> peer,
    Optional<Integer> mtu,
    Optional<MacAddress> mac,
    OptionalInt master,
    Optional<String> alias,
    AdminState state) {
  /** Checks names, MTU, master and alias. */
  public LinkSpec {
    Rules.linkName("name", name);
    Rules.linkName("kind", kind);
    peer.ifPresent(other -> Rules.linkName("peer", other));
    mtu.ifPresent(bytes -> Rules.range("mtu", bytes, 0, Integer.MAX_VALUE));
    master.ifPresent(index -> Rules.range("master", index, 1, Integer.MAX_VALUE));
    alias.ifPresent(text -> LinkChange.requireAlias(text, 1));
  }

  /**
   * Asks for a link of any kind that needs no more than its name.
   *
   * @param kind the kernel's word, such as {@code ifb}
   * @param name its name
   * @return a link that is down
   */
  public static LinkSpec of(String kind, String name) {
    return new LinkSpec(
        name,
        kind,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        OptionalInt.empty(),
        Optional.empty(),
        AdminState.DOWN);
  }

  /**
   * Asks for a bridge.
   *
   * @param name its name
   * @return a bridge that is down
   */
  public static LinkSpec bridge(String name) {
    return of("bridge", name);
  }

  /**
   * Asks for a virtual cable.
   *
   * @param name the name of one end, which everything else in the spec is about
   * @param peer the name of the other
   * @return a pair that is down
   */
  public static LinkSpec veth(String name, String peer) {
    LinkSpec spec = of("veth", name);
    return new LinkSpec(
        name,
        spec.kind,
        Optional.of(peer),
        spec.mtu,
        spec.mac,
        spec.master,
        spec.alias,
        spec.state);
  }

  /**
   * Sets the MTU.
   *
   * @param bytes the largest packet
   * @return a changed copy
   */
  public LinkSpec withMtu(int bytes) {
    return new LinkSpec(name, kind, peer, Optional.of(bytes), mac, master, alias, state);
  }

  /**
   * Sets the Ethernet address.
   *
   * @param address a unicast address
   * @return a changed copy
   */
  public LinkSpec withMac(MacAddress address) {
    return new LinkSpec(name, kind, peer, mtu, Optional.of(address), master, alias, state);
  }

  /**
   * Makes it a port of another link.
   *
   * @param index the other link
   * @return a changed copy
   */
  public LinkSpec withMaster(int index) {
    return new LinkSpec(name, kind, peer, mtu, mac, OptionalInt.of(index), alias, state);
  }

  /**
   * Sets the free text, in the same system call that creates the link.
   *
   * @param text 1 to 255 bytes
   * @return a changed copy
   */
  public LinkSpec withAlias(String text) {
    return new LinkSpec(name, kind, peer, mtu, mac, master, Optional.of(text), state);
  }

  /**
   * Sets it up at once.
   *
   * @return a changed copy
   */
  public LinkSpec up() {
    return new LinkSpec(name, kind, peer, mtu, mac, master, alias, AdminState.UP);
  }
}
