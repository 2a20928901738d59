package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.N0Exception.Code;
import io.n0stack.n0core.api.driver.Disruption;
import io.n0stack.n0core.api.driver.Driver;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import io.n0stack.n0core.api.driver.Spec;
import java.util.Set;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes a resource what its record says, or gone, and believes only what it then sees. */
final class Convergence {
  private static final Logger LOG = LoggerFactory.getLogger(Convergence.class);
  private static final Set<Code> FINAL =
      Set.of(Code.INVALID, Code.UNSUPPORTED, Code.ALREADY_EXISTS, Code.PERMISSION);

  private final Host host;
  private final Ledger ledger;
  private final Admission admission;
  private final Engine engine;
  private final Consumer<Reference> wake;

  Convergence(
      Host host, Ledger ledger, Admission admission, Engine engine, Consumer<Reference> wake) {
    this.host = host;
    this.ledger = ledger;
    this.admission = admission;
    this.engine = engine;
    this.wake = wake;
  }

  ResourceId realise(ResourceId id, Running running) {
    try {
      converge(id, running);
      return id;
    } catch (N0Exception e) {
      try {
        settle(id, e);
      } catch (N0Exception unwritten) {
        e.addSuppressed(unwritten); // the record stays as it was, and is gone on with
      }
      throw e;
    }
  }

  /** Makes the resource what its spec says, and proves it by looking. */
  private <S extends Spec, T> void converge(ResourceId id, Running running) {
    Intent intent = ledger
        .find(id.reference())
        .orElseThrow(() -> Admission.notFound(Engine.APPLY, id.reference()));
    Driver<S, T> driver = host.typed(id);
    Observed<?> before = host.observeOrThrow(Engine.APPLY, id);
    if (Host.finished(before) && intent.phase() == Phase.READY) {
      if (intent.options().disruption() != Disruption.NONE) { // nobody has made use of the leave
        Intent unused = admission.revise(id, Intent::ready);
      }
      return;
    }
    if (lost(intent, before)) {
      // Whoever asks does not know it yet; an empty one in its place would hide the loss.
      Intent unused = admission.revise(id, Intent::lost);
      throw new N0Exception(
          Code.NOT_FOUND, id.toString(), Engine.APPLY + " " + id + ": " + Intent.LOST);
    }
    begin(intent, before);
    S spec = driver.describe().spec().cast(intent.spec());
    Host.call(running.operation(), () -> {
      driver.apply(running.context(), id, spec);
      return id;
    });
    Observed<?> after = host.observeOrThrow(Engine.APPLY, id);
    if (!Host.finished(after)) {
      throw new N0Exception(
          Code.INTERNAL,
          id.toString(),
          Engine.APPLY + " " + id + ": the driver returned, but it is " + after);
    }
    Intent unused = admission.revise(id, Intent::ready);
    ledger
        .dependents(id.reference())
        .forEach(dependent -> wake.accept(dependent.id().reference()));
  }

  private void begin(Intent intent, Observed<?> before) {
    if (intent.isLost() && Host.finished(before)) {
      Intent unused = admission.revise(intent.id(), Intent::foundAgain);
    } else if (intent.phase() != Phase.APPLYING) {
      Intent unused = admission.revise(intent.id(), known -> known.in(Phase.APPLYING, ""));
    }
  }

  /** Tells whether something that held data was finished once and is gone. */
  boolean lost(Intent intent, Observed<?> seen) {
    return intent.realised()
        && seen instanceof Observed.Absent
        && host.driver(intent.id().kind()).onLoss() == Driver.Loss.REPORT;
  }

  /** Decides what becomes of a resource whose spec could not be made true. */
  private void settle(ResourceId id, N0Exception failure) {
    if (engine.closing()) {
      return; // the agent that is opened next goes on with the record as it is
    }
    boolean leaves;
    synchronized (ledger) { // a request that is joined meanwhile is heeded or comes too late
      leaves = ledger
          .find(id.reference())
          .filter(known -> known.phase() != Phase.FAILED) // lost
          .map(known -> settled(known, failure))
          .filter(Intent::leaving)
          .isPresent();
    }
    if (leaves) {
      rollBack(id, failure);
    }
  }

  private Intent settled(Intent known, N0Exception failure) {
    String message = String.valueOf(failure.getMessage());
    boolean passing = failure.code() != Code.CANCELLED && !FINAL.contains(failure.code());
    OnFailure policy = known.options().onFailure();
    if (policy == OnFailure.ROLL_BACK && !known.onceReady()) {
      return admission.record(known.in(Phase.ROLLING_BACK, message));
    }
    if (policy == OnFailure.RETRY && passing) {
      return known.message().equals(message) && known.phase() == Phase.APPLYING
          ? known
          : admission.record(known.in(Phase.APPLYING, message));
    }
    return admission.record(known.in(Phase.FAILED, message));
  }

  private void rollBack(ResourceId id, N0Exception failure) {
    // An operation of its own: the one that failed may have been cancelled or out of time.
    try {
      engine.within(engine.own(id, "roll back", Engine.DELETE), running -> {
        Observed<?> unused =
            host.observeOrThrow("roll back", id); // nobody asked to delete it unseen
        remove(id, running);
      });
    } catch (N0Exception e) {
      failure.addSuppressed(e);
      LOG.warn("roll back {}: failed, will be tried again: {}", id, e.getMessage());
    }
  }

  /** Deletes the resource and only then forgets it. */
  ResourceId remove(ResourceId id, Running running) {
    Reference reference = id.reference();
    try {
      deleteAndProve(id, running);
    } catch (N0Exception e) {
      String message = String.valueOf(e.getMessage());
      try {
        ledger
            .find(reference)
            .filter(known -> !engine.closing() && !known.message().equals(message))
            .ifPresent(known -> admission.record(known.in(known.phase(), message)));
      } catch (N0Exception unwritten) {
        e.addSuppressed(unwritten);
      }
      throw e;
    }
    ledger.find(reference).ifPresent(known -> {
      ledger.remove(known);
      known.needs().forEach(wake);
    });
    return id;
  }

  void deleteAndProve(ResourceId id, Running running) {
    Host.call(running.operation(), () -> {
      host.driver(id.kind()).delete(running.context(), id);
      return id;
    });
    Observed<?> after = host.observeOrThrow(Engine.DELETE, id);
    if (!(after instanceof Observed.Absent)) {
      throw new N0Exception(
          Code.INTERNAL,
          id.toString(),
          Engine.DELETE + " " + id + ": the driver returned, but it is " + after);
    }
  }
}
