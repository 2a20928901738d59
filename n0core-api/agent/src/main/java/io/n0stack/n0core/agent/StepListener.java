package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.driver.ResourceId;

/**
 * Hears of every step of every operation, on the thread that takes it; what it throws ends the
 * operation. Thread-safe.
 *
 * @since 0.1
 */
public interface StepListener {
  /** A listener that does nothing. */
  StepListener NONE = new StepListener() {};

  /**
   * Is told that a step begins.
   *
   * @param resource what it is done to
   * @param verb the operation, such as {@code apply}
   * @param step the step's name
   */
  default void before(ResourceId resource, String verb, String step) {}

  /**
   * Is told that a step succeeded.
   *
   * @param resource what it was done to
   * @param verb the operation, such as {@code apply}
   * @param step the step's name
   * @param nanos how long it took, in nanoseconds
   */
  default void after(ResourceId resource, String verb, String step, long nanos) {}
}
