package io.n0stack.n0core.net.internal;

import io.n0stack.n0core.api.OsException;

/** Turns what the kernel says into what a client's users get. */
public interface Dialect {
  /**
   * Makes the exception for a refused message; it is not thrown yet.
   *
   * @param operation what was asked
   * @param refusal what the kernel said
   * @return the exception
   */
  OsException refused(String operation, Refusal refusal);

  /**
   * Takes words about a message that the kernel did; called without a lock.
   *
   * @param operation what was asked
   * @param warning what the kernel said
   */
  default void warned(String operation, Refusal warning) {}
}
