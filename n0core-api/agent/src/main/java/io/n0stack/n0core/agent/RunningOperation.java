package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.driver.ResourceId;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.function.LongFunction;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The state of one operation. */
final class RunningOperation<R> implements Operation<R> {
  private static final long NEWS_NANOS = Duration.ofMillis(250).toNanos();

  private final UUID id = UUID.randomUUID();
  private final ResourceId target;
  private final String verb;
  private final Object request;
  private final Scheduler scheduler;
  private final CompletableFuture<R> result = new CompletableFuture<>();
  private volatile State state = State.QUEUED;
  private volatile String step = "";
  private volatile double fraction;
  private Optional<Long> newsAt = Optional.empty(); // used by the driver's thread
  private volatile String failure = "";
  private Optional<String> cancelled = Optional.empty();
  private Optional<Duration> expired = Optional.empty();
  private boolean ended;
  private @Nullable Thread driverThread;

  RunningOperation(ResourceId target, String verb, Object request, Scheduler scheduler) {
    this.target = target;
    this.verb = verb;
    this.request = request;
    this.scheduler = scheduler;
  }

  boolean isFor(String otherVerb, Object otherRequest) {
    return verb.equals(otherVerb) && request.equals(otherRequest);
  }

  synchronized void start() {
    if (!ended) {
      state = State.RUNNING;
    }
  }

  void beginStep(String name) {
    step = name;
    fraction = 0;
  }

  /** Takes note of how far it is; returns whether that is worth telling others, which it is a few times a second. */
  synchronized boolean reportProgress(double done) {
    fraction = done;
    long now = scheduler.nanoTime();
    if (ended || newsAt.filter(at -> now - at < NEWS_NANOS).isPresent()) {
      return false;
    }
    newsAt = Optional.of(now);
    return true;
  }

  /** Tells how far it is now, to whoever is told of it later. */
  LongFunction<Event> progressed(String message) {
    String at = step;
    double done = fraction;
    return revision -> new Event.Progress(revision, id, target, verb, at, done, message);
  }

  synchronized boolean isOver() {
    return ended;
  }

  synchronized Optional<String> cancelled() {
    return cancelled;
  }

  /** Wakes the driver: the operation has had the time that it may take. */
  synchronized void expire(Duration limit) {
    expired = Optional.of(limit);
    wake();
  }

  private void wake() {
    if (driverThread != null) {
      driverThread.interrupt();
    }
  }

  /** Says whether a driver ended because its time was up and nobody asked it to stop. */
  synchronized Optional<Duration> outOfTime() {
    return cancelled.isPresent() ? Optional.empty() : expired;
  }

  /** Runs a driver's code, during which, and only then, a cancellation interrupts the thread. */
  <X> X interruptibly(Supplier<X> body) {
    synchronized (this) {
      if (cancelled.isPresent()) {
        throw new N0Exception(
            N0Exception.Code.CANCELLED,
            target.toString(),
            verb + " " + target + ": cancelled before it began: " + cancelled.get());
      }
      if (expired.isPresent()) { // nobody would wake the driver once more
        throw new OperationTimeoutException(verb + " " + target, expired.get());
      }
      driverThread = Thread.currentThread();
    }
    try {
      return body.get();
    } finally {
      synchronized (this) {
        driverThread = null;
        // What follows writes the record, which an interrupt left over would prevent.
        if (cancelled.isPresent() || expired.isPresent()) {
          Thread.interrupted();
        }
      }
    }
  }

  Event ended(long at) {
    return new Event.Ended(at, target, verb, state, failure);
  }

  void succeed(R value) {
    if (end(State.SUCCEEDED)) {
      result.complete(value);
    }
  }

  void fail(Throwable cause) {
    failure = String.valueOf(cause.getMessage());
    boolean stopped = cause instanceof N0Exception e && e.code() == N0Exception.Code.CANCELLED;
    if (end(stopped ? State.CANCELLED : State.FAILED)) {
      result.completeExceptionally(cause);
    }
  }

  private synchronized boolean end(State last) {
    if (ended) {
      return false;
    }
    ended = true;
    state = last;
    return true;
  }

  @Override
  public UUID id() {
    return id;
  }

  @Override
  public ResourceId target() {
    return target;
  }

  @Override
  public String verb() {
    return verb;
  }

  @Override
  public State state() {
    return state;
  }

  @Override
  public String step() {
    return step;
  }

  @Override
  public double progress() {
    return fraction;
  }

  @Override
  public CompletableFuture<R> done() {
    return result.copy();
  }

  @Override
  public R await(Duration limit) {
    String what = verb + " " + target;
    try {
      return scheduler.await(result, limit);
    } catch (InterruptedException e) {
      throw N0Exception.interrupted("wait for " + what, e);
    } catch (TimeoutException e) {
      throw new OperationTimeoutException(what, limit);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof N0Exception failure) {
        throw failure;
      }
      throw new N0Exception(
          N0Exception.Code.INTERNAL, target.toString(), what + ": " + e.getCause(), e);
    }
  }

  @Override
  public synchronized boolean cancel(String why) {
    if (ended) {
      return false;
    }
    cancelled = Optional.of(why);
    wake();
    return true;
  }
}
