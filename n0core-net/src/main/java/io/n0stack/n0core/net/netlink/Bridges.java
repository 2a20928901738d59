package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.net.internal.Conversation;
import io.n0stack.n0core.net.internal.MessageWriter;
import io.n0stack.n0core.net.internal.Wire;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Bridges and their ports, see bridge(8). Thread-safe; part of a {@link Netlink}, whose errors it has.
 *
 * @since 0.1
 */
public final class Bridges {
  private static final int ATTEMPTS = 5;

  private static final int IFLA_PROTINFO = 12; // linux/if_link.h
  private static final int ENODEV = 19; // asm-generic/errno-base.h

  private final Conversation kernel;
  private final Links links;
  private final BridgeVlans vlans;

  Bridges(Conversation kernel, Links links) {
    this.kernel = kernel;
    this.links = links;
    vlans = new BridgeVlans(kernel);
  }

  /**
   * Returns what can be done about the VLANs of ports.
   *
   * @return an object that uses the same connection
   */
  public BridgeVlans vlans() {
    return vlans;
  }

  /**
   * Reads how a link is a port of a bridge.
   *
   * @param index the link
   * @return the port; empty if there is no such link, or it is no port of a bridge
   */
  public Optional<BridgePort> port(int index) {
    Netlink.requireIndex(index);
    return kernel
        .find(
            new LinkRequests.ByIndex(index),
            (bytes, from, to) -> Optional.ofNullable(BridgePort.decode(bytes, from, to)),
            ENODEV)
        .flatMap(port -> port);
  }

  /**
   * Lists the ports of a bridge.
   *
   * @param bridge index of the bridge
   * @return its ports; empty also if there is no such bridge
   */
  public List<BridgePort> ports(int bridge) {
    Netlink.requireIndex(bridge);
    return Netlink.consistent(kernel, new LinkRequests.Dump(bridge, ""), BridgePort::decode)
        .stream()
        .filter(port -> port.bridge() == bridge)
        .toList();
  }

  /**
   * Changes how a link is a port of a bridge, in one message.
   *
   * @param index the port
   * @param change what to change
   * @throws NetlinkException NOT_FOUND if there is no such link; INVALID if it is no port
   */
  public void changePort(int index, BridgePortChange change) {
    kernel.change(changingPort(index, change).request());
  }

  /**
   * Makes the bridge forget the addresses that it learnt from a port.
   *
   * @param index the port
   */
  public void flush(int index) {
    Netlink.requireIndex(index);
    kernel.change(portMessage(
            "flush bridge port " + index,
            index,
            message -> message.flagAttribute(BridgePort.IFLA_BRPORT_FLUSH))
        .request());
  }

  /**
   * Describes {@link #changePort}.
   *
   * @param index the port
   * @param change what to change
   * @return the change
   */
  public static Change changingPort(int index, BridgePortChange change) {
    Netlink.requireIndex(index);
    return portMessage("set bridge port " + index, index, change::write);
  }

  private static Change portMessage(String words, int index, Consumer<MessageWriter> attributes) {
    return Change.of(() -> words, message -> {
      message.begin(Rtnetlink.RTM_SETLINK, Wire.NLM_F_ACK, Rtnetlink.IFINFO);
      message.header8(0, Rtnetlink.AF_BRIDGE);
      message.header32(Rtnetlink.IFINFO_INDEX, index);
      int port = message.open(IFLA_PROTINFO);
      attributes.accept(message);
      message.close(port);
    });
  }

  /**
   * Creates a bridge unless it exists, makes a link its port, and sets both up. Changes nothing that
   * is so already; any number of threads and processes may do it at once.
   *
   * @param bridge name of the bridge
   * @param link name of the link
   * @return both interface indexes
   * @throws N0Exception NOT_FOUND, before anything is changed, if there is no such link; ALREADY_EXISTS
   *     if something else than a bridge has the bridge's name; PRECONDITION if the link is a port of
   *     another bridge
   */
  public BridgeAttachment ensure(String bridge, String link) {
    Rules.linkName("bridge", bridge);
    Link port = links
        .find(link)
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.NOT_FOUND,
            "link " + Rules.quote(link),
            "attach link " + Rules.quote(link) + " to bridge " + Rules.quote(bridge)
                + ": there is no such link"));
    Optional<Link> existing = links.find(bridge);
    existing.ifPresent(found -> requireBridge(bridge, found));
    requireFree(bridge, existing, port);
    Link made = existing.orElseGet(() -> create(bridge));
    if (!made.up()) {
      links.change(made.index(), LinkChange.none().up());
    }
    if (port.master().orElse(0) != made.index() || !port.up()) {
      links.change(port.index(), LinkChange.none().withMaster(made.index()).up());
    }
    return new BridgeAttachment(made.index(), port.index());
  }

  private Link create(String bridge) {
    for (int i = 1; ; i++) {
      try {
        return links.create(LinkSpec.bridge(bridge).up());
      } catch (NetlinkException e) {
        if (e.code() != N0Exception.Code.ALREADY_EXISTS || i == ATTEMPTS) {
          throw e;
        }
      }
      // Another thread or process was faster; what it made must be a bridge, too.
      Optional<Link> existing = links.find(bridge);
      if (existing.isPresent()) {
        requireBridge(bridge, existing.get());
        return existing.get();
      }
    }
  }

  private static void requireBridge(String bridge, Link found) {
    if (!(found.kind() instanceof LinkKind.Bridge)) {
      throw new N0Exception(
          N0Exception.Code.ALREADY_EXISTS,
          "link " + Rules.quote(bridge),
          "add bridge " + Rules.quote(bridge) + ": a link of kind "
              + Rules.quote(found.kind().kernelName()) + " has the name");
    }
  }

  private void requireFree(String bridge, Optional<Link> existing, Link port) {
    int master = port.master().orElse(0);
    if (master == 0 || (existing.isPresent() && existing.get().index() == master)) {
      return;
    }
    // Two threads may have made the bridge and attached the link since we looked.
    Optional<Link> other = links.find(master);
    if (other.isPresent() && !other.get().name().equals(bridge)) {
      throw new N0Exception(
          N0Exception.Code.PRECONDITION,
          "link " + Rules.quote(port.name()),
          "attach link " + Rules.quote(port.name()) + " to bridge " + Rules.quote(bridge)
              + ": it is a port of " + Rules.quote(other.get().name()));
    }
  }
}
