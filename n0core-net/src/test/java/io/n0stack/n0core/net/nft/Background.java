package io.n0stack.n0core.net.nft;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/** Does something over and over until it is closed. */
final class Background implements AutoCloseable {
  private final ExecutorService thread = Executors.newSingleThreadExecutor();
  private final AtomicInteger rounds = new AtomicInteger();
  private final CompletableFuture<Void> done;
  private volatile boolean ended;

  private Background(Runnable round) {
    done = CompletableFuture.runAsync(
        () -> {
          while (!ended) {
            round.run();
            rounds.incrementAndGet();
          }
        },
        thread);
  }

  static Background repeat(Runnable round) {
    return new Background(round);
  }

  /** Counts what was done; throws what it threw. */
  int rounds() {
    if (done.isDone()) {
      done.join();
    }
    return rounds.get();
  }

  @Override
  public void close() {
    ended = true;
    thread.shutdown();
    done.join();
  }
}
