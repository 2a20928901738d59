package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Reference;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the agent lends a driver during one operation. */
final class OperationContext implements Context {
  private static final Logger LOG = LoggerFactory.getLogger(OperationContext.class);

  /** What an operation asks of the rest of the agent. */
  interface Surroundings {
    <T> T require(Reference reference, Class<T> status);

    <C> Optional<C> capability(String kind, Class<C> type);
  }

  private final RunningOperation<?> operation;
  private final Surroundings surroundings;
  private final StepListener listener;
  private final Duration limit;
  private final long deadline;

  OperationContext(RunningOperation<?> operation, Surroundings surroundings, AgentOptions options) {
    this.operation = operation;
    this.surroundings = surroundings;
    this.listener = options.stepListener();
    this.limit = options.operationLimit();
    this.deadline = System.nanoTime() + limit.toNanos();
  }

  @Override
  public <R> R step(String name, Step<R> body) {
    requireGoing(name);
    operation.beginStep(name);
    LOG.debug("{} {}: {}", operation.verb(), operation.target(), name);
    listener.before(operation.target(), operation.verb(), name);
    long start = System.nanoTime();
    R result = run(name, body);
    listener.after(operation.target(), operation.verb(), name, System.nanoTime() - start);
    return result;
  }

  @Override
  public void step(String name, Action body) {
    step(name, () -> {
      body.run();
      return Boolean.TRUE;
    });
  }

  @SuppressWarnings("IllegalCatch") // a step may throw anything; here it becomes one of ours
  private <R> R run(String name, Step<R> body) {
    try {
      return body.run();
    } catch (RuntimeException e) {
      throw e;
    } catch (InterruptedException e) {
      throw N0Exception.interrupted(name + " of " + operation.target(), e);
    } catch (Exception e) {
      throw new N0Exception(
          N0Exception.Code.INTERNAL,
          operation.target().toString(),
          name + " of " + operation.target() + ": " + e,
          e);
    }
  }

  @Override
  public void progress(double fraction, String message) {
    requireGoing(operation.step());
    operation.reportProgress(Math.min(1, Math.max(0, fraction)));
    LOG.debug("{} {}: {} {}", operation.verb(), operation.target(), operation.step(), message);
  }

  private void requireGoing(String step) {
    String what = operation.verb() + " " + operation.target();
    Optional<String> why = operation.cancelled();
    if (why.isPresent()) {
      throw new N0Exception(
          N0Exception.Code.CANCELLED,
          operation.target().toString(),
          what + ": cancelled before step \"" + step + "\": " + why.get());
    }
    if (remaining().isZero()) {
      throw new OperationTimeoutException(what, limit);
    }
  }

  @Override
  public Duration remaining() {
    return Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
  }

  @Override
  public <T> T require(String kind, String name, Class<T> status) {
    return surroundings.require(new Reference(kind, name), status);
  }

  @Override
  public <C> Optional<C> capability(String kind, Class<C> type) {
    return surroundings.capability(kind, type);
  }
}
