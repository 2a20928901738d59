package io.n0stack.n0core.agent;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An agent's own threads: those that work, and the one that ticks. Work that takes long has a thread
 * beyond those that are allowed, so that what hangs, however much it is, holds up nothing else.
 */
final class Workers implements Scheduler {
  private static final Logger LOG = LoggerFactory.getLogger(Workers.class);
  private static final Duration IDLE = Duration.ofSeconds(30);
  private static final Duration PARTING = Duration.ofSeconds(5);
  private static final Duration LONG = Duration.ofSeconds(1);
  private static final int MOST_BEYOND = 4096;

  private final int most;
  private final Pool pool;
  private final ScheduledThreadPoolExecutor clock;

  Workers(int most) {
    this.most = most;
    pool = new Pool(most);
    clock = new ScheduledThreadPoolExecutor(1, named("n0core-agent-clock-"));
    clock.setRemoveOnCancelPolicy(true);
    ScheduledFuture<?> unused = clock.scheduleWithFixedDelay(
        this::makeRoom, LONG.toMillis(), LONG.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Knows since when each of its threads has been at work. */
  private static final class Pool extends ThreadPoolExecutor {
    private final Map<Thread, Long> since = new ConcurrentHashMap<>();

    Pool(int most) {
      super(
          most,
          most,
          IDLE.toMillis(),
          TimeUnit.MILLISECONDS,
          new LinkedBlockingQueue<>(),
          named("n0core-agent-"));
      allowCoreThreadTimeOut(true);
    }

    @Override
    protected void beforeExecute(Thread thread, Runnable work) {
      since.put(thread, System.nanoTime());
    }

    @Override
    protected void afterExecute(Runnable work, @Nullable Throwable thrown) {
      since.remove(Thread.currentThread());
    }

    int busyForLong() {
      long now = System.nanoTime();
      return (int)
          since.values().stream().filter(start -> now - start > LONG.toNanos()).count();
    }
  }

  private void makeRoom() {
    int size = most + Math.min(MOST_BEYOND, pool.busyForLong());
    if (size > pool.getMaximumPoolSize()) {
      pool.setMaximumPoolSize(size);
      pool.setCorePoolSize(size);
    } else if (size < pool.getCorePoolSize()) {
      pool.setCorePoolSize(size);
      pool.setMaximumPoolSize(size);
    }
  }

  private static ThreadFactory named(String prefix) {
    AtomicInteger count = new AtomicInteger();
    return body -> {
      Thread thread = new Thread(body, prefix + count.incrementAndGet());
      thread.setDaemon(true); // the embedding program decides when the process ends
      return thread;
    };
  }

  @Override
  public long nanoTime() {
    return System.nanoTime();
  }

  @Override
  public void execute(Runnable work) {
    pool.execute(work);
  }

  @Override
  public Runnable later(Duration delay, Runnable work) {
    try {
      ScheduledFuture<?> future = clock.schedule(work, delay.toMillis(), TimeUnit.MILLISECONDS);
      return () -> future.cancel(false);
    } catch (RejectedExecutionException e) {
      return () -> {}; // closing, which ends all that runs
    }
  }

  @Override
  public <R> R await(CompletableFuture<R> future, Duration limit)
      throws InterruptedException, ExecutionException, TimeoutException {
    return future.get(limit.toNanos(), TimeUnit.NANOSECONDS);
  }

  @Override
  public void close() {
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
