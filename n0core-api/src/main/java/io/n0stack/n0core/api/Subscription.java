package io.n0stack.n0core.api;

/**
 * A running delivery of events to a listener. Thread-safe.
 *
 * @since 0.1
 */
@FunctionalInterface
public interface Subscription extends AutoCloseable {
  /** Ends the delivery; no event is delivered after it returns. Closing twice does nothing. */
  @Override
  void close();
}
