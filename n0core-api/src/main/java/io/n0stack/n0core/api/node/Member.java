package io.n0stack.n0core.api.node;

import io.n0stack.n0core.api.Rules;

/**
 * A process that membership sees alive.
 *
 * @param name an RFC 1123 label
 * @param address where it is reached, as {@code HOST:PORT}
 * @param bootId what tells this start of the process from earlier ones
 * @since 0.1
 */
public record Member(String name, String address, String bootId) {
  /** Checks the texts. */
  public Member {
    Rules.label("name", name);
    Rules.text("address", address, 1024);
    Rules.text("bootId", bootId, 1024);
  }
}
