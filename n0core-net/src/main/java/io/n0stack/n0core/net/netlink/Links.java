package io.n0stack.n0core.net.netlink;

import static io.n0stack.n0core.net.internal.Wire.NLM_F_ECHO;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.Conversation;
import io.n0stack.n0core.net.internal.Found;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The links of a network namespace, see ip-link(8). Thread-safe; part of a {@link Netlink}, whose
 * errors it has.
 *
 * @since 0.1
 */
public final class Links {
  private static final LinkChange WITHOUT_ADDRESSES = LinkChange.none().withoutGeneratedAddresses();
  private static final int ENODEV = 19; // asm-generic/errno-base.h
  private static final int LEAST_CHOSEN_INDEX = 0x20000000;
  private static final int LONGEST_ALTERNATIVE = 127; // ALTIFNAMSIZ - 1, linux/if.h

  private final Conversation kernel;
  private final LinkDecoder decoder = new LinkDecoder();

  Links(Conversation kernel) {
    this.kernel = kernel;
  }

  /**
   * Finds a link by its name or alternative name. Does not list the others.
   *
   * @param name 1 to 127 bytes
   * @return the link, empty if there is none
   * @throws N0Exception INVALID for what cannot be the name of a link
   */
  public Optional<Link> find(String name) {
    requireName(name);
    return kernel.find(new LinkRequests.ByName(name), decoder, ENODEV);
  }

  /**
   * Finds a link by its index.
   *
   * @param index the interface index
   * @return the link, empty if there is none
   */
  public Optional<Link> find(int index) {
    Netlink.requireIndex(index);
    return kernel.find(new LinkRequests.ByIndex(index), decoder, ENODEV);
  }

  /**
   * Lists all links.
   *
   * @return a consistent list: the kernel says when links came and went meanwhile, and is asked again
   * @throws InterruptedDumpException if links came and went during each of 20 lists
   */
  public List<Link> list() {
    return filtered(0, "");
  }

  /**
   * Lists the links that have another as their master.
   *
   * @param master index of a bridge, bond or vrf
   * @return its ports; empty also if there is no such link
   */
  public List<Link> portsOf(int master) {
    Rules.range("master", master, 1, Integer.MAX_VALUE);
    // A kernel without strict checking does not filter.
    return filtered(master, "").stream()
        .filter(link -> link.master().orElse(0) == master)
        .toList();
  }

  /**
   * Lists the links of a kind.
   *
   * @param kernelName the kernel's word for it, such as {@code bridge}
   * @return all of them
   */
  public List<Link> ofKind(String kernelName) {
    Rules.linkName("kind", kernelName);
    return filtered(0, kernelName).stream()
        .filter(link -> link.kind().kernelName().equals(kernelName))
        .toList();
  }

  private List<Link> filtered(int master, String kind) {
    return Netlink.consistent(kernel, new LinkRequests.Dump(master, kind), decoder);
  }

  /**
   * Reads how much a link has carried.
   *
   * @param index the link
   * @return its counters
   * @throws NetlinkException NOT_FOUND if there is no such link
   */
  public LinkStatistics statistics(int index) {
    Netlink.requireIndex(index);
    return kernel.get(new LinkRequests.ByIndex(index), LinkStatistics::decode);
  }

  /**
   * Reads how much each link has carried.
   *
   * @return the counters of all links
   * @throws InterruptedDumpException if links came and went during each of 20 lists
   */
  public List<LinkStatistics> statistics() {
    return Netlink.consistent(kernel, new LinkRequests.Dump(0, ""), LinkStatistics::decode);
  }

