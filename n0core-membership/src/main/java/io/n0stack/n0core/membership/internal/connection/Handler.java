package io.n0stack.n0core.membership.internal.connection;

import io.n0stack.n0core.membership.internal.identity.Peer;
import java.util.concurrent.CompletableFuture;

/** Answers messages of one subject. */
@FunctionalInterface
public interface Handler {
  /**
   * Answers one message.
   *
   * @param from who has sent it
   * @param payload what it says
   * @return the answer, or nothing if the message wants none
   */
  CompletableFuture<byte[]> handle(Peer from, byte[] payload);
}
