package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.tck.StandaloneContext;
import java.time.Duration;
import java.util.Optional;

/** A context whose thread is interrupted, as by an agent that cancels, when a step begins. */
final class InterruptingContext implements Context {
  private final StandaloneContext inner = new StandaloneContext();
  private int left;

  InterruptingContext(int step) {
    left = step;
  }

  boolean interrupted() {
    return left < 0;
  }

  @Override
  public <R> R step(String name, Step<R> body) {
    return inner.step(name, () -> {
      count();
      return body.run();
    });
  }

  @Override
  public void step(String name, Action body) {
    inner.step(name, () -> {
      count();
      body.run();
    });
  }

  private void count() {
    if (left-- == 0) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void progress(double fraction, String message) {
    inner.progress(fraction, message);
  }

  @Override
  public Duration remaining() {
    return inner.remaining();
  }

  @Override
  public <T> T require(String kind, String name, Class<T> status) {
    return inner.require(kind, name, status);
  }

  @Override
  public <C> Optional<C> capability(String kind, Class<C> type) {
    return inner.capability(kind, type);
  }
}
