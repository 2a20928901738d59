package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.driver.Context;
import io.n0stack.n0core.api.driver.Disruption;
import io.n0stack.n0core.api.driver.ResourceId;
import java.time.Duration;
import java.util.Optional;

/** A context that allows a restart. */
record Restarting(Context cx) implements Context {
  @Override
  public Disruption disruption() {
    return Disruption.RESTART;
  }

  @Override
  public <R> R step(String name, Step<R> body) {
    return cx.step(name, body);
  }

  @Override
  public void step(String name, Action body) {
    cx.step(name, body);
  }

  @Override
  public void progress(double fraction, String message) {
    cx.progress(fraction, message);
  }

  @Override
  public Duration remaining() {
    return cx.remaining();
  }

  @Override
  public <T> T require(String kind, String name, Class<T> status) {
    return cx.require(kind, name, status);
  }

  @Override
  public Optional<ResourceId> identify(String kind, String name) {
    return cx.identify(kind, name);
  }

  @Override
  public <C> Optional<C> capability(String kind, Class<C> type) {
    return cx.capability(kind, type);
  }
}
