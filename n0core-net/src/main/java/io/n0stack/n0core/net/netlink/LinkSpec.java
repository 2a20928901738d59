package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.MacAddress;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A link to create.
 *
 * @param name its name
 * @param kind what it is
 * @param mtu bytes; empty if the kernel chooses
 * @param mac its address; empty if the kernel chooses
 * @param master index of the link it becomes a port of
 * @param alias a free text, 1 to 255 bytes
 * @param group the group it is put into, 1 to 2147483647; empty for none
 * @param namespace where it is made; empty for the connection's own
 * @param state whether it is up at once
 * @since 0.1
 */
public record LinkSpec(
    String name,
    LinkKind kind,
    Optional<Integer> mtu,
    Optional<MacAddress> mac,
    OptionalInt master,
    Optional<String> alias,
    OptionalInt group,
    Optional<NetNs> namespace,
    AdminState state) {
  /** Checks names, kind, MTU, master, alias and group. */
  public LinkSpec {
    Rules.linkName("name", name);
    requireCreatable(kind);
    mtu.ifPresent(bytes -> Rules.range("mtu", bytes, 0, Integer.MAX_VALUE));
    master.ifPresent(index -> Rules.range("master", index, 1, Integer.MAX_VALUE));
    alias.ifPresent(text -> LinkChange.requireAlias(text, 1));
    group.ifPresent(number -> Rules.range("group", number, 1, Integer.MAX_VALUE));
    if (alias.isPresent() && namespace.isPresent()) {
      throw N0Exception.invalid("alias", alias.get(), "must be set in the link's own namespace");
    }
  }

  private static void requireCreatable(LinkKind kind) {
    if (kind instanceof LinkKind.Tun || kind instanceof LinkKind.Physical) {
      throw N0Exception.invalid(
          "kind",
          kind.kernelName(),
          "must be one that rtnetlink creates; a tap is made by opening it");
    }
    if (kind instanceof LinkKind.Veth veth && veth.peer().isEmpty()) {
      throw N0Exception.invalid("peer", "", "must be the name of the other end");
    }
    int parent = kind instanceof LinkKind.Vlan vlan
        ? vlan.parent()
        : kind instanceof LinkKind.Macvlan macvlan
            ? macvlan.parent()
            : kind instanceof LinkKind.Macvtap macvtap ? macvtap.parent() : 1;
    Rules.range("parent", parent, 1, Integer.MAX_VALUE);
  }

  /**
   * Asks for a link.
   *
   * @param name its name
   * @param kind what it is
   * @return a link that is down
   */
  public static LinkSpec of(String name, LinkKind kind) {
    return new LinkSpec(
        name,
        kind,
        Optional.empty(),
        Optional.empty(),
        OptionalInt.empty(),
        Optional.empty(),
        OptionalInt.empty(),
        Optional.empty(),
        AdminState.DOWN);
  }

  /**
   * Asks for a bridge as the kernel makes it if it is told nothing.
   *
   * @param name its name
   * @return a bridge that is down
   */
  public static LinkSpec bridge(String name) {
    return of(name, LinkKind.Bridge.usual());
  }

  /**
   * Asks for a virtual cable.
   *
   * @param name the name of one end, which everything else in the spec is about
   * @param peer the name of the other
   * @return a pair that is down
   */
  public static LinkSpec veth(String name, String peer) {
    return of(name, new LinkKind.Veth(Optional.of(peer), Optional.empty()));
  }

  /**
   * Asks for an intermediate functional block.
   *
   * @param name its name
   * @return a link that is down
   */
  public static LinkSpec ifb(String name) {
    return of(name, new LinkKind.Ifb());
  }

  /**
   * Sets the MTU.
   *
   * @param bytes the largest packet
   * @return a changed copy
   */
  public LinkSpec withMtu(int bytes) {
    return new LinkSpec(
        name, kind, Optional.of(bytes), mac, master, alias, group, namespace, state);
  }

  /**
   * Sets the Ethernet address.
   *
   * @param address a unicast address
   * @return a changed copy
   */
  public LinkSpec withMac(MacAddress address) {
    return new LinkSpec(
        name, kind, mtu, Optional.of(address), master, alias, group, namespace, state);
  }

  /**
   * Makes it a port of another link.
   *
   * @param index the other link
   * @return a changed copy
   */
  public LinkSpec withMaster(int index) {
    return new LinkSpec(
        name, kind, mtu, mac, OptionalInt.of(index), alias, group, namespace, state);
  }

  /**
   * Sets the free text, in the same system call that creates the link.
   *
   * @param text 1 to 255 bytes
   * @return a changed copy
   */
  public LinkSpec withAlias(String text) {
    return new LinkSpec(name, kind, mtu, mac, master, Optional.of(text), group, namespace, state);
  }

  /**
   * Puts it into a group, which can be deleted at once.
   *
   * @param number 1 to 2147483647
   * @return a changed copy
   */
  public LinkSpec withGroup(int number) {
    return new LinkSpec(
        name, kind, mtu, mac, master, alias, OptionalInt.of(number), namespace, state);
  }

  /**
   * Makes it in another network namespace. Indexes in the spec stay those of the connection's.
   *
   * @param other the namespace
   * @return a changed copy
   */
  public LinkSpec in(NetNs other) {
    return new LinkSpec(name, kind, mtu, mac, master, alias, group, Optional.of(other), state);
  }

  /**
   * Sets it up at once.
   *
   * @return a changed copy
   */
  public LinkSpec up() {
    return new LinkSpec(name, kind, mtu, mac, master, alias, group, namespace, AdminState.UP);
  }
}
