package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.MacAddress;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * What to change of a link, in one message; what is empty stays as it is.
 *
 * @param state up or down
 * @param master index of the link it becomes a port of, 0 for none
 * @param mtu bytes
 * @param mac the Ethernet address
 * @param alias a free text, up to 255 bytes; empty text removes it
 * @param addressGeneration whether the kernel gives it IPv6 link-local addresses
 * @since 0.1
 */
public record LinkChange(
    Optional<AdminState> state,
    Optional<Integer> master,
    Optional<Integer> mtu,
    Optional<MacAddress> mac,
    Optional<String> alias,
    Optional<AddressGeneration> addressGeneration) {
  private static final int ALIAS_BYTES = 255; // IFALIASZ - 1, linux/if.h

  /** Whether the kernel makes IPv6 addresses on its own. */
  public enum AddressGeneration {
    /** A link that is up gets no address that nobody asked for. */
    NONE
  }

  /** Checks master, MTU and alias. */
  public LinkChange {
    master.ifPresent(index -> Rules.range("master", index, 0, Integer.MAX_VALUE));
    mtu.ifPresent(bytes -> Rules.range("mtu", bytes, 0, Integer.MAX_VALUE));
    alias.ifPresent(text -> requireAlias(text, 0));
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
    return new LinkChange(Optional.of(wanted), master, mtu, mac, alias, addressGeneration);
  }

  /**
   * Makes it a port of another link.
   *
   * @param index the other link
   * @return a changed copy
   */
  public LinkChange withMaster(int index) {
    return new LinkChange(state, Optional.of(index), mtu, mac, alias, addressGeneration);
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
    return new LinkChange(state, master, Optional.of(bytes), mac, alias, addressGeneration);
  }

  /**
   * Sets the Ethernet address.
   *
   * @param address a unicast address
   * @return a changed copy
   */
  public LinkChange withMac(MacAddress address) {
    return new LinkChange(state, master, mtu, Optional.of(address), alias, addressGeneration);
  }

  /**
   * Sets the free text.
   *
   * @param text up to 255 bytes; none removes it
   * @return a changed copy
   */
  public LinkChange withAlias(String text) {
    return new LinkChange(state, master, mtu, mac, Optional.of(text), addressGeneration);
  }

  /**
   * Keeps the kernel from giving the link IPv6 addresses of its own.
   *
   * @return a changed copy
   */
  public LinkChange withoutGeneratedAddresses() {
    return new LinkChange(state, master, mtu, mac, alias, Optional.of(AddressGeneration.NONE));
  }
}
