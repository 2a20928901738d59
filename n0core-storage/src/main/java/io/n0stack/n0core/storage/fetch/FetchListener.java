package io.n0stack.n0core.storage.fetch;

import java.util.OptionalLong;

/**
 * Hears how far a transfer has come. Called on the thread of the call, several times a second even
 * while nothing arrives; whatever it throws ends the transfer.
 *
 * @since 0.1
 */
@FunctionalInterface
public interface FetchListener {
  /** Hears nothing and never cancels. */
  FetchListener NONE = (receivedBytes, totalBytes) -> {};

  /**
   * Hears how far a transfer has come.
   *
   * @param receivedBytes bytes so far, as published, with those kept from an earlier attempt
   * @param totalBytes what the source says there are; empty if it does not say
   */
  void progress(long receivedBytes, OptionalLong totalBytes);
}
