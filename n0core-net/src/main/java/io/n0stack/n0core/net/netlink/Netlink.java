package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.netlink.Rtnetlink.NLM_F_ACK;
import static io.n0stack.n0core.net.netlink.Rtnetlink.NLM_F_CREATE;
import static io.n0stack.n0core.net.netlink.Rtnetlink.NLM_F_ECHO;
import static io.n0stack.n0core.net.netlink.Rtnetlink.NLM_F_EXCL;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OsException;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.net.internal.RouteSocket;
import io.n0stack.n0core.net.internal.Transport;
import io.n0stack.n0core.net.netlink.Conversation.Decoder;
import io.n0stack.n0core.net.netlink.Conversation.Ending;
import io.n0stack.n0core.net.netlink.Conversation.Found;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;

/**
 * A connection to the kernel's links and addresses, see rtnetlink(7).
 *
 * <p>It works in the network namespace of the thread that opened it, whoever calls it later.
 * Thread-safe: requests of several threads are done one after the other. A request that the kernel
 * does not answer within ten seconds fails. An interrupted thread begins no request. Closing, also
 * while another thread waits, leaves all links as they are.
 *
 * <p>Methods throw {@link NetlinkException} if the kernel refuses, and {@link N0Exception} with code
 * UNAVAILABLE if it does not answer or this connection is closed; with {@link
 * io.n0stack.n0core.api.UnknownOutcomeException} if a change was sent and the answer is missing.
 *
 * @since 0.1
 */
