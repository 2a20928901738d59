package io.n0stack.n0core.net.netlink;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import java.util.Optional;

/**
 * What needs more than one request about bridges. Thread-safe.
 *
 * @since 0.1
 */
public final class Bridges {
  private static final int ATTEMPTS = 5;

  private final Links links;

  Bridges(Links links) {
    this.links = links;
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
