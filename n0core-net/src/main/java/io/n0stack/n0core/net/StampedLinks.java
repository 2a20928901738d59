package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.netlink.NetlinkException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;

/** The links of one kind of resource, told from others' by their alias. */
final class StampedLinks {
  private static final int LONGEST = 15;
  private static final int KEPT = 6;
  // Refused as names of links: they are directories of their own beside those of the links in
  // /proc/sys/net/ipv4/conf.
  private static final Set<String> RESERVED = Set.of("all", "default");

  private final Netlink netlink;
  private final String kind;

  StampedLinks(Netlink netlink, String kind) {
    this.netlink = netlink;
    this.kind = kind;
  }

  /** A link of ours and what its alias says. */
  record Stamped(Link link, Stamp stamp) {
    int index() {
      return link.index();
    }
  }

  static Optional<Stamp> stamp(Link link) {
    return link.alias().flatMap(Stamp::parse);
  }

  /** Names the link of a resource: as the resource, or, if no link can be named so, by its uid. */
  static String linkName(ResourceId id) {
    String name = id.name();
    if (name.length() <= LONGEST && !RESERVED.contains(name)) {
      return name;
    }
    UUID uid = id.uid();
    long mixed = uid.getMostSignificantBits() ^ Long.rotateLeft(uid.getLeastSignificantBits(), 17);
    return name.substring(0, Math.min(KEPT, name.length())) + "-"
        + HexFormat.of().toHexDigits((int) mixed);
  }

  void requireKind(ResourceId id) {
    if (!id.kind().equals(kind)) {
      throw N0Exception.invalid("kind", id.kind(), "must be " + kind);
    }
  }

  /** Finds the link of a resource; one that was renamed is found by looking at all. */
  Optional<Stamped> locate(ResourceId id) {
    Optional<Stamped> named = netlink.links().find(linkName(id)).flatMap(link -> owned(link, id));
    return named.isPresent()
        ? named
        : netlink.links().list().stream()
            .flatMap(link -> owned(link, id).stream())
            .findFirst();
  }

  private static Optional<Stamped> owned(Link link, ResourceId id) {
    return stamp(link)
        .filter(stamp -> stamp.id().equals(id))
        .map(stamp -> new Stamped(link, stamp));
  }

  /** Reads the same link again; its name alone would not show that it is the same. */
  Stamped again(Stamped before) {
    ResourceId id = before.stamp().id();
    return netlink
        .links()
        .find(before.index())
        .flatMap(link -> owned(link, id))
        .orElseThrow(() -> new N0Exception(
            N0Exception.Code.UNAVAILABLE,
            id.toString(),
            "look at " + id + ": its link went away in the meantime"));
  }

  /** Checks that nothing holds the name that the link would have. */
  void requireFree(ResourceId id) {
    netlink.links().find(linkName(id)).ifPresent(link -> {
      throw new N0Exception(
          N0Exception.Code.ALREADY_EXISTS,
          id.toString(),
          "create " + id + ": link " + Rules.quote(link.name()) + " is "
              + stamp(link)
                  .map(stamp ->
                      "that of " + stamp.id() + " with uid " + stamp.id().uid())
                  .orElse("not ours"));
    });
  }

  Set<ResourceId> list() {
    return netlink.links().list().stream()
        .flatMap(link -> stamp(link).stream())
        .map(Stamp::id)
        .filter(id -> id.kind().equals(kind))
        .collect(Collectors.toUnmodifiableSet());
  }

  /** Keeps the host from having IPv6 addresses on segments where nobody asked for one. */
  void keepFromGeneratedAddresses(int index) {
    try {
      netlink.links().change(index, LinkChange.none().withoutGeneratedAddresses());
    } catch (NetlinkException e) {
      // A kernel without IPv6 gives no such addresses.
      if (!e.errnoName().equals("EAFNOSUPPORT")) {
        throw e;
      }
    }
  }

  /** Does what may find the link gone already. */
  static void unlessGone(Runnable deletion) {
    try {
      deletion.run();
    } catch (NetlinkException e) {
      if (e.code() != N0Exception.Code.NOT_FOUND) {
        throw e;
      }
    }
  }
}
