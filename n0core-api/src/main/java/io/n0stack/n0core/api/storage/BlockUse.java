package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.Rules;
import io.n0stack.n0core.api.driver.ResourceId;

/**
 * Whether a running machine has a file open.
 *
 * @since 0.1
 */
public sealed interface BlockUse {
  /**
   * A running machine has it open.
   *
   * @param machine the machine
   * @param node the name of the block node that has the file's format (not of the one below it, that has
   *     its bytes)
   */
  record Open(ResourceId machine, String node) implements BlockUse {
    /** Checks the name of the node. */
    public Open {
      Rules.text("node", node, 255);
    }
  }

  /** It is proved that no running machine has it open. */
  record Closed() implements BlockUse {}

  /**
   * It could not be seen. Nobody may touch the file because of this answer.
   *
   * @param why the reason, for people
   */
  record Unknown(String why) implements BlockUse {
    /** Checks that a reason is given. */
    public Unknown {
      Rules.text("why", why, 10_000);
    }
  }
}
