package io.n0stack.n0core.kvm.qmp;

/** Lets tests of other packages see how many answers came that were meant for somebody else. */
public final class Strangers {
  private Strangers() {}

  /**
   * Counts them.
   *
   * @param client a connection
   * @return how many it has dropped
   */
  public static long of(QmpClient client) {
    return client.strangers();
  }
}
