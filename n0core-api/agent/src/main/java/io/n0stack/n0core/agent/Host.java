package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.OperationTimeoutException;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/** The host as the drivers show it. Whatever a driver throws leaves here as one of our exceptions. */
final class Host implements OperationContext.Surroundings {
  private final Map<String, Driver<?, ?>> drivers;
  private final Ledger ledger;

  Host(Map<String, Driver<?, ?>> drivers, Ledger ledger) {
    this.drivers = drivers;
    this.ledger = ledger;
  }

  @Override
  public void progressed(RunningOperation<?> operation, String message) {
    ledger.history().progress(operation, operation.progressed(message));
  }

  Driver<?, ?> driver(String kind) {
    Driver<?, ?> driver = drivers.get(kind);
    if (driver == null) {
      throw N0Exception.invalid(
          "kind", kind, "must be one that a driver is installed for: " + drivers.keySet());
    }
    return driver;
  }

  @SuppressWarnings("unchecked") // the agent keeps drivers by the kind they describe
  <S extends Spec, T> Driver<S, T> typed(ResourceId id) {
    return (Driver<S, T>) driver(id.kind());
  }

  /** Looks; a driver that throws could not look. */
  @SuppressWarnings("IllegalCatch") // a broken driver must not be taken for an absent resource
  Observed<?> observe(ResourceId id) {
    try {
      Observed<?> seen = driver(id.kind()).observe(id);
      return seen == null ? Observed.unknown("its driver gave no answer") : seen;
    } catch (RuntimeException | LinkageError e) {
      return Observed.unknown("its driver failed to look: " + e);
    }
  }

  Observed<?> observeOrThrow(String verb, ResourceId id) {
    Observed<?> seen = observe(id);
    if (seen instanceof Observed.Unknown<?> unknown) {
      throw new N0Exception(
          Code.UNAVAILABLE,
          id.toString(),
          verb + " " + id + ": it cannot be seen: " + unknown.why());
    }
    return seen;
  }

  static boolean finished(Observed<?> seen) {
    return seen instanceof Observed.Present<?> present && present.complete();
  }

  /** Calls a driver; whatever it throws becomes one of ours. */
  @SuppressWarnings("IllegalCatch") // third parties write drivers
  static <X> X call(RunningOperation<?> operation, Supplier<X> body) {
    try {
      return operation.interruptibly(body);
    } catch (N0Exception e) {
      Optional<Duration> limit = operation.outOfTime();
      if (e.code() != Code.CANCELLED || limit.isEmpty()) {
        throw e;
      }
      N0Exception late =
          new OperationTimeoutException(operation.verb() + " " + operation.target(), limit.get());
      late.addSuppressed(e);
      throw late;
    } catch (RuntimeException | LinkageError e) {
      ResourceId id = operation.target();
      throw new N0Exception(
          Code.INTERNAL, id.toString(), operation.verb() + " " + id + ": " + e, e);
    }
  }

  @Override
  public <T> T require(Reference reference, Class<T> status) {
    return status.cast(requireReady(reference));
  }

  @Override
  public Optional<ResourceId> identify(Reference reference) {
    return ledger.find(reference).map(Intent::id);
  }

  @Override
  public <C> Optional<C> capability(String kind, Class<C> type) {
    return Optional.ofNullable(drivers.get(kind)).flatMap(driver -> driver.capability(type));
  }

  private Object requireReady(Reference reference) {
    String what = "require " + reference;
    Intent intent = ledger
        .find(reference)
        .orElseThrow(() -> new N0Exception(
            Code.PRECONDITION, reference.toString(), what + ": there is none; apply it first"));
    Observed<?> seen = observeOrThrow("require", intent.id());
    if (intent.phase() == Phase.READY
        && seen instanceof Observed.Present<?> present
        && present.complete()) {
      return present.status();
    }
    throw new N0Exception(
        Code.PRECONDITION,
        reference.toString(),
        what + ": it is " + intent.phase() + ", seen as " + seen + ". " + intent.message());
  }

  void requireType(Reference reference, Spec spec) {
    Class<? extends Spec> type = driver(reference.kind()).describe().spec();
    if (!type.isInstance(spec)) {
      throw N0Exception.invalid(
          "spec",
          spec.getClass().getName(),
          "must be a " + type.getName() + " for kind \"" + reference.kind() + "\"");
    }
  }
}