  /**
   * Creates a link in one system call: a process that dies has made all of it or nothing of it, the
   * alias included.
   *
   * @param spec the link
   * @return the link as the kernel made it; of one that was made in another namespace, what is known of
   *     it there
   * @throws NetlinkException ALREADY_EXISTS if a link has the name or alternative name; UNSUPPORTED if
   *     the kernel does not know the kind
   */
  public Link create(LinkSpec spec) {
    if (spec.namespace().isPresent()) {
      return createElsewhere(spec, spec.namespace().get());
    }
    if (spec.alias().isPresent()) {
      return createStamped(spec);
    }
    Found<Link> echo = new Found<>(decoder);
    LinkRequests.Create request = new LinkRequests.Create(spec, OptionalInt.empty(), NLM_F_ECHO);
    kernel.change(request, echo);
    // Kernels before 6.2 or so acknowledge without an echo.
    return echo.value().or(() -> find(spec.name())).orElseThrow(() -> vanished(request));
  }

  private Link createElsewhere(LinkSpec spec, NetNs namespace) {
    LinkRequests.Create request = new LinkRequests.Create(spec, OptionalInt.empty(), 0);
    kernel.change(request);
    try (Netlink there = Netlink.open(namespace)) {
      return there.links().find(spec.name()).orElseThrow(() -> vanished(request));
    }
  }

