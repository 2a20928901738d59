package io.n0stack.n0core.kvm.qmp;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.UnknownOutcomeException;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/** The answer to a command, to come. It is completed by {@link Hands}, never by who reads. */
final class Submitted extends CompletableFuture<QmpResult> {
  private final Connection connection;
  private final String command;
  private final long end;
  private final Duration deadline;
  private final AtomicBoolean over = new AtomicBoolean();

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

  /** Takes the answer; called by who reads. */
  void answered(Call call) {
    if (over.compareAndSet(false, true)) {
      connection.settle(this, () -> complete(call));
    }
  }

  /** Gives up, unless the answer is there. */
  void expire() {
    if (over.compareAndSet(false, true)) {
      connection.settle(
          this,
          () -> completeExceptionally(new OperationTimeoutException(operation(), deadline)));
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
