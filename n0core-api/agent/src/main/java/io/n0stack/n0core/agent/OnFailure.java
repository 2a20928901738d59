package io.n0stack.n0core.agent;

/**
 * What happens when applying a spec fails.
 *
 * @since 0.1
 */
public enum OnFailure {
  /**
   * The agent tries again by itself, with growing pauses, unless the failure is of a kind that cannot
   * pass (INVALID, UNSUPPORTED, ALREADY_EXISTS, PERMISSION): then as {@link #KEEP}.
   */
  RETRY,
  /** What was made stays, the resource is FAILED. */
  KEEP,
  /** If the resource was never READY, what was made of it is deleted; otherwise as {@link #KEEP}. */
  ROLL_BACK
}
