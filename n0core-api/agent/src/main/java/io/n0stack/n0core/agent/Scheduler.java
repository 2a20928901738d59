package io.n0stack.n0core.agent;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeoutException;

/**
 * Where an agent's work runs, and its clock. An agent has threads of its own unless it is opened with
 * another scheduler, as a simulator does that brings its own time. Thread-safe.
 *
 * @since 0.1
 */
public interface Scheduler extends AutoCloseable {
  /**
   * Reads the clock.
   *
   * @return nanoseconds since some fixed moment; only differences mean something
   */
  long nanoTime();

  /**
   * Runs something soon; it may take long and block.
   *
   * @param work what to run
   * @throws RejectedExecutionException if the scheduler is closed
   */
  void execute(Runnable work);

  /**
   * Runs something short later, without waiting for what {@link #execute} was given.
   *
   * @param delay how much later
   * @param work what to run, unless the scheduler is closed before
   * @return what calls it off
   */
  Runnable later(Duration delay, Runnable work);

  /**
   * Waits for a future on the calling thread.
   *
   * @param future what is waited for
   * @param limit how long
   * @param <R> the type of the result
   * @return the result
   * @throws InterruptedException if the thread is interrupted
   * @throws ExecutionException what the future failed with
   * @throws TimeoutException if it is not done within the limit
   */
  <R> R await(CompletableFuture<R> future, Duration limit)
      throws InterruptedException, ExecutionException, TimeoutException;

  /** Takes no more work, waits for at most 10 s for what runs, after 5 s by interrupting it. */
  @Override
  void close();
}
