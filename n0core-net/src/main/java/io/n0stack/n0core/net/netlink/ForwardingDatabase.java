package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.internal.Wire.NLM_F_ACK;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_APPEND;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_CREATE;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_DUMP;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_EXCL;
import static io.n0stack.n0core.net.internal.Wire.NLM_F_REPLACE;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.network.MacAddress;
import io.n0stack.n0core.net.internal.Conversation;
import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Request;
import java.util.List;
import java.util.Optional;

/**
 * The forwarding databases of bridges and VXLAN ends, see {@code bridge fdb} in bridge(8). Thread-safe;
 * part of a {@link Netlink}, whose errors it has.
 *
 * @since 0.1
 */
public final class ForwardingDatabase {
  private static final int ENOENT = 2; // asm-generic/errno-base.h
  private static final byte[] ZERO = new byte[6];

  private final Conversation kernel;

  ForwardingDatabase(Conversation kernel) {
    this.kernel = kernel;
  }

  /**
   * Lists the entries of all links.
   *
   * @return one per address and destination
   */
  public List<FdbEntry> list() {
    return dump(new Listing(0, 0));
  }

  /**
   * Lists the entries whose frames leave by a link, be they its own or its bridge's.
   *
   * @param index the link; of a bridge, what it itself receives is listed
   * @return one per address and destination; empty also if there is no such link
   */
  public List<FdbEntry> of(int index) {
    Netlink.requireIndex(index);
    // A kernel without strict checking lists those of all links.
    return dump(new Listing(index, 0)).stream()
        .filter(entry -> entry.index() == index)
        .toList();
  }

  /**
   * Lists the entries of a bridge: those of all its ports and of itself.
   *
   * @param bridge index of the bridge
   * @return one per address and VLAN
   * @throws NetlinkException NOT_FOUND if there is no such link
   */
  public List<FdbEntry> ofBridge(int bridge) {
    Rules.range("bridge", bridge, 1, Integer.MAX_VALUE);
    return dump(new Listing(0, bridge));
  }

  private List<FdbEntry> dump(Listing listing) {
    return Netlink.consistent(
        kernel, listing, (bytes, from, to) -> FdbEntry.decode(bytes, from, to, listing.bridge()));
  }

  /**
   * Finds an entry without listing the others.
   *
   * @param entry link, table, address and VLAN of the one to find; the rest does not matter
   * @return the entry, of several destinations the first; empty if there is none
   * @throws NetlinkException NOT_FOUND, not empty, if there is no such link
   */
  public Optional<FdbEntry> find(FdbEntry entry) {
    return kernel.find(
        new Lookup(entry), (bytes, from, to) -> FdbEntry.decode(bytes, from, to, 0), ENOENT);
  }

  /**
   * Adds an entry.
   *
   * @param entry the entry
   * @throws NetlinkException ALREADY_EXISTS if the address has an entry; INVALID for a VLAN in a bridge
   *     that does not filter by VLAN
   */
  public void add(FdbEntry entry) {
    kernel.change(adding(entry).request());
  }

  /**
   * Adds an entry, or changes the one that the address has. The all-zero address cannot be replaced.
   *
   * @param entry the entry
   */
  public void replace(FdbEntry entry) {
    kernel.change(replacing(entry).request());
  }

  /**
   * Adds an entry, or a destination to the one that the all-zero or a multicast address of a VXLAN end
   * has. Adding a destination twice is no error.
   *
   * @param entry the entry
   */
  public void append(FdbEntry entry) {
    kernel.change(appending(entry).request());
  }

  /**
   * Removes an entry, or one destination of it.
   *
   * @param entry the entry
   * @throws NetlinkException NOT_FOUND if there is none
   */
  public void remove(FdbEntry entry) {
    kernel.change(removing(entry).request());
  }

  /**
   * Describes {@link #add}.
   *
   * @param entry the entry
   * @return the change
   */
  public static Change adding(FdbEntry entry) {
    return Change.of(
        () -> "add " + words(entry),
        message -> write(message, RouteNumbers.RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, entry));
  }

  /**
   * Describes {@link #replace}.
   *
   * @param entry the entry
   * @return the change
   */
  public static Change replacing(FdbEntry entry) {
    return Change.of(
        () -> "replace " + words(entry),
        message -> write(message, RouteNumbers.RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, entry));
  }

  /**
   * Describes {@link #append}.
   *
   * @param entry the entry
   * @return the change
   */
  public static Change appending(FdbEntry entry) {
    return Change.of(
        () -> "append " + words(entry),
        message -> write(message, RouteNumbers.RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND, entry));
  }

  /**
   * Describes {@link #remove}.
   *
   * @param entry the entry
   * @return the change
   */
  public static Change removing(FdbEntry entry) {
    return Change.of(
        () -> "remove " + words(entry),
        message -> write(message, RouteNumbers.RTM_DELNEIGH, 0, entry));
  }

  private static String words(FdbEntry entry) {
    return "forwarding entry "
        + entry.mac().map(MacAddress::toString).orElse("00:00:00:00:00:00")
        + entry.destination().map(to -> " to " + to.getHostAddress()).orElse("") + " of link "
        + entry.index();
  }

  private static int table(FdbEntry entry) {
    return entry.table() == FdbEntry.Table.SELF ? RouteNumbers.NTF_SELF : RouteNumbers.NTF_MASTER;
  }

  private static void key(MessageWriter message, FdbEntry entry) {
    message.octets(RouteNumbers.NDA_LLADDR, entry.mac().map(MacAddress::octets).orElse(ZERO));
    entry.vlan().ifPresent(id -> message.shortNumber(RouteNumbers.NDA_VLAN, id));
  }

  private static void write(MessageWriter message, int type, int flags, FdbEntry entry) {
    NeighbourMessage.begin(message, type, flags | NLM_F_ACK, Rtnetlink.AF_BRIDGE, entry.index());
    message.header16(RouteNumbers.NDMSG_STATE, entry.state().number());
    int bits = table(entry);
    for (FdbEntry.Flag flag : entry.flags()) {
      bits |= flag.number();
    }
    message.header8(RouteNumbers.NDMSG_FLAGS, bits);
    key(message, entry);
    entry.destination().ifPresent(to -> message.octets(RouteNumbers.NDA_DST, to.getAddress()));
    entry.port().ifPresent(port -> message.networkShortNumber(RouteNumbers.NDA_PORT, port));
    entry.vni().ifPresent(vni -> message.number(RouteNumbers.NDA_VNI, vni));
    entry.via().ifPresent(link -> message.number(RouteNumbers.NDA_IFINDEX, link));
  }

  private record Lookup(FdbEntry entry) implements Request {
    @Override
    public void write(MessageWriter message) {
      NeighbourMessage.begin(
          message, RouteNumbers.RTM_GETNEIGH, 0, Rtnetlink.AF_BRIDGE, entry.index());
      message.header8(RouteNumbers.NDMSG_FLAGS, table(entry));
      key(message, entry);
    }

    @Override
    public String toString() {
      return "find " + words(entry);
    }
  }

  private record Listing(int index, int bridge) implements Request {
    @Override
    public void write(MessageWriter message) {
      NeighbourMessage.begin(
          message, RouteNumbers.RTM_GETNEIGH, NLM_F_DUMP, Rtnetlink.AF_BRIDGE, index);
      if (bridge > 0) {
        message.number(RouteNumbers.NDA_MASTER, bridge);
      }
    }

    @Override
    public String toString() {
      String words = "list forwarding entries";
      return index == 0
          ? words + (bridge == 0 ? "" : " of bridge " + bridge)
          : words + " of link " + index;
    }
  }
}
