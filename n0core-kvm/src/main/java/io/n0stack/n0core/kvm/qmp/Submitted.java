package io.n0stack.n0core.kvm.qmp;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The answer to a command, to come. It is completed by the thread that waits in {@link #get()}, which may
 * read for that, or else by {@link Hands}; never by who reads on behalf of others.
 */
final class Submitted extends CompletableFuture<QmpResult> {
  private final Connection connection;
  private final String command;
  private final long end;
  private final Duration deadline;
  private final AtomicBoolean over = new AtomicBoolean();
  private final AtomicBoolean awaited = new AtomicBoolean();
  private volatile @Nullable Call call;

  Submitted(Connection connection, String command, long end, Duration deadline) {
    this.connection = connection;
    this.command = command;
    this.end = end;
    this.deadline = deadline;
  }

  long end() {
    return end;
  }

  boolean over() {
    return over.get();
  }

  /** Takes note of what it is the answer to; called once that is sent. */
  void sent(Call sent) {
    call = sent;
  }

  /** Takes the answer; called by who reads. */
  void answered(Call answered) {
    if (over.compareAndSet(false, true)) {
      connection.settled(this);
      if (!awaited.get()) {
        connection.hands().execute(() -> complete(answered));
      }
    }
  }

  /** Gives up, unless the answer is there. */
  void expire() {
    if (over.compareAndSet(false, true)) {
      connection.settled(this);
      Call late = call;
      if (late != null) {
        connection.expire(late);
      }
      completeExceptionally(new OperationTimeoutException(operation(), deadline));
    }
  }

  @Override
  public QmpResult get() throws InterruptedException, ExecutionException {
    help(end);
    return super.get();
  }

  @Override
  public QmpResult get(long timeout, TimeUnit unit)
      throws InterruptedException, ExecutionException, TimeoutException {
    long until = System.nanoTime() + unit.toNanos(timeout);
    help(until - end < 0 ? until : end);
    return super.get(until - System.nanoTime(), TimeUnit.NANOSECONDS);
  }

  /** Waits for the answer as a caller of {@code execute} does. Only one can: others wait for that one. */
  private void help(long until) throws InterruptedException {
    Call waited = call;
    if (isDone() || waited == null || !awaited.compareAndSet(false, true)) {
      return;
    }
    try {
      connection.pump().await(waited, until);
    } finally {
      awaited.set(false);
      if (waited.done()) {
        complete(waited);
      }
    }
  }

  private void complete(Call call) {
    try {
      complete(Replies.result(connection.subject(), command, call.line()));
    } catch (N0Exception e) {
      completeExceptionally(e);
    } catch (IOException e) {
      completeExceptionally(new UnknownOutcomeException(operation(), e));
    }
  }

  private String operation() {
    return command + " on " + connection.subject();
  }
}
