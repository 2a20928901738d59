package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.MacAddress;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What to change of a link, in one message; what is empty stays as it is.
 *
 * @param state up or down
 * @param master index of the link it becomes a port of, 0 for none
 * @param mtu bytes
 * @param mac the Ethernet address
 * @param alias a free text, up to 255 bytes; empty text removes it
 * @param addressGeneration whether the kernel gives it IPv6 link-local addresses
 * @param name a new name; kernels before 6.2 or so refuse it while the link is up
 * @param group the group it is put into, 0 for none
 * @param transmitQueueLength packets
 * @param promiscuous whether it receives what is not for it
 * @param namespace where it is moved, together with its new name, if one is given
 * @since 0.1
 */
public record LinkChange(
    Optional<AdminState> state,
    Optional<Integer> master,
    Optional<Integer> mtu,
    Optional<MacAddress> mac,
    Optional<String> alias,
    Optional<AddressGeneration> addressGeneration,
    Optional<String> name,
    OptionalInt group,
    OptionalInt transmitQueueLength,
    Optional<Switch> promiscuous,
    Optional<NetNs> namespace) {
  private static final int ALIAS_BYTES = 255; // IFALIASZ - 1, linux/if.h

  /** Whether the kernel makes IPv6 addresses on its own. */
  public enum AddressGeneration {
    /** A link that is up gets no address that nobody asked for. */
    NONE
  }

  /** Checks names and numbers. */
  public LinkChange {
    master.ifPresent(index -> Rules.range("master", index, 0, Integer.MAX_VALUE));
    mtu.ifPresent(bytes -> Rules.range("mtu", bytes, 0, Integer.MAX_VALUE));
    alias.ifPresent(text -> requireAlias(text, 0));
    name.ifPresent(text -> Rules.linkName("name", text));
    group.ifPresent(number -> Rules.range("group", number, 0, Integer.MAX_VALUE));
    transmitQueueLength.ifPresent(
        packets -> Rules.range("transmitQueueLength", packets, 0, Integer.MAX_VALUE));
  }

  static void requireAlias(String text, int least) {
    int bytes = text.getBytes(StandardCharsets.UTF_8).length;
    if (bytes < least || bytes > ALIAS_BYTES || text.indexOf('\0') >= 0) {
      throw N0Exception.invalid(
          "alias", text, "must be " + least + " to " + ALIAS_BYTES + " bytes without zero");
    }
  }

  /**
   * Changes nothing yet.
   *
   * @return an empty change
   */
  public static LinkChange none() {
    return new LinkChange(
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        OptionalInt.empty(),
        OptionalInt.empty(),
        Optional.empty(),
        Optional.empty());
  }

  /**
   * Sets the link up.
   *
   * @return a changed copy
   */
  public LinkChange up() {
    return withState(AdminState.UP);
  }

  /**
   * Sets the link down.
   *
   * @return a changed copy
   */
  public LinkChange down() {
    return withState(AdminState.DOWN);
  }

  private LinkChange withState(AdminState wanted) {
    return new LinkChange(
        Optional.of(wanted),
        master,
        mtu,
        mac,
        alias,
        addressGeneration,
        name,
        group,
        transmitQueueLength,
        promiscuous,
        namespace);
  }

  /**
   * Makes it a port of another link.
   *
   * @param index the other link
   * @return a changed copy
   */
  public LinkChange withMaster(int index) {
    return new LinkChange(
        state,
        Optional.of(index),
        mtu,
        mac,
        alias,
        addressGeneration,
        name,
        group,
        transmitQueueLength,
        promiscuous,
        namespace);
  }

  /**
   * Takes it out of the link it is a port of.
   *
   * @return a changed copy
   */
  public LinkChange withoutMaster() {
    return withMaster(0);
  }

  /**
   * Sets the MTU.
   *
   * @param bytes the largest packet
   * @return a changed copy
   */
  public LinkChange withMtu(int bytes) {
    return new LinkChange(
        state,
        master,
        Optional.of(bytes),
        mac,
        alias,
        addressGeneration,
        name,
        group,
        transmitQueueLength,
        promiscuous,
        namespace);
  }

  /**
   * Sets the Ethernet address.
   *
   * @param address a unicast address
   * @return a changed copy
   */
  public LinkChange withMac(MacAddress address) {
    return new LinkChange(
        state,
        master,
        mtu,
        Optional.of(address),
        alias,
        addressGeneration,
        name,
        group,
        transmitQueueLength,
        promiscuous,
        namespace);
  }

  /**
   * Sets the free text.
   *
   * @param text up to 255 bytes; none removes it
   * @return a changed copy
   */
  public LinkChange withAlias(String text) {
    return new LinkChange(
        state,
        master,
        mtu,
        mac,
        Optional.of(text),
        addressGeneration,
        name,
        group,
        transmitQueueLength,
        promiscuous,
        namespace);
  }

  /**
   * Keeps the kernel from giving the link IPv6 addresses of its own. Those that it has stay. In a batch, make this a change of
   * its own, before the one that turns the link up.
   *
   * @return a changed copy
   */
  public LinkChange withoutGeneratedAddresses() {
    return new LinkChange(
        state,
        master,
        mtu,
        mac,
        alias,
        Optional.of(AddressGeneration.NONE),
        name,
        group,
        transmitQueueLength,
        promiscuous,
        namespace);
  }

  /**
   * Renames the link.
   *
   * @param text 1 to 15 bytes
   * @return a changed copy
   */
  public LinkChange withName(String text) {
    return new LinkChange(
        state,
        master,
        mtu,
        mac,
        alias,
        addressGeneration,
        Optional.of(text),
        group,
        transmitQueueLength,
        promiscuous,
        namespace);
  }

  /**
   * Puts the link into a group, which can be deleted at once.
   *
   * @param number 1 to 2147483647, 0 for none
   * @return a changed copy
   */
  public LinkChange withGroup(int number) {
    return new LinkChange(
        state,
        master,
        mtu,
        mac,
        alias,
        addressGeneration,
        name,
        OptionalInt.of(number),
        transmitQueueLength,
        promiscuous,
        namespace);
  }

  /**
   * Sets how much waits to be sent.
   *
   * @param packets how many
   * @return a changed copy
   */
  public LinkChange withTransmitQueueLength(int packets) {
    return new LinkChange(
        state,
        master,
        mtu,
        mac,
        alias,
        addressGeneration,
        name,
        group,
        OptionalInt.of(packets),
        promiscuous,
        namespace);
  }

  /**
   * Sets whether it receives what is not for it.
   *
   * @param whether it does
   * @return a changed copy
   */
  public LinkChange withPromiscuous(Switch whether) {
    return new LinkChange(
        state,
        master,
        mtu,
        mac,
        alias,
        addressGeneration,
        name,
        group,
        transmitQueueLength,
        Optional.of(whether),
        namespace);
  }

  /**
   * Moves the link into another network namespace. A bridge or the loopback link does not move.
   *
   * @param other the namespace
   * @return a changed copy
   */
  public LinkChange into(NetNs other) {
    return new LinkChange(
        state,
        master,
        mtu,
        mac,
        alias,
        addressGeneration,
        name,
        group,
        transmitQueueLength,
        promiscuous,
        Optional.of(other));
  }
}
