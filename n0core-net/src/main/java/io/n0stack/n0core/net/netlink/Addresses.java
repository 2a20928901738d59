package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.internal.Wire.NLM_F_ACK;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_CREATE;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_DUMP;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_EXCL;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_REPLACE;

import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.internal.Conversation;
import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Request;
import io.n0stack.n0core.net.internal.Wire;
import java.time.Duration;
import java.util.List;

/**
 * The addresses of links, see ip-address(8). Thread-safe; part of a {@link Netlink}, whose errors it
 * has.
 *
 * @since 0.1
 */
public final class Addresses {
  private static final int FOREVER = -1; // INFINITY_LIFE_TIME, net/addrconf.h

  private final Conversation kernel;

  Addresses(Conversation kernel) {
    this.kernel = kernel;
  }

  /**
   * Lists the addresses of a link.
   *
   * @param index the link
   * @return IPv4 and IPv6 addresses
   * @throws NetlinkException NOT_FOUND if there is no such link
   */
  public List<LinkAddress> of(int index) {
    Netlink.requireIndex(index);
    // A kernel without strict checking lists those of all links.
    return Netlink.consistent(kernel, new Listing(index), LinkAddress::decode).stream()
        .filter(address -> address.index() == index)
        .toList();
  }

  /**
   * Lists the addresses of all links.
   *
   * @return IPv4 and IPv6 addresses
   */
  public List<LinkAddress> list() {
    return Netlink.consistent(kernel, new Listing(0), LinkAddress::decode);
  }

  /**
   * Gives a link an address, for ever.
   *
   * @param index the link
   * @param address the address
   * @throws NetlinkException ALREADY_EXISTS if it has it
   */
  public void add(int index, CidrAddress address) {
    kernel.change(adding(index, LinkAddressSpec.of(address)).request());
  }

  /**
   * Gives a link an address.
   *
   * @param index the link
   * @param address the address and how it is to be
   * @throws NetlinkException ALREADY_EXISTS if it has it
   */
  public void add(int index, LinkAddressSpec address) {
    kernel.change(adding(index, address).request());
  }

  /**
   * Gives a link an address, or changes how it is if it has it.
   *
   * @param index the link
   * @param address the address and how it is to be
   */
  public void replace(int index, LinkAddressSpec address) {
    kernel.change(replacing(index, address).request());
  }

  /**
   * Takes an address from a link. With a primary IPv4 address its secondary ones go, too, unless the
   * kernel is told to promote them.
   *
   * @param index the link
   * @param address the address
   * @throws NetlinkException NOT_FOUND if it does not have it
   */
  public void remove(int index, CidrAddress address) {
    kernel.change(removing(index, address).request());
  }

  /**
   * Describes {@link #add(int, LinkAddressSpec)}.
   *
   * @param index the link
   * @param address the address and how it is to be
   * @return the change
   */
  public static Change adding(int index, LinkAddressSpec address) {
    Netlink.requireIndex(index);
    return Change.of(
        () -> "add address " + address.cidr() + " to link " + index,
        message -> write(message, NLM_F_CREATE | NLM_F_EXCL, index, address));
  }

  /**
   * Describes {@link #replace}.
   *
   * @param index the link
   * @param address the address and how it is to be
   * @return the change
   */
  public static Change replacing(int index, LinkAddressSpec address) {
    Netlink.requireIndex(index);
    return Change.of(
        () -> "replace address " + address.cidr() + " of link " + index,
        message -> write(message, NLM_F_CREATE | NLM_F_REPLACE, index, address));
  }

  /**
   * Describes {@link #remove}.
   *
   * @param index the link
   * @param address the address
   * @return the change
   */
  public static Change removing(int index, CidrAddress address) {
    Netlink.requireIndex(index);
    return Change.of(
        () -> "remove address " + address + " from link " + index,
        message -> begin(message, Rtnetlink.RTM_DELADDR, 0, index, address));
  }

  private static void begin(
      MessageWriter message, int type, int flags, int index, CidrAddress address) {
    byte[] octets = address.address().getAddress();
    message.begin(type, flags | NLM_F_ACK, Rtnetlink.IFADDR);
    message.header8(0, octets.length == 4 ? Rtnetlink.AF_INET : Rtnetlink.AF_INET6);
    message.header8(1, address.prefixLength());
    message.header32(4, index);
    message.octets(Rtnetlink.IFA_LOCAL, octets);
    message.octets(Rtnetlink.IFA_ADDRESS, octets);
  }

  private static void write(MessageWriter message, int flags, int index, LinkAddressSpec spec) {
    begin(message, Rtnetlink.RTM_NEWADDR, flags, index, spec.cidr());
    spec.broadcast()
        .ifPresent(broadcast -> message.octets(Rtnetlink.IFA_BROADCAST, broadcast.getAddress()));
    spec.label().ifPresent(label -> message.text(Rtnetlink.IFA_LABEL, label));
    int bits = (spec.duplicateDetection() == Switch.OFF ? Rtnetlink.IFA_F_NODAD : 0)
        | (spec.prefixRoute() == Switch.OFF ? Rtnetlink.IFA_F_NOPREFIXROUTE : 0);
    if (bits != 0) {
      message.number(Rtnetlink.IFA_FLAGS, bits);
    }
    spec.validFor().ifPresent(valid -> {
      byte[] lifetimes = new byte[4 * Integer.BYTES]; // struct ifa_cacheinfo, linux/if_addr.h
      Wire.order(lifetimes)
          .putInt(0, seconds(spec.preferredFor().orElse(valid)))
          .putInt(Integer.BYTES, seconds(valid));
      message.octets(Rtnetlink.IFA_CACHEINFO, lifetimes);
    });
  }

  private static int seconds(Duration life) {
    return life.toSeconds() >= 0xffffffffL ? FOREVER : (int) life.toSeconds();
  }

  private record Listing(int index) implements Request {
    @Override
    public void write(MessageWriter message) {
      message.begin(Rtnetlink.RTM_GETADDR, NLM_F_DUMP, Rtnetlink.IFADDR);
      message.header32(4, index);
    }

    @Override
    public String toString() {
      return index == 0 ? "list addresses" : "list addresses of link " + index;
    }
  }
}
