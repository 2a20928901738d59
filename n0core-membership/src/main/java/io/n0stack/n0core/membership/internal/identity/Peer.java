package io.n0stack.n0core.membership.internal.identity;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.membership.HostPort;
import java.util.Optional;

/**
 * Who is at the other end of a connection, as it said in its greeting and, where certificates are
 * used, as its certificate confirms.
 *
 * @param name its name
 * @param bootId which start of it
 * @param address where it listens
 * @param role what it may do
 * @param identityKey its certificate's public key, Base64; empty without certificates
 */
public record Peer(
    String name, String bootId, HostPort address, Role role, Optional<String> identityKey) {
  private static final int MOST_BOOT = 64;

  /** What a member may do. */
  public enum Role {
    /** Be a node. */
    NODE,
    /** Answer for node records. */
    REGISTRY
  }

  public Peer {
    Rules.label("name", name);
    Rules.label("bootId", bootId);
    Rules.range("length of bootId", bootId.length(), 1, MOST_BOOT);
  }

  /**
   * Describes one without a certificate.
   *
   * @param name its name
   * @param bootId which start of it
   * @param address where it listens
   * @param role what it may do
   */
  public Peer(String name, String bootId, HostPort address, Role role) {
    this(name, bootId, address, role, Optional.empty());
  }

  /**
   * Returns what Atomix knows this start of it by.
   *
   * @return NAME@BOOT
   */
  public String id() {
    return name + "@" + bootId;
  }

  /**
   * Tells whether that is its {@link #id()}.
   *
   * @param id an id
   * @return whether it is
   */
  public boolean bears(String id) {
    return id.length() == name.length() + 1 + bootId.length()
        && id.startsWith(name)
        && id.charAt(name.length()) == '@'
        && id.endsWith(bootId);
  }

  Peer identifiedBy(Optional<String> key) {
    return new Peer(name, bootId, address, role, key);
  }
}
