package io.n0stack.n0core.api.store;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.Subscription;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;

/**
 * Small durable records under compare-and-set.
 *
 * <p>A key is one or more RFC 1123 labels joined by slashes, such as {@code machine/web1}. Every
 * change gets a revision that is larger than all before it, also across restarts. Thread-safe; the
 * program that opens a store closes it.
 *
 * @since 0.1
 */
public interface Store extends AutoCloseable {
  /** The revision that a key has which does not exist. */
  long NONE = 0;

  /** The largest value, in bytes of UTF-8. */
  int MAX_VALUE_BYTES = 1 << 20;

  /**
   * Finds a record.
   *
   * @param key its key
   * @return the record, empty if there is none
   */
  Optional<Versioned> find(String key);

  /**
   * Lists records.
   *
   * @param prefix the first labels of the keys, such as {@code machine}; empty for all
   * @return the records in the order of their keys
   */
  List<Versioned> list(String prefix);

  /**
   * Writes a record; it is durable when this returns.
   *
   * @param key its key
   * @param value its content, at most {@link #MAX_VALUE_BYTES} in UTF-8
   * @param expectedRevision the revision it must have now, {@link #NONE} if it must not exist
   * @return the new revision
   * @throws N0Exception PRECONDITION if the revision differs; INVALID for a bad key or value; EXHAUSTED
   *     if there is no space, and then nothing has changed
   */
  long put(String key, String value, long expectedRevision);

  /**
   * Deletes a record, durably when this returns.
   *
   * @param key its key
   * @param expectedRevision the revision it must have now
   * @throws N0Exception PRECONDITION if the revision differs or there is no such record
   */
  void delete(String key, long expectedRevision);

  /**
   * Calls back, in the order of revisions, after every change.
   *
   * @param executor what runs the listener
   * @param listener called with each change; never while a lock is held
   * @return the subscription, which the caller closes
   */
  Subscription watch(Executor executor, Listener listener);

  /** Stops; what was written stays. */
  @Override
  void close();

  /** Hears of changes. */
  @FunctionalInterface
  interface Listener {
    /**
     * Is told of one change.
     *
     * @param key the record's key
     * @param now the record, empty if it was deleted
     */
    void changed(String key, Optional<Versioned> now);
  }
}
