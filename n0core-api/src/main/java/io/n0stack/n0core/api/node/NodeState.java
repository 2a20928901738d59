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
  /** Its member is alive, but no record is registered: not a node (yet). */
  UNREGISTERED,
  /** Neither is known. */
  ABSENT;

  /**
   * Derives the state from the two facts, so that the order in which they came cannot matter.
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
