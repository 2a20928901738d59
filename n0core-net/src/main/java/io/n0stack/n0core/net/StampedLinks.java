package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.net.netlink.Link;
import io.n0stack.n0core.net.netlink.LinkChange;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.net.netlink.Netlink;
import io.n0stack.n0core.net.netlink.NetlinkException;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The links of one kind of resource, told from others' by their alias. A resource has one main link, and
 * may have parts: further links that bear its stamp, each in a role.
 */
final class StampedLinks {
  private static final Logger LOG = LoggerFactory.getLogger(StampedLinks.class);
  private static final int LONGEST = 15;
  private static final int KEPT = 6;
  private static final int DERIVATIONS = 8;
  private static final int RACES = 3;
  private static final long MIXER = 0x9e37_79b9_7f4a_7c15L;
  // Refused as names of links: they are directories of their own beside those of the links in
  // /proc/sys/net/ipv4/conf.
  private static final Set<String> RESERVED = Set.of("all", "default");

  private final Netlink netlink;
  private final String kind;
  private final Predicate<Link> main;
  private final Autoconfiguration autoconfiguration;

  /** Keeps the links of a kind of resource, whose main link is the one that fulfils a condition. */
  StampedLinks(Netlink netlink, NetNs namespace, String kind, Predicate<Link> main) {
    this.netlink = netlink;
    autoconfiguration = new Autoconfiguration(netlink, namespace);
    this.kind = kind;
    this.main = main;
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

  /** The alternative name of a resource's main link, by which it is found whatever it is called. */
  static String fullName(ResourceId id) {
    return String.join(".", "n0core", id.kind(), id.name(), id.uid().toString());
  }

  private static String fullName(ResourceId id, String role) {
    return fullName(id) + "." + role;
  }

  /** The names for a resource's main link, the best one first. */
  static Stream<String> names(ResourceId id) {
    String name = id.name();
    Stream<String> own =
        name.length() <= LONGEST && !RESERVED.contains(name) ? Stream.of(name) : Stream.of();
    return Stream.concat(own, derivedNames(id, 0));
  }

  private static Stream<String> derivedNames(ResourceId id, int salt) {
    return IntStream.range(0, DERIVATIONS).mapToObj(i -> derivedName(id, ((long) salt << 8) | i));
  }

  private static String derivedName(ResourceId id, long salt) {
    UUID uid = id.uid();
    long mixed = uid.getMostSignificantBits()
        ^ Long.rotateLeft(uid.getLeastSignificantBits(), 17)
        ^ ((salt * MIXER) >>> 32);
    String name = id.name();
    return name.substring(0, Math.min(KEPT, name.length())) + "-"
        + HexFormat.of().toHexDigits((int) mixed);
  }

  void requireKind(ResourceId id) {
    if (!id.kind().equals(kind)) {
      throw N0Exception.invalid("kind", id.kind(), "must be " + kind);
    }
  }

  /** Finds the main link of a resource; one that lost all its names is found by looking at all. */
  Optional<Stamped> locate(ResourceId id) {
    return byName(id)
        .or(() -> all(id).stream().filter(one -> main.test(one.link())).findFirst());
  }

  /** Finds the main link by its names only: empty does not mean that there is none. */
  Optional<Stamped> byName(ResourceId id) {
    return Stream.concat(Stream.of(fullName(id)), names(id).limit(2))
        .flatMap(name -> netlink.links().find(name).stream())
        .flatMap(link -> owned(link, id).stream())
        .filter(one -> main.test(one.link()))
        .findFirst();
  }

  /** Finds the part of a resource in a role; one that lost all its names is found by looking at all. */
  Optional<Stamped> part(ResourceId id, String role) {
    return partByName(id, role)
        .or(() -> all(id).stream().filter(one -> !isMain(one)).findFirst());
  }

  /** Finds a part by its names only: empty does not mean that there is none. */
  Optional<Stamped> partByName(ResourceId id, String role) {
    return Stream.concat(
            Stream.of(fullName(id, role)), derivedNames(id, role.hashCode()).limit(2))
        .flatMap(name -> netlink.links().find(name).stream())
        .flatMap(link -> owned(link, id).stream())
        .filter(one -> !main.test(one.link()))
        .findFirst();
  }

  /** Finds all links that bear the stamp of a resource, the main one first. */
  List<Stamped> all(ResourceId id) {
    List<Stamped> found = netlink.links().list().stream()
        .flatMap(link -> owned(link, id).stream())
        .toList();
    return Stream.concat(
            found.stream().filter(one -> main.test(one.link())),
            found.stream().filter(one -> !main.test(one.link())))
        .toList();
  }

  boolean isMain(Stamped one) {
    return main.test(one.link());
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

  /**
   * Chooses a name for the main link: the resource's, unless it is too long, or a resource of ours of
   * another name or kind has it.
   *
   * @throws N0Exception ALREADY_EXISTS if somebody else's link, or another resource's of the same kind
   *     and name, has it
   */
  String freeName(ResourceId id) {
    return names(id).filter(name -> isFree(id, name)).findFirst().orElseThrow(() -> exhausted(id));
  }

  private boolean isFree(ResourceId id, String name) {
    Optional<Link> holder = netlink.links().find(name);
    if (holder.isEmpty()) {
      return true;
    }
    Optional<ResourceId> owner = stamp(holder.get()).map(Stamp::id);
    boolean ofAnother = owner.isPresent()
        && !(owner.get().kind().equals(id.kind()) && owner.get().name().equals(id.name()));
    if (!ofAnother && name.equals(id.name())) {
      throw new N0Exception(
          N0Exception.Code.ALREADY_EXISTS,
          id.toString(),
          "create " + id + ": link " + Rules.quote(name) + " is "
              + owner
                  .map(other -> "that of " + other + " with uid " + other.uid())
                  .orElse("not ours"));
    }
    return false;
  }

  private static N0Exception exhausted(ResourceId id) {
    return new N0Exception(
        N0Exception.Code.ALREADY_EXISTS,
        id.toString(),
        "create " + id + ": other links have all names that its link could have");
  }

  /** Creates the main link under a free name, and another one if somebody takes it meanwhile. */
  Stamped create(ResourceId id, Function<String, Stamped> creation) {
    for (int races = 0; ; races++) {
      String name = freeName(id);
      try {
        Stamped made = creation.apply(name);
        addFullName(made, fullName(id));
        return made;
      } catch (N0Exception e) {
        if (e.code() != N0Exception.Code.ALREADY_EXISTS || races == RACES) {
          throw e;
        }
      }
    }
  }

  /** Creates a part under a free name. */
  Stamped createPart(ResourceId id, String role, Function<String, Stamped> creation) {
    String name = derivedNames(id, role.hashCode())
        .filter(free -> netlink.links().find(free).isEmpty())
        .findFirst()
        .orElseThrow(() -> exhausted(id));
    Stamped made = creation.apply(name);
    addFullName(made, fullName(id, role));
    return made;
  }

  /** Gives a main link its full name if it lacks it. */
  void ensureFullName(Stamped link) {
    addFullName(link, fullName(link.stamp().id()));
  }

  /** The stamp is in the alias; this name only makes it quick to find. */
  private void addFullName(Stamped one, String fullName) {
    if (netlink
        .links()
        .find(fullName)
        .filter(link -> link.index() == one.index())
        .isPresent()) {
      return;
    }
    try {
      netlink.links().addAlternativeName(one.index(), fullName);
    } catch (NetlinkException e) {
      // Kernels before 5.5 know no alternative names.
      if (e.code() != N0Exception.Code.ALREADY_EXISTS && e.code() != N0Exception.Code.UNSUPPORTED) {
        throw e;
      }
      LOG.warn("{} has no alternative name {}: {}", one.link().name(), fullName, e.getMessage());
    }
  }

  Set<ResourceId> list() {
    return netlink.links().list().stream()
        .flatMap(link -> stamp(link).stream())
        .map(Stamp::id)
        .filter(id -> id.kind().equals(kind))
        .collect(Collectors.toUnmodifiableSet());
  }

  /**
   * Keeps the host from having IPv6 addresses on segments where nobody asked for one, and from being
   * told any, or routes, by who is there. A link that was too small for IPv6 must have its MTU before.
   */
  void keepFromAutoconfiguration(Link link) {
    try {
      netlink.links().change(link.index(), LinkChange.none().withoutGeneratedAddresses());
    } catch (NetlinkException e) {
      // A kernel without IPv6 gives no such addresses.
      if (!e.errnoName().equals("EAFNOSUPPORT")) {
        throw e;
      }
    }
    autoconfiguration.switchOff(link);
  }

  /** Whether nobody on a link can tell the host addresses or routes. */
  boolean isKeptFromAutoconfiguration(Link link) {
    return autoconfiguration.isOff(link);
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
