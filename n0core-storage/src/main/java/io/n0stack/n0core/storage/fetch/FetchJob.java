package io.n0stack.n0core.storage.fetch;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A fetch on a thread of its own. Thread-safe.
 *
 * @since 0.1
 */
public final class FetchJob implements AutoCloseable {
  private static final Duration END_LIMIT = Duration.ofSeconds(10);

  private final String operation;
  private final FutureTask<Fetched> task;
  private final Thread thread;

  private FetchJob(String operation, FutureTask<Fetched> task) {
    this.operation = operation;
    this.task = task;
    thread = new Thread(task, "n0core-" + operation);
    thread.setDaemon(true);
  }

  static FetchJob start(String operation, Callable<Fetched> work) {
    FetchJob job = new FetchJob(operation, new FutureTask<>(work));
    job.thread.start();
    return job;
  }

  /**
   * Waits for the end.
   *
   * @param timeout how long
   * @return what was published
   * @throws N0Exception what the fetch threw; CANCELLED after {@link #cancel()}
   * @throws OperationTimeoutException if it goes on
   */
  public Fetched await(Duration timeout) {
    try {
      return task.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    } catch (TimeoutException e) {
      throw new OperationTimeoutException(operation, timeout);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof N0Exception failure) {
        throw failure;
      }
      throw new IllegalStateException(operation, e.getCause());
    }
  }

  /**
   * Tells whether it has ended, in whatever way.
   *
   * @return whether {@link #await} returns at once
   */
  public boolean isDone() {
    return task.isDone();
  }

  /** Ends the fetch, unless it has ended, and waits until nothing of it moves. */
  public void cancel() {
    thread.interrupt();
    boolean interrupted = false;
    try {
      thread.join(END_LIMIT.toMillis());
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Cancels. */
  @Override
  public void close() {
    cancel();
  }
}
