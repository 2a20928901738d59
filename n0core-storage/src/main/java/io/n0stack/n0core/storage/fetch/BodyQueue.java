package io.n0stack.n0core.storage.fetch;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Hands the body of an answer from the client's threads to the one that writes and hashes it. The body
 * counts as received when the header is, so that the header can be judged first.
 */
final class BodyQueue implements HttpResponse.BodySubscriber<BodyQueue> {
  private static final int WINDOW =
      64; // signals on their way; the client makes each of about 16 KiB

  private final BlockingQueue<Signal> signals = new LinkedBlockingQueue<>();
  private final Deque<ByteBuffer> taken = new ArrayDeque<>();
  private Flow.@Nullable Subscription subscription;
  private boolean cancelled;
  private @Nullable Signal last;

  /** One call of the publisher: bytes, the end, or a failure. */
  private record Signal(List<ByteBuffer> bytes, boolean ends, Optional<Throwable> failure) {}

  @Override
  public CompletionStage<BodyQueue> getBody() {
    return CompletableFuture.completedFuture(this);
  }

  @Override
  public void onSubscribe(Flow.Subscription given) {
    synchronized (this) {
      subscription = given;
      if (cancelled) {
        given.cancel();
        return;
      }
    }
    given.request(WINDOW);
  }

  @Override
  public void onNext(List<ByteBuffer> bytes) {
    signals.add(new Signal(bytes, false, Optional.empty()));
  }

  @Override
  public void onError(Throwable failure) {
    signals.add(new Signal(List.of(), true, Optional.of(failure)));
  }

  @Override
  public void onComplete() {
    signals.add(new Signal(List.of(), true, Optional.empty()));
  }

  /** Returns bytes that are left; empty at the end. Waits once. */
  Optional<ByteBuffer> next(long nanos)
      throws InterruptedException, TimeoutException, ExecutionException {
    while (true) {
      while (!taken.isEmpty()) {
        ByteBuffer first = taken.element();
        if (first.hasRemaining()) {
          return Optional.of(first);
        }
        taken.remove();
      }
      if (last != null) {
        return end(last);
      }
      Signal signal = signals.poll(nanos, TimeUnit.NANOSECONDS);
      if (signal == null) {
        throw new TimeoutException();
      }
      if (signal.ends()) {
        last = signal;
      } else {
        taken.addAll(signal.bytes());
        request();
      }
    }
  }

  private static Optional<ByteBuffer> end(Signal signal) throws ExecutionException {
    if (signal.failure().isPresent()) {
      throw new ExecutionException(asIo(signal.failure().get()));
    }
    return Optional.empty();
  }

  private static IOException asIo(Throwable failure) {
    return failure instanceof IOException io ? io : new IOException(failure);
  }

  private synchronized void request() {
    if (subscription != null) {
      subscription.request(1);
    }
  }

  /** Drops what is still to come, with its connection. */
  synchronized void cancel() {
    cancelled = true;
    if (subscription != null) {
      subscription.cancel();
    }
  }
}