  /**
   * The kernel ignores IFLA_IFALIAS in a creation, so the alias is a second message of the same
   * datagram, which the kernel works through even if this process is killed. It names the link by an
   * index that we choose: by name it would also hit a link that had the name before us.
   */
  private Link createStamped(LinkSpec spec) {
    int index = freeIndex();
    LinkRequests.Create request = new LinkRequests.Create(spec, OptionalInt.of(index), 0);
    try {
      kernel.change(request);
    } catch (NetlinkException e) {
      dropUnstamped(spec, index, e);
      throw e;
    }
    return find(index).orElseThrow(() -> vanished(request));
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

  private static boolean isTooLateFor(LinkChange change) {
    return change.addressGeneration().isPresent()
        && change.state().equals(Optional.of(AdminState.UP));
  }

  /**
   * Changes a link in one message; in two if it is to come up without generated addresses, since the kernel turns it up
   * before it heeds that.
   *
   * @param index the link
   * @param change what to change
   * @throws NetlinkException NOT_FOUND if there is no such link
   */
  public void change(int index, LinkChange change) {
    Change whole = changing(index, change);
    if (isTooLateFor(change)) {
      kernel.change(changing(index, WITHOUT_ADDRESSES).request());
    }
    kernel.change(whole.request());
  }

  /**
   * Changes the link that bears a name at that moment: for a caller who has just made it under a name
   * that nobody else uses, and needs no look for its index. Otherwise as {@link #change(int,
   * LinkChange)}.
   *
   * @param name its name, or an alternative one
   * @param change what to change; not the name
   * @throws NetlinkException NOT_FOUND if there is no such link
   */
  public void change(String name, LinkChange change) {
    Change whole = changing(name, change);
    if (isTooLateFor(change)) {
      kernel.change(changing(name, WITHOUT_ADDRESSES).request());
    }
    kernel.change(whole.request());
  }

  /**
   * Deletes a link, and with a veth its peer. Takes some 16 ms, in which the kernel waits for whoever
   * still uses it; {@link #deleteGroup} waits once for many.
   *
   * @param index the link
   * @throws NetlinkException NOT_FOUND if there is no such link; UNSUPPORTED for one that cannot go
   */
  public void delete(int index) {
    kernel.change(deleting(index).request());
  }

  /**
   * Deletes all links of a group at once.
   *
   * @param group 1 to 2147483647
   * @throws NetlinkException NOT_FOUND if the group is empty; UNSUPPORTED, and nothing is deleted, if
   *     one of the links cannot go
   */
  public void deleteGroup(int group) {
    kernel.change(deletingGroup(group).request());
  }

  /**
   * Gives a link a further name.
   *
   * @param index the link
   * @param name 1 to 127 bytes
   * @throws NetlinkException ALREADY_EXISTS if a link has the name
   */
  public void addAlternativeName(int index, String name) {
    kernel.change(addingAlternativeName(index, name).request());
  }

  /**
   * Takes a further name from a link.
   *
   * @param index the link
   * @param name the name
   * @throws NetlinkException NOT_FOUND if it does not have it
   */
  public void removeAlternativeName(int index, String name) {
    kernel.change(removingAlternativeName(index, name).request());
  }

  /**
   * Describes the creation of a link, for a batch. The kernel does not set an alias in it.
   *
   * @param spec the link, without alias
   * @return the change
   */
  public static Change creating(LinkSpec spec) {
    spec.alias().ifPresent(alias -> {
      throw N0Exception.invalid("alias", alias, "must be set by a change of its own in a batch");
    });
    return Change.of(new LinkRequests.Create(spec, OptionalInt.empty(), 0));
  }

  /**
   * Describes {@link #change(int, LinkChange)}, but as one message: a link that is to come up without generated addresses
   * needs two changes, of which this comes second.
   *
   * @param index the link
   * @param change what to change
   * @return the change
   */
  public static Change changing(int index, LinkChange change) {
    Netlink.requireIndex(index);
    return Change.of(new LinkRequests.Set(index, change));
  }

  /**
   * Describes {@link #change(String, LinkChange)}, as {@link #changing(int, LinkChange)} does.
   *
   * @param name the link's name, or an alternative one
   * @param change what to change; not the name
   * @return the change
   */
  public static Change changing(String name, LinkChange change) {
    requireName(name);
    change.name().ifPresent(renamed -> {
      // The attribute that would bear the new name says which link is meant.
      throw N0Exception.invalid("change.name", renamed, "must be changed by the link's index");
    });
    return Change.of(new LinkRequests.SetByName(name, change));
  }

  /**
   * Describes {@link #delete}.
   *
   * @param index the link
   * @return the change
   */
  public static Change deleting(int index) {
    Netlink.requireIndex(index);
    return Change.of(new LinkRequests.Delete(index));
  }

  /**
   * Describes {@link #deleteGroup}.
   *
   * @param group 1 to 2147483647
   * @return the change
   */
  public static Change deletingGroup(int group) {
    // The kernel refuses group 0, in which everything is.
    Rules.range("group", group, 1, Integer.MAX_VALUE);
    return Change.of(new LinkRequests.DeleteGroup(group));
  }

  /**
   * Describes {@link #addAlternativeName}.
   *
   * @param index the link
   * @param name 1 to 127 bytes
   * @return the change
   */
  public static Change addingAlternativeName(int index, String name) {
    Netlink.requireIndex(index);
    requireAlternative(name);
    return Change.of(new LinkRequests.AlternativeName(index, name, Switch.ON));
  }

  /**
   * Describes {@link #removeAlternativeName}.
   *
   * @param index the link
   * @param name the name
   * @return the change
   */
  public static Change removingAlternativeName(int index, String name) {
    Netlink.requireIndex(index);
    requireAlternative(name);
    return Change.of(new LinkRequests.AlternativeName(index, name, Switch.OFF));
  }

  private static void requireName(String name) {
    if (LinkRequests.isShort(name)) {
      Rules.linkName("name", name);
    } else {
      requireAlternative(name);
    }
  }

  private static void requireAlternative(String name) {
    int bytes = name.getBytes(StandardCharsets.UTF_8).length;
    if (bytes < 1 || bytes > LONGEST_ALTERNATIVE || !name.matches("[^\\s/:%\\p{Cc}]+")) {
      throw N0Exception.invalid(
          "name",
          name,
          "must be 1 to " + LONGEST_ALTERNATIVE
              + " bytes without space, '/', ':', '%' or control characters");
    }
  }

  private static N0Exception vanished(LinkRequests.Create request) {
    return new N0Exception(
        N0Exception.Code.NOT_FOUND,
        request.toString(),
        request + ": somebody deleted it in the meantime");
  }
}
