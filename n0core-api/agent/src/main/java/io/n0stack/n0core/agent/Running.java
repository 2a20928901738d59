package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.driver.ResourceId;

/** An operation and what it lends the driver. */
record Running(RunningOperation<?> operation, OperationContext context) {
  /** What an operation does; whatever it throws is how the operation ends. */
  interface Work<R> {
    R run(ResourceId id, Running running);
  }
}
