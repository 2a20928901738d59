package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Disruption;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import java.time.Duration;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the agent lends a driver during one operation. */
final class OperationContext implements Context {
  private static final Logger LOG = LoggerFactory.getLogger(OperationContext.class);

  /** What an operation asks of the rest of the agent. */
  interface Surroundings {
    <T> T require(Reference reference, Class<T> status);

    /** Tells those who watch how far an operation has come. */
    void progressed(RunningOperation<?> operation, String message);

    Optional<ResourceId> identify(Reference reference);

    <C> Optional<C> capability(String kind, Class<C> type);
  }

  private final RunningOperation<?> operation;
  private final Lane lane;
  private final Surroundings surroundings;
  private final Instruments instruments;
  private final Disruption disruption;
  private final LongSupplier clock;
  private final Duration limit;
  private final long deadline;

  OperationContext(
      RunningOperation<?> operation,
      Lane lane,
      Disruption disruption,
      Surroundings surroundings,
      Instruments instruments,
      LongSupplier clock,
      Duration limit) {
    this.operation = operation;
    this.lane = lane;
    this.disruption = disruption;
    this.surroundings = surroundings;
    this.instruments = instruments;
    this.clock = clock;
    this.limit = limit;
    this.deadline = clock.getAsLong() + limit.toNanos();
  }

  @Override
  public <R> R step(String name, Step<R> body) {
    requireGoing(name);
    operation.beginStep(name);
    return instruments.step(operation, lane, name, () -> run(name, body));
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
    if (operation.reportProgress(Math.min(1, Math.max(0, fraction)))) {
      surroundings.progressed(operation, message);
    }
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
    return Duration.ofNanos(Math.max(0, deadline - clock.getAsLong()));
  }

  @Override
  public Disruption disruption() {
    return disruption;
  }

  @Override
  public <T> T require(String kind, String name, Class<T> status) {
    return surroundings.require(new Reference(kind, name), status);
  }

  @Override
  public Optional<ResourceId> identify(String kind, String name) {
    return surroundings.identify(new Reference(kind, name));
  }

  @Override
  public <C> Optional<C> capability(String kind, Class<C> type) {
    return surroundings.capability(kind, type);
  }
}
