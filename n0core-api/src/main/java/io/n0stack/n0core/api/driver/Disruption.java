package io.n0stack.n0core.api.driver;

/**
 * How much a change may disrupt what runs.
 *
 * @since 0.1
 */
public enum Disruption {
  /** Nothing stops, not even for a moment. */
  NONE,
  /** What runs may be stopped and started again, once. */
  RESTART
}
