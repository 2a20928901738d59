package io.n0stack.n0core.agent;

/**
 * What the agent is about to do with a resource. Durable: it is what a restarted agent goes on with.
 *
 * @since 0.1
 */
public enum Phase {
  /** Its spec was accepted and is being made true. */
  APPLYING,
  /** It was once what its spec says, and is kept so. */
  READY,
  /** Making it true failed for good, or it was lost; nothing is done until somebody asks. */
  FAILED,
  /** Creating it failed and what was made of it is being deleted. */
  ROLLING_BACK,
  /** It is being deleted. */
  DELETING
}