public final class Netlink implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(10);
  private static final int DUMP = Rtnetlink.NLM_F_DUMP;
  private static final int DUMPS = 5;
  private static final int LEAST_CHOSEN_INDEX = 0x20000000;
  private static final Decoder<Link> LINK = LinkDecoder::decode;

  private final Conversation kernel;

  private Netlink(Conversation kernel) {
    this.kernel = kernel;
  }

  /**
   * Connects to the kernel in the network namespace of the calling thread. Needs no privilege; changes
   * need CAP_NET_ADMIN.
   *
   * @return the connection, which the caller closes
   * @throws OsException if the kernel refuses a socket
   */
  public static Netlink open() {
    return over(RouteSocket.open(), LIMIT);
  }

  static Netlink over(Transport transport, Duration limit) {
    return new Netlink(new Conversation(transport, limit));
  }

  /**
   * Finds a link by its name or alternative name. Does not list the others.
   *
   * @param name 1 to 15 bytes
   * @return the link, empty if there is none
   * @throws N0Exception INVALID for what cannot be the name of a link
   */
  public Optional<Link> find(String name) {
    Rules.linkName("name", name);
    return kernel.find(
        "find link " + Rules.quote(name),
        message -> {
          message.link(Rtnetlink.RTM_GETLINK, 0, 0);
          message.text(Rtnetlink.IFLA_IFNAME, name);
        },
        LINK);
  }

  /**
   * Finds a link by its index.
   *
   * @param index the interface index
   * @return the link, empty if there is none
   */
  public Optional<Link> find(int index) {
    requireIndex(index);
    return kernel.find(
        "find link " + index, message -> message.link(Rtnetlink.RTM_GETLINK, 0, index), LINK);
  }

  /**
   * Lists all links.
   *
   * @return a consistent list: the kernel says when links came and went meanwhile, and is asked again
   * @throws N0Exception BUSY if links came and went during each of five lists
   */
  public List<Link> links() {
    return dump("list links", message -> message.link(Rtnetlink.RTM_GETLINK, DUMP, 0), LINK);
  }

  private <T> List<T> dump(String what, Consumer<MessageWriter> writing, Decoder<T> decoder) {
    for (int i = 0; i < DUMPS; i++) {
      List<T> list = new ArrayList<>();
      boolean changed = kernel.ask(
          what,
          Ending.DUMPED,
          writing,
          (bytes, from, to) -> decoder.decode(bytes, from, to).ifPresent(list::add));
      if (!changed) {
        return List.copyOf(list);
      }
    }
    throw new N0Exception(
        N0Exception.Code.BUSY, what, what + ": changed during each of " + DUMPS + " attempts");
  }

  /**
   * Creates a link in one system call: a process that dies has made all of it or nothing of it, the
   * alias included.
   *
   * @param spec the link
   * @return the link as the kernel made it
   * @throws NetlinkException ALREADY_EXISTS if a link has the name or alternative name; UNSUPPORTED if
   *     the kernel does not know the kind
   */
  public Link create(LinkSpec spec) {
    String what = "add link " + Rules.quote(spec.name());
    if (spec.alias().isPresent()) {
      return createStamped(what, spec, spec.alias().get());
    }
    Found<Link> echo = new Found<>(LINK);
    kernel.ask(what, Ending.ACKNOWLEDGED, message -> write(message, spec, 0, NLM_F_ECHO), echo);
    // Kernels before 6.2 or so acknowledge without an echo.
    return echo.value().or(() -> find(spec.name())).orElseThrow(() -> vanished(what));
  }

  /**
   * The kernel ignores IFLA_IFALIAS in a creation, so the alias is a second message of the same
   * datagram, which the kernel works through even if this process is killed. It names the link by an
   * index that we choose: by name it would also hit a link that had the name before us.
   */
  private Link createStamped(String what, LinkSpec spec, String alias) {
    int index = freeIndex();
    try {
      kernel.ask(
          what,
          Ending.ACKNOWLEDGED,
          message -> {
            write(message, spec, index, 0);
            message.link(Rtnetlink.RTM_SETLINK, NLM_F_ACK, index);
            message.text(Rtnetlink.IFLA_IFALIAS, alias);
          },
          (bytes, from, to) -> {});
    } catch (NetlinkException e) {
      dropUnstamped(spec, index, e);
      throw e;
    }
    return find(index).orElseThrow(() -> vanished(what));
  }

  private void dropUnstamped(LinkSpec spec, int index, NetlinkException why) {
    if (why.code() == N0Exception.Code.ALREADY_EXISTS) {
      return;
    }
    try {
      Optional<Link> made = find(index);
      if (made.isPresent()
          && made.get().name().equals(spec.name())
          && made.get().alias().isEmpty()) {
        delete(index);
      }
    } catch (N0Exception e) {
      why.addSuppressed(e);
    }
  }

  /** The kernel counts up from 1, so that what lies far up is free but for other choosers. */
  private int freeIndex() {
    while (true) {
      int index = ThreadLocalRandom.current().nextInt(LEAST_CHOSEN_INDEX, Integer.MAX_VALUE);
      if (find(index).isEmpty()) {
        return index;
      }
    }
  }

  private static void write(MessageWriter message, LinkSpec spec, int index, int flags) {
    message.link(Rtnetlink.RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK | flags, index);
    if (spec.state() == AdminState.UP) {
      message.linkFlags(Rtnetlink.IFF_UP, Rtnetlink.IFF_UP);
    }
    message.text(Rtnetlink.IFLA_IFNAME, spec.name());
    spec.mtu().ifPresent(mtu -> message.number(Rtnetlink.IFLA_MTU, mtu));
    spec.mac().ifPresent(mac -> message.octets(Rtnetlink.IFLA_ADDRESS, mac.octets()));
    spec.master().ifPresent(master -> message.number(Rtnetlink.IFLA_MASTER, master));
    int info = message.open(Rtnetlink.IFLA_LINKINFO);
    message.text(Rtnetlink.IFLA_INFO_KIND, spec.kind());
    spec.peer().ifPresent(peer -> {
      int data = message.open(Rtnetlink.IFLA_INFO_DATA);
      int end = message.open(Rtnetlink.VETH_INFO_PEER);
      message.skip(Rtnetlink.IFINFO);
      message.text(Rtnetlink.IFLA_IFNAME, peer);
      message.close(end);
      message.close(data);
    });
    message.close(info);
  }

  /**
   * Changes a link in one message.
   *
   * @param index the link
   * @param change what to change
   * @throws NetlinkException NOT_FOUND if there is no such link
   */
  public void set(int index, LinkChange change) {
    requireIndex(index);
    change("set link " + index, message -> {
      message.link(Rtnetlink.RTM_SETLINK, NLM_F_ACK, index);
      change
          .state()
          .ifPresent(state ->
              message.linkFlags(state == AdminState.UP ? Rtnetlink.IFF_UP : 0, Rtnetlink.IFF_UP));
      change.mtu().ifPresent(mtu -> message.number(Rtnetlink.IFLA_MTU, mtu));
      change.mac().ifPresent(mac -> message.octets(Rtnetlink.IFLA_ADDRESS, mac.octets()));
      change.master().ifPresent(master -> message.number(Rtnetlink.IFLA_MASTER, master));
      change.alias().ifPresent(alias -> message.text(Rtnetlink.IFLA_IFALIAS, alias));
      if (change.addressGeneration().isPresent()) {
        int families = message.open(Rtnetlink.IFLA_AF_SPEC);
        int inet6 = message.open(Rtnetlink.AF_INET6);
        message.octet(Rtnetlink.IFLA_INET6_ADDR_GEN_MODE, Rtnetlink.IN6_ADDR_GEN_MODE_NONE);
        message.close(inet6);
        message.close(families);
      }
    });
  }

  /**
   * Deletes a link, and with a veth its peer.
   *
   * @param index the link
   * @throws NetlinkException NOT_FOUND if there is no such link; UNSUPPORTED for one that cannot go
   */
  public void delete(int index) {
    requireIndex(index);
    change(
        "delete link " + index, message -> message.link(Rtnetlink.RTM_DELLINK, NLM_F_ACK, index));
  }

  /**
   * Lists the addresses of a link.
   *
   * @param index the link
   * @return IPv4 and IPv6 addresses
   * @throws NetlinkException NOT_FOUND if there is no such link
   */
  public List<LinkAddress> addresses(int index) {
    requireIndex(index);
    return dump(
        "list addresses of link " + index,
        message -> message.address(Rtnetlink.RTM_GETADDR, DUMP, 0, 0, index),
        (bytes, from, to) -> AddressDecoder.decode(index, bytes, from, to));
  }

  /**
   * Gives a link an address.
   *
   * @param index the link
   * @param address the address
   * @throws NetlinkException ALREADY_EXISTS if it has it
   */
  public void addAddress(int index, CidrAddress address) {
    requireIndex(index);
    change(
        "add address " + address + " to link " + index,
        message -> writeAddress(
            message, Rtnetlink.RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, index, address));
  }

  /**
   * Takes an address from a link.
   *
   * @param index the link
   * @param address the address
   * @throws NetlinkException NOT_FOUND if it does not have it
   */
  public void removeAddress(int index, CidrAddress address) {
    requireIndex(index);
    change(
        "remove address " + address + " from link " + index,
        message -> writeAddress(message, Rtnetlink.RTM_DELADDR, NLM_F_ACK, index, address));
  }

  private static void writeAddress(
      MessageWriter message, int type, int flags, int index, CidrAddress address) {
    byte[] octets = address.address().getAddress();
    int family = octets.length == 4 ? Rtnetlink.AF_INET : Rtnetlink.AF_INET6;
    message.address(type, flags, family, address.prefixLength(), index);
    message.octets(Rtnetlink.IFA_LOCAL, octets);
    message.octets(Rtnetlink.IFA_ADDRESS, octets);
  }

  /**
   * Returns what needs more than one request about bridges.
   *
   * @return an object that uses this connection
   */
  public Bridges bridges() {
    return new Bridges(this);
  }

  private void change(String what, Consumer<MessageWriter> writing) {
    kernel.ask(what, Ending.ACKNOWLEDGED, writing, (bytes, from, to) -> {});
  }

  private static void requireIndex(int index) {
    Rules.range("index", index, 1, Integer.MAX_VALUE);
  }

  private static N0Exception vanished(String what) {
    return new N0Exception(
        N0Exception.Code.NOT_FOUND, what, what + ": somebody deleted it in the meantime");
  }

  /** Closes the connection and wakes whoever waits on it. Leaves all links as they are. */
  @Override
  public void close() {
    kernel.close();
  }
}
