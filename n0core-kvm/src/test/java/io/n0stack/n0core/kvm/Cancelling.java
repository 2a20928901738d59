package io.n0stack.n0core.kvm;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Context;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Predicate;

/** A context of an operation that counts its reports of a kind, and is cancelled as they say. */
final class Cancelling implements Context {
  private static final int REPORTS = 3;
  private static final String MEMORY = "sending the memory";

  private final Context real;
  private final String kind;
  private final Predicate<String> enough;
  private int reported;

  /** Cancels once some memory was sent. */
  Cancelling(Context real) {
    this.real = real;
    this.kind = MEMORY;
    this.enough = message -> reported >= REPORTS;
  }

  /** Cancels when it is told of a progress of the memory that is enough. */
  Cancelling(Context real, Predicate<String> enough) {
    this(real, MEMORY, enough);
  }

  /** Cancels when it is told of a progress that begins so and is enough. */
  Cancelling(Context real, String kind, Predicate<String> enough) {
    this.real = real;
    this.kind = kind;
    this.enough = enough;
  }

  int reported() {
    return reported;
  }

  @Override
  public <R> R step(String name, Step<R> body) {
    return real.step(name, body);
  }

  @Override
  public void step(String name, Action body) {
    real.step(name, body);
  }

  @Override
  public void progress(double fraction, String message) {
    real.progress(fraction, message);
    if (message.startsWith(kind)) {
      reported++;
      if (enough.test(message)) {
        throw new N0Exception(N0Exception.Code.CANCELLED, "migrate", "migrate: cancelled");
      }
    }
  }

  @Override
  public Duration remaining() {
    return real.remaining();
  }

  @Override
  public <T> T require(String kind, String name, Class<T> status) {
    return real.require(kind, name, status);
  }

  @Override
  public <C> Optional<C> capability(String kind, Class<C> type) {
    return real.capability(kind, type);
  }
}
