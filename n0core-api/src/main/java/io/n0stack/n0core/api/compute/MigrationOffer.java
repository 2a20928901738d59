package io.n0stack.n0core.api.compute;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.ResourceId;

/**
 * What the source of a migration tells the target of a machine.
 *
 * @param machine its identity, which it keeps
 * @param spec what it is
 * @param board what else the guest could notice, such as the versions and addresses of its devices; text that only
 *     the driver reads
 * @since 0.1
 */
public record MigrationOffer(ResourceId machine, MachineSpec spec, String board) {
  private static final int LONGEST = 1 << 20;

  /** Checks that there is a description. */
  public MigrationOffer {
    Rules.range("board", board.length(), 1, LONGEST);
  }
}
