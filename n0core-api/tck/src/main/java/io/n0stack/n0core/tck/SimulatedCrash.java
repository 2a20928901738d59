package io.n0stack.n0core.tck;

/** Stands for the death of the process at a step; no driver may catch it. */
public final class SimulatedCrash extends Error {
  private static final long serialVersionUID = 1L;

  /**
   * Creates a death.
   *
   * @param where where the process died
   */
  public SimulatedCrash(String where) {
    super(where);
  }
}
