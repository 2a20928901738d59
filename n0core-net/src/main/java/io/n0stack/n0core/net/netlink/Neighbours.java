package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.internal.Wire.NLM_F_ACK;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_CREATE;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_DUMP;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_EXCL;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_REPLACE;

import io.n0stack.n0core.net.internal.Conversation;
import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Request;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;

/**
 * The ARP and neighbour discovery caches, see ip-neighbour(8). Thread-safe; part of a {@link Netlink},
 * whose errors it has.
 *
 * @since 0.1
 */
public final class Neighbours {
  private static final int ENOENT = 2; // asm-generic/errno-base.h

  private final Conversation kernel;

  Neighbours(Conversation kernel) {
    this.kernel = kernel;
  }

  /**
   * Lists the neighbours on all links.
   *
   * @return those of IPv4 and IPv6, without proxy entries
   */
  public List<Neighbour> list() {
    return Netlink.consistent(kernel, new Listing(0, 0), Neighbour::decode);
  }

  /**
   * Lists the neighbours on a link.
   *
   * @param index the link
   * @return those of IPv4 and IPv6, without proxy entries; empty also if there is no such link
   */
  public List<Neighbour> of(int index) {
    Netlink.requireIndex(index);
    // A kernel without strict checking lists those of all links.
    return Netlink.consistent(kernel, new Listing(index, 0), Neighbour::decode).stream()
        .filter(neighbour -> neighbour.index() == index)
        .toList();
  }

  /**
   * Lists for which addresses the kernel answers.
   *
   * @return the proxy entries of all links
   */
  public List<Neighbour> proxies() {
    return Netlink.consistent(kernel, new Listing(0, RouteNumbers.NTF_PROXY), Neighbour::decode);
  }

  /**
   * Finds a neighbour without listing the others.
   *
   * @param index the link
   * @param address the host
   * @return the neighbour, empty if nothing is known about it
   * @throws NetlinkException NOT_FOUND, not empty, if there is no such link
   */
  public Optional<Neighbour> find(int index, InetAddress address) {
    Netlink.requireIndex(index);
    return kernel.find(new Lookup(index, address), Neighbour::decode, ENOENT);
  }

  /**
   * Adds a neighbour or proxy entry.
   *
   * @param neighbour the entry
   * @throws NetlinkException ALREADY_EXISTS if there is one of the address
   */
  public void add(Neighbour neighbour) {
    kernel.change(adding(neighbour).request());
  }

  /**
   * Adds a neighbour or proxy entry, or changes the one of the address.
   *
   * @param neighbour the entry
   */
  public void replace(Neighbour neighbour) {
    kernel.change(replacing(neighbour).request());
  }

  /**
   * Removes a neighbour or proxy entry.
   *
   * @param neighbour its link and address, and whether it is a proxy entry; the rest does not matter
   * @throws NetlinkException NOT_FOUND if there is none
   */
  public void remove(Neighbour neighbour) {
    kernel.change(removing(neighbour).request());
  }

  /**
   * Describes {@link #add}.
   *
   * @param neighbour the entry
   * @return the change
   */
  public static Change adding(Neighbour neighbour) {
    return Change.of(
        () -> "add " + words(neighbour),
        message -> write(message, NLM_F_CREATE | NLM_F_EXCL, neighbour));
  }

  /**
   * Describes {@link #replace}.
   *
   * @param neighbour the entry
   * @return the change
   */
  public static Change replacing(Neighbour neighbour) {
    return Change.of(
        () -> "replace " + words(neighbour),
        message -> write(message, NLM_F_CREATE | NLM_F_REPLACE, neighbour));
  }

  /**
   * Describes {@link #remove}.
   *
   * @param neighbour its link and address, and whether it is a proxy entry
   * @return the change
   */
  public static Change removing(Neighbour neighbour) {
    return Change.of(() -> "remove " + words(neighbour), message -> {
      begin(message, RouteNumbers.RTM_DELNEIGH, NLM_F_ACK, neighbour.index(), neighbour.address());
      message.header8(
          RouteNumbers.NDMSG_FLAGS,
          neighbour.flags().contains(Neighbour.Flag.PROXY) ? RouteNumbers.NTF_PROXY : 0);
    });
  }

  private static String words(Neighbour neighbour) {
    return (neighbour.flags().contains(Neighbour.Flag.PROXY) ? "proxy entry " : "neighbour ")
        + neighbour.address().getHostAddress() + " of link " + neighbour.index();
  }

  private static void begin(
      MessageWriter message, int type, int flags, int index, InetAddress address) {
    NeighbourMessage.begin(message, type, flags, AddressFamily.of(address).number(), index);
    message.octets(RouteNumbers.NDA_DST, address.getAddress());
  }

  private static void write(MessageWriter message, int flags, Neighbour neighbour) {
    begin(
        message,
        RouteNumbers.RTM_NEWNEIGH,
        flags | NLM_F_ACK,
        neighbour.index(),
        neighbour.address());
    message.header16(RouteNumbers.NDMSG_STATE, neighbour.state().number());
    int bits = 0;
    for (Neighbour.Flag flag : neighbour.flags()) {
      bits |= flag.number();
    }
    message.header8(RouteNumbers.NDMSG_FLAGS, bits);
    neighbour.mac().ifPresent(mac -> message.octets(RouteNumbers.NDA_LLADDR, mac.octets()));
  }

  private record Lookup(int index, InetAddress address) implements Request {
    @Override
    public void write(MessageWriter message) {
      begin(message, RouteNumbers.RTM_GETNEIGH, 0, index, address);
    }

    @Override
    public String toString() {
      return "find neighbour " + address.getHostAddress() + " of link " + index;
    }
  }

  private record Listing(int index, int flags) implements Request {
    @Override
    public void write(MessageWriter message) {
      NeighbourMessage.begin(
          message, RouteNumbers.RTM_GETNEIGH, NLM_F_DUMP, Rtnetlink.AF_UNSPEC, 0);
      message.header8(RouteNumbers.NDMSG_FLAGS, flags);
      if (index > 0) {
        message.number(RouteNumbers.NDA_IFINDEX, index);
      }
    }

    @Override
    public String toString() {
      return (flags == 0 ? "list neighbours" : "list proxy entries")
          + (index == 0 ? "" : " of link " + index);
    }
  }
}
