package io.n0stack.n0core.net.nft;

import io.n0stack.n0core.api.Rules;

/**
 * Which table.
 *
 * @param family which packets it sees
 * @param name 1 to 255 bytes
 * @since 0.1
 */
public record TableId(Family family, String name) {
  /** Checks the name. */
  public TableId {
    Names.require("table", name);
  }

  @Override
  public String toString() {
    return "table " + family + " " + Rules.quote(name);
  }
}
