package io.n0stack.n0core.membership;

/**
 * Where membership may speak without encryption and authentication.
 *
 * @since 0.1
 */
public enum Transport {
  /**
   * In the clear, but only on a loopback address or in a network namespace of the process's own;
   * anything else is refused.
   */
  PLAINTEXT_ISOLATED,
  /**
   * In the clear on any address. Whoever reaches the port can add, suspect and remove members and
   * change records: for networks that nobody else is on.
   */
  PLAINTEXT_ANYWHERE
}
