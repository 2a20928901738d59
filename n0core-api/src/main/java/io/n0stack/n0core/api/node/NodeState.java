package io.n0stack.n0core.api.node;

/**
 * What an API process concludes of a node.
 *
 * @since 0.1
 */
public enum NodeState {
  /** Its record is registered and its member is alive. */
  READY,
  /** Its record is registered, but its member is not alive. Nothing on its host may be touched for that. */
  NOT_READY,
  /**
   * Its record is registered, but the process that is asked has started a moment ago and has not seen its
   * member yet: it may be alive or not. Becomes one of the two above within seconds.
   */
  UNKNOWN,
  /** Its member is alive, but no record is registered: not a node (yet). */
  UNREGISTERED,
  /** Neither is known. */
  ABSENT;

  /**
   * Derives the state from the two facts, so that the order in which they came cannot matter. Never
   * {@link #UNKNOWN}, which is what is said while the second is not a fact yet.
   *
   * @param registered whether the node's record is in the store
   * @param alive whether the node's member is alive
   * @return the state
   */
  public static NodeState of(boolean registered, boolean alive) {
    if (registered) {
      return alive ? READY : NOT_READY;
    }
    return alive ? UNREGISTERED : ABSENT;
  }
}
