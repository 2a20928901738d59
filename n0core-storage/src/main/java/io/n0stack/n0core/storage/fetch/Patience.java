package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import java.io.IOException;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The time a transfer has, and its listener. Used by the thread of the call alone. */
final class Patience {
  private static final long HEARTBEAT = TimeUnit.MILLISECONDS.toNanos(100);

  private final String operation;
  private final Duration timeout;
  private final Duration idle;
  private final long deadline;
  private final FetchListener listener;
  private long received;
  private OptionalLong total = OptionalLong.empty();
  private long lastBeat = System.nanoTime() - HEARTBEAT;

  Patience(String operation, Duration timeout, Duration idle, FetchListener listener) {
    this.operation = operation;
    this.timeout = timeout;
    this.idle = idle;
    this.listener = listener;
    deadline = System.nanoTime() + timeout.toNanos();
  }

  String operation() {
    return operation;
  }

  Duration remaining() {
    return Duration.ofNanos(
        Math.max(TimeUnit.MILLISECONDS.toNanos(1), deadline - System.nanoTime()));
  }

  void received(long bytes) {
    received = bytes;
  }

  void total(OptionalLong bytes) {
    total = bytes;
  }

  /** Tells the listener now, whenever it was told before. */
  void tell() {
    lastBeat = System.nanoTime();
    listener.progress(received, total);
  }

  /** Ends the transfer if it is over its time or cancelled, and tells the listener now and then. */
  void beat() {
    long now = System.nanoTime();
    if (now - deadline >= 0) {
      throw new OperationTimeoutException(operation, timeout);
    }
    if (now - lastBeat >= HEARTBEAT) {
      if (Thread.currentThread().isInterrupted()) {
        throw N0Exception.interrupted(operation, new InterruptedException());
      }
      tell();
    }
  }

  /** Waits once for a little while; the result is null if that was not enough. */
  @FunctionalInterface
  interface Wait<R> {
    R within(long nanos) throws InterruptedException, ExecutionException, TimeoutException;
  }

  /** Waits for what the server has to say; an {@link HttpTimeoutException} if it stays silent. */
  <R> R await(Wait<R> wait) throws IOException {
    long silent = System.nanoTime() + idle.toNanos();
    while (true) {
      beat();
      long now = System.nanoTime();
      if (now - silent >= 0) {
        throw new HttpTimeoutException("silent for " + idle.toMillis() + " ms");
      }
      try {
        return wait.within(Math.min(HEARTBEAT, Math.min(silent - now, deadline - now)));
      } catch (TimeoutException e) {
        // Not yet: look at the time and the listener again.
      } catch (InterruptedException e) {
        throw N0Exception.interrupted(operation, e);
      } catch (ExecutionException e) {
        throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
      }
    }
  }

  <R> R await(CompletableFuture<R> future) throws IOException {
    boolean done = false;
    try {
      R result = await(nanos -> future.get(nanos, TimeUnit.NANOSECONDS));
      done = true;
      return result;
    } finally {
      if (!done) {
        future.cancel(true);
      }
    }
  }

  /** Lets time pass before another try. */
  void pause(Duration length) {
    long end = System.nanoTime() + length.toNanos();
    while (System.nanoTime() - end < 0) {
      beat();
      try {
        TimeUnit.NANOSECONDS.sleep(Math.min(HEARTBEAT, Math.max(1, end - System.nanoTime())));
      } catch (InterruptedException e) {
        throw N0Exception.interrupted(operation, e);
      }
    }
  }
}
