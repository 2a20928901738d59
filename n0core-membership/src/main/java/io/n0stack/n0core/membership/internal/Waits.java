package io.n0stack.n0core.membership.internal;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Waits for futures, bounded. */
public final class Waits {
  private Waits() {}

  /**
   * Waits.
   *
   * @param operation what is waited for, for errors
   * @param future what is to come
   * @param timeout how long to wait
   * @param <T> what that is
   * @return what the future brought
   * @throws ExecutionException what it brought instead
   */
  public static <T> T await(String operation, Future<T> future, Duration timeout)
      throws ExecutionException {
    try {
      return future.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(operation, e);
    } catch (TimeoutException e) {
      OperationTimeoutException timedOut = new OperationTimeoutException(operation, timeout);
      timedOut.initCause(e);
      throw timedOut;
    }
  }
}
