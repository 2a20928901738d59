package io.n0stack.n0core.api;

/**
 * A running delivery of events to a listener. Thread-safe.
 *
 * @since 0.1
 */
@FunctionalInterface
public interface Subscription extends AutoCloseable {
  /**
   * Ends the delivery. An event that another thread is handing over at that moment may still arrive;
   * none begins after. It does not wait for that thread, so a listener and whoever holds a lock that
   * a listener needs may close too. Closing twice does nothing.
   */
  @Override
  void close();
}
