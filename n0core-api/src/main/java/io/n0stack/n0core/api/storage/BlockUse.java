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
   */
  record Open(ResourceId machine) implements BlockUse {}

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
