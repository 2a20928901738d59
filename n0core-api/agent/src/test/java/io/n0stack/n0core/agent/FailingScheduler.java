package io.n0stack.n0core.agent;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;

/** Threads that sometimes cannot be had. */
final class FailingScheduler implements Scheduler {
  final AtomicInteger failures = new AtomicInteger();
  private final Workers workers = new Workers(4);

  @Override
  public long nanoTime() {
    return workers.nanoTime();
  }

  @Override
  public void execute(Runnable work) {
    if (failures.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
      throw new OutOfMemoryError("unable to create native thread");
    }
    workers.execute(work);
  }

  @Override
  public Runnable later(Duration delay, Runnable work) {
    return workers.later(delay, work);
  }

  @Override
  public <R> R await(CompletableFuture<R> future, Duration limit)
      throws InterruptedException, ExecutionException, TimeoutException {
    return workers.await(future, limit);
  }

  @Override
  public void close() {
    workers.close();
  }
}
