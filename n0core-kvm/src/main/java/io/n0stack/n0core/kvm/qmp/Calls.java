package io.n0stack.n0core.kvm.qmp;

import io.n0stack.n0core.api.N0Exception;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The calls on their way. QEMU reads a request byte by byte, so ids are short: three characters that
 * tell this connection from the monitor's earlier ones, then a counter of two, which begins anywhere.
 * Thread-safe.
 */
final class Calls {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final String DIGITS =
      "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  private static final int RADIX = DIGITS.length();
  private static final int COUNTS = RADIX * RADIX;

  private final String incarnation = digit() + digit() + digit();
  private final Map<String, Call> waiting = new HashMap<>();
  private int count = RANDOM.nextInt(COUNTS);
  private @Nullable IOException ended;

  private static String digit() {
    return String.valueOf(DIGITS.charAt(RANDOM.nextInt(RADIX)));
  }

  synchronized Call register(String command, @Nullable Consumer<Call> whenDone) {
    String id;
    do {
      id = incarnation + DIGITS.charAt(count / RADIX) + DIGITS.charAt(count % RADIX);
      count = (count + 1) % COUNTS;
    } while (waiting.containsKey(id));
    Call call = new Call(id, command, whenDone);
    IOException reason = ended;
    if (reason == null) {
      waiting.put(id, call);
    }
    return call;
  }

  /** Returns false if the call is no longer there: it has its answer. */
  synchronized boolean forget(Call call) {
    return waiting.remove(call.id(), call);
  }

  /** Takes out the call of an id, null if there is none. */
  synchronized @Nullable Call take(String id) {
    return waiting.remove(id);
  }

  /** Takes out the only call on its way, null if there is none or are several. */
  synchronized @Nullable Call takeOnly() {
    return waiting.size() == 1 ? waiting.remove(waiting.keySet().iterator().next()) : null;
  }

  /** Wakes one of those who wait for an answer. */
  synchronized void wakeOne() {
    for (Call call : waiting.values()) {
      if (call.wake()) {
        return;
      }
    }
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

  void fail(IOException reason) {
    List<Call> lost;
    synchronized (this) {
      ended = reason;
      lost = List.copyOf(waiting.values());
      waiting.clear();
    }
    lost.forEach(call -> call.fail(reason));
  }
}
