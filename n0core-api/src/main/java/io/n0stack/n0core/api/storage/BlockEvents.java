package io.n0stack.n0core.api.storage;

import io.n0stack.n0core.api.N0Exception;
import java.time.Duration;
import java.util.Optional;

/**
 * Events of one session, in the order in which QEMU sent them, each taken once. They are hints: some are
 * lost when the queue is full or the connection goes, so what they tell is to be asked for as well.
 *
 * <p>Thread-safe. Whoever subscribed closes it; it also ends with its session.
 *
 * @since 0.1
 */
public interface BlockEvents extends AutoCloseable {
  /**
   * Takes the next event, waiting for it if there is none. After the session has ended nothing more
   * comes, but a wait still takes its time.
   *
   * @param timeout how long to wait, zero not to wait
   * @return the event, empty if none came in time
   * @throws N0Exception CANCELLED if interrupted
   */
  Optional<BlockEvent> next(Duration timeout);

  /**
   * Counts what was dropped because the queue was full.
   *
   * @return how many events, since the subscription
   */
  long lost();

  /** Ends the subscription. Closing twice does nothing. */
  @Override
  void close();
}
