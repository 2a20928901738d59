package io.n0stack.n0core.agent;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** One thread that works, and never another however long it takes. */
final class OneThread implements Scheduler {
  private final Workers clock = new Workers(1);
  private final ExecutorService worker = Executors.newSingleThreadExecutor(body -> {
    Thread thread = new Thread(body, "test-worker");
    thread.setDaemon(true);
    return thread;
  });

  @Override
  public long nanoTime() {
    return clock.nanoTime();
  }

  @Override
  public void execute(Runnable work) {
    worker.execute(work);
  }

  @Override
  public Runnable later(Duration delay, Runnable work) {
    return clock.later(delay, work);
  }

  @Override
  public <R> R await(CompletableFuture<R> future, Duration limit)
      throws InterruptedException, ExecutionException, TimeoutException {
    return clock.await(future, limit);
  }

  @Override
  public void close() {
    clock.close();
    worker.shutdown();
    try {
      if (!worker.awaitTermination(5, TimeUnit.SECONDS)) {
        worker.shutdownNow();
      }
    } catch (InterruptedException e) {
      worker.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
