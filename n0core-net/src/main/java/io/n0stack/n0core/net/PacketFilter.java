package io.n0stack.n0core.net;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.network.CidrAddress;
import io.n0stack.n0core.api.network.NetworkDriver;
import io.n0stack.n0core.api.network.PortDriver;
import io.n0stack.n0core.net.netlink.NetNs;
import io.n0stack.n0core.net.nft.Family;
import io.n0stack.n0core.net.nft.Firewall;
import io.n0stack.n0core.net.nft.GuardedPort;
import io.n0stack.n0core.net.nft.Nft;
import io.n0stack.n0core.net.nft.PortGuard;
import io.n0stack.n0core.net.nft.SourceNat;
import io.n0stack.n0core.net.nft.Table;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The guards of ports and the address translation of networks, told from others' by their comments. In a
 * kernel without nftables there are none, and none can be made. Thread-safe.
 */
final class PacketFilter implements AutoCloseable {
  private static final String OWNER = "n0core";
  private static final int COMMENT_FIELDS = 4;

  private final NetNs namespace;
  private final String table;
  private @Nullable Nft nft;
  private boolean closed;

  PacketFilter(NetConfig config, NetNs namespace) {
    this.namespace = namespace;
    table = config.table();
  }

  /** Connects at the first use; a kernel that lacks nftables may get it later by a module. */
  private synchronized Optional<Firewall> firewall() {
    if (closed) {
      throw new N0Exception(N0Exception.Code.UNAVAILABLE, OWNER, "look at nftables: closed");
    }
    if (nft == null) {
      nft = connected().orElse(null);
    }
    return Optional.ofNullable(nft).map(open -> Firewall.of(open, table, OWNER));
  }

  private Optional<Nft> connected() {
    Nft connection;
    try {
      connection = Nft.open(namespace);
    } catch (N0Exception e) {
      if (e.code() == N0Exception.Code.UNSUPPORTED) {
        return Optional.empty();
      }
      throw e;
    }
    try {
      connection.tables();
      return Optional.of(connection);
    } catch (N0Exception e) {
      connection.close();
      // What netfilter says of a subsystem that it does not have.
      if (e.code() == N0Exception.Code.UNSUPPORTED || e.code() == N0Exception.Code.INVALID) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private Firewall required(String field, Object value) {
    return firewall()
        .orElseThrow(() ->
            Refusals.unsupported(field, value, "the kernel has no nftables; it needs nf_tables"));
  }

  /** Refuses what needs nftables if there are none. Changes nothing. */
  void requireUsable(String field, Object value) {
    required(field, value);
  }

  boolean isUsable() {
    return firewall().isPresent();
  }

  /** What the guard of a port is known by. */
  static String comment(ResourceId port) {
    return String.join(":", OWNER, port.kind(), port.name(), port.uid().toString());
  }

  private static Optional<ResourceId> port(String comment) {
    String[] fields = comment.split(":", -1);
    if (fields.length != COMMENT_FIELDS || !fields[0].equals(OWNER)) {
      return Optional.empty();
    }
    return id(fields[1], fields[2], fields[3]).filter(id -> comment(id).equals(comment));
  }

  private static Optional<ResourceId> id(String kind, String name, String uid) {
    try {
      return Optional.of(new ResourceId(kind, name, UUID.fromString(uid)));
    } catch (IllegalArgumentException | N0Exception e) {
      return Optional.empty(); // not ours
    }
  }

  /** Lists the ports that have a guard. */
  Set<ResourceId> ports() {
    Set<ResourceId> ids = new HashSet<>();
    for (GuardedPort guarded : guarded()) {
      port(guarded.stamp()).filter(id -> id.kind().equals(PortDriver.KIND)).ifPresent(ids::add);
    }
    return ids;
  }

  private List<GuardedPort> guarded() {
    return firewall().map(Firewall::ports).orElse(List.of());
  }

  /** Describes the guard that a tap has; empty if it has none. */
  String guardOf(String tap) {
    return firewall().flatMap(firewall -> firewall.digest(tap)).orElse("");
  }

  /** Describes a guard. */
  static String text(String tap, PortGuard guard) {
    return Firewall.digest(tap, guard);
  }

  void guard(String tap, PortGuard guard) {
    required("antiSpoof", "STRICT").guard(tap, guard);
  }

  /** Takes all guards of a port away, also one of a tap that is gone or was renamed. */
  void unguard(ResourceId port) {
    unguard(port, "");
  }

  /** Takes the guards of a port away, but not that of one tap. */
  void unguard(ResourceId port, String kept) {
    for (GuardedPort guarded : guarded()) {
      if (guarded.stamp().equals(comment(port)) && !guarded.tap().equals(kept)) {
        firewall().ifPresent(firewall -> firewall.unguard(guarded.tap()));
      }
    }
  }

  boolean isGuarded(ResourceId port) {
    return guarded().stream().anyMatch(guarded -> guarded.stamp().equals(comment(port)));
  }

  private static String name(ResourceId network) {
    return network.name() + "." + network.uid();
  }

  /** Lists the networks that have address translation. */
  Set<ResourceId> networks() {
    Set<ResourceId> ids = new HashSet<>();
    for (String name : firewall().map(Firewall::masquerades).orElse(List.of())) {
      int dot = name.indexOf('.');
      id(NetworkDriver.KIND, name.substring(0, Math.max(0, dot)), name.substring(dot + 1))
          .filter(id -> name(id).equals(name))
          .ifPresent(ids::add);
    }
    return ids;
  }

  boolean isMasqueraded(ResourceId network) {
    return firewall()
        .map(firewall -> firewall.masquerades().contains(name(network)))
        .orElse(false);
  }

  /** Tells whether a network has just this address translation. */
  boolean isMasqueraded(ResourceId network, List<CidrAddress> addresses, String bridge) {
    return !addresses.isEmpty()
        && firewall()
            .map(firewall ->
                firewall.isMasqueraded(SourceNat.masquerade(name(network), addresses, bridge)))
            .orElse(false);
  }

  void masquerade(ResourceId network, List<CidrAddress> addresses, String bridge) {
    required("gateway.nat", "MASQUERADE")
        .masquerade(SourceNat.masquerade(name(network), addresses, bridge));
  }

  void unmasquerade(ResourceId network) {
    firewall().ifPresent(firewall -> firewall.unmasquerade(name(network)));
  }

  /** Reads the tables of some families, whoever made them. */
  List<Table> tables(Predicate<Family> which) {
    if (firewall().isEmpty()) {
      return List.of();
    }
    Nft open = connection();
    return open.tables().stream()
        .filter(id -> which.test(id.family()))
        .flatMap(id -> open.find(id).stream())
        .toList();
  }

  private synchronized Nft connection() {
    return Objects.requireNonNull(nft);
  }

  @Override
  public synchronized void close() {
    closed = true;
    if (nft != null) {
      nft.close();
    }
  }
}
