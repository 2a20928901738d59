package io.n0stack.n0core.storage.live;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

/** A context that waits, tells what it was told, and can be cancelled. */
final class Waiting implements Context {
  private final long end;
  private final AtomicBoolean cancelled = new AtomicBoolean();
  private final List<Double> fractions = new ArrayList<>();

  Waiting(Duration limit) {
    end = System.nanoTime() + limit.toNanos();
  }

  static Waiting longEnough() {
    return new Waiting(Duration.ofMinutes(2));
  }

  Waiting cancel() {
    cancelled.set(true);
    return this;
  }

  List<Double> fractions() {
    return fractions;
  }

  @Override
  public <R> R step(String name, Step<R> body) {
    throw new UnsupportedOperationException(name);
  }

  @Override
  public void step(String name, Action body) {
    throw new UnsupportedOperationException(name);
  }

  @Override
  public void progress(double fraction, String message) {
    fractions.add(fraction);
    if (cancelled.get()) {
      throw new N0Exception(N0Exception.Code.CANCELLED, message, message + ": cancelled");
    }
  }

  @Override
  public Duration remaining() {
    return Duration.ofNanos(Math.max(0, end - System.nanoTime()));
  }

  @Override
  public <T> T require(String kind, String name, Class<T> status) {
    throw new UnsupportedOperationException(name);
  }

  @Override
  public <C> Optional<C> capability(String kind, Class<C> type) {
    return Optional.empty();
  }
}
