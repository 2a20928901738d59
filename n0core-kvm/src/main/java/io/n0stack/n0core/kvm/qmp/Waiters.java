package io.n0stack.n0core.kvm.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Who waits for which reply. QEMU reads a request byte by byte, so ids are short: four characters
 * that tell this client from the monitor's earlier ones, then a counter. Thread-safe.
 */
final class Waiters {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final int RADIX = Character.MAX_RADIX;
  private static final int FOUR = RADIX * RADIX * RADIX * RADIX;

  record Waiter(String id, CompletableFuture<JsonNode> answer) {}

  private final String incarnation =
      Integer.toString(FOUR + RANDOM.nextInt(FOUR), RADIX).substring(1);
  private final Map<String, Waiter> waiting = new HashMap<>();
  private int count;
  private @Nullable IOException ended;

  synchronized Waiter register() {
    String id;
    do {
      id = incarnation + Integer.toString(count, RADIX);
      count = (count + 1) % FOUR;
    } while (waiting.containsKey(id));
    Waiter waiter = new Waiter(id, new CompletableFuture<>());
    waiting.put(id, waiter);
    return waiter;
  }

  synchronized void forget(Waiter waiter) {
    waiting.remove(waiter.id());
  }

  synchronized void requireOpen(String operation, String subject) {
    if (ended != null) {
      throw new N0Exception(
          N0Exception.Code.UNAVAILABLE,
          subject,
          operation + ": not sent: " + ended.getMessage(),
          ended);
    }
  }

  /** Returns false if nobody waits for the message. */
  synchronized boolean answer(JsonNode message) {
    Waiter waiter = null;
    if (message.has("id")) {
      waiter = waiting.get(message.path("id").asText());
    } else if (message.has("error") && waiting.size() == 1) {
      // An error about bytes that QEMU could not parse: it can only be blamed on a single request.
      waiter = waiting.values().iterator().next();
    }
    return waiter != null && waiter.answer().complete(message);
  }

  synchronized void fail(IOException reason) {
    ended = reason;
    waiting.values().forEach(waiter -> waiter.answer().completeExceptionally(reason));
  }
}
