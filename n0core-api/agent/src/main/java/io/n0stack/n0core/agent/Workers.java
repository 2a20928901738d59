package io.n0stack.n0core.agent;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** An agent's own threads: those that work, and the one that ticks. */
final class Workers {
  private static final Logger LOG = LoggerFactory.getLogger(Workers.class);
  private static final Duration IDLE = Duration.ofSeconds(30);
  private static final Duration PARTING = Duration.ofSeconds(5);

  private final ThreadPoolExecutor pool;
  private final ScheduledThreadPoolExecutor clock;
  private Optional<ScheduledFuture<?>> ticking = Optional.empty();

  Workers(int most) {
    pool = new ThreadPoolExecutor(
        most,
        most,
        IDLE.toMillis(),
        TimeUnit.MILLISECONDS,
        new LinkedBlockingQueue<>(),
        named("n0core-agent-"));
    pool.allowCoreThreadTimeOut(true);
    clock = new ScheduledThreadPoolExecutor(1, named("n0core-agent-clock-"));
    clock.setRemoveOnCancelPolicy(true);
  }

  private static ThreadFactory named(String prefix) {
    AtomicInteger count = new AtomicInteger();
    return body -> {
      Thread thread = new Thread(body, prefix + count.incrementAndGet());
      thread.setDaemon(true); // the embedding program decides when the process ends
      return thread;
    };
  }

  ThreadPoolExecutor pool() {
    return pool;
  }

  /** Runs a body again and again; one run that fails does not end it. */
  void every(Duration interval, Runnable body) {
    ticking = Optional.of(clock.scheduleWithFixedDelay(
        () -> runOnce(body), interval.toMillis(), interval.toMillis(), TimeUnit.MILLISECONDS));
  }

  @SuppressWarnings("IllegalCatch") // an executor drops a periodic task at its first exception
  private static void runOnce(Runnable body) {
    try {
      body.run();
    } catch (Throwable e) {
      LOG.warn("tick failed, the next one comes", e);
    }
  }

  /** Runs a body later, unless the returned one is run before. */
  Runnable later(Duration delay, Runnable body) {
    try {
      ScheduledFuture<?> future = clock.schedule(body, delay.toMillis(), TimeUnit.MILLISECONDS);
      return () -> future.cancel(false);
    } catch (RejectedExecutionException e) {
      return () -> {}; // closing, which ends all that runs
    }
  }

  /** Takes no more work, waits a little for what is running, then wakes it and waits again. */
  void close() {
    ticking.ifPresent(future -> future.cancel(false));
    clock.shutdownNow();
    pool.shutdown();
    try {
      if (!pool.awaitTermination(PARTING.toMillis(), TimeUnit.MILLISECONDS)) {
        pool.shutdownNow();
        if (!pool.awaitTermination(PARTING.toMillis(), TimeUnit.MILLISECONDS)) {
          LOG.warn("{} threads are stuck in drivers and are left behind", pool.getActiveCount());
        }
      }
      clock.awaitTermination(PARTING.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      pool.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
