package io.n0stack.n0core.net;

import io.n0stack.n0core.api.driver.Context;
import java.time.Duration;
import java.util.Optional;

/** A context in which somebody else does something right before a step. */
final class MeddlingContext implements Context {
  private final Context inner;
  private final String step;
  private final Runnable deed;

  MeddlingContext(Context inner, String step, Runnable deed) {
    this.inner = inner;
    this.step = step;
    this.deed = deed;
  }

  @Override
  public <R> R step(String name, Step<R> body) {
    meddle(name);
    return inner.step(name, body);
  }

  @Override
  public void step(String name, Action body) {
    meddle(name);
    inner.step(name, body);
  }

  private void meddle(String name) {
    if (name.equals(step)) {
      deed.run();
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
