package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Looks at a resource and does what its phase asks for. What cannot be seen is left alone. */
final class Inspection {
  private static final Logger LOG = LoggerFactory.getLogger(Inspection.class);

  /** What looking at a resource led to. */
  enum Outcome {
    /** It is what it should be; nothing was done. */
    FINE,
    /** It was worked on. */
    WORKED,
    /** It could not be seen and was left alone. */
    UNKNOWN,
    /** Somebody else works on it, or it must wait for another. */
    SKIPPED
  }

  /** The outcome, with the reason where there is one. */
  record Look(Outcome outcome, String why) {}

  /** A look, and what tells those who wait for the operation it led to. */
  private record Done(Look look, Runnable end) {
    static Done of(Outcome outcome, String why) {
      return new Done(new Look(outcome, why), () -> {});
    }
  }

  private static final Look BUSY = new Look(Outcome.SKIPPED, "an operation is in flight");

  private final Engine engine;
  private final Host host;
  private final Ledger ledger;
  private final Admission admission;
  private final Instruments instruments;
  private final Scheduler scheduler;

  Inspection(
      Engine engine,
      Host host,
      Ledger ledger,
      Admission admission,
      Instruments instruments,
      Scheduler scheduler) {
    this.engine = engine;
    this.host = host;
    this.ledger = ledger;
    this.admission = admission;
    this.instruments = instruments;
    this.scheduler = scheduler;
  }

  /**
   * Looks for the sake of something that has just happened. A look that goes on now may have been too early to
   * see it: then this one is left to be run when that has ended, and nothing is returned.
   */
  Optional<Look> lookInTurn(Reference reference, Runnable again) {
    Lane lane = engine.lane(reference);
    synchronized (lane) {
      if (!begin(lane)) {
        boolean left = !engine.closing() && lane.current().isEmpty() && lane.leave(again);
        return left ? Optional.empty() : Optional.of(BUSY);
      }
    }
    return Optional.of(look(lane, reference));
  }

  private boolean begin(Lane lane) {
    synchronized (lane) {
      return !engine.closing() && lane.current().isEmpty() && lane.begin();
    }
  }

  /** Runs on a worker. */
  Look look(Reference reference) {
    Lane lane = engine.lane(reference);
    return begin(lane) ? look(lane, reference) : BUSY;
  }

  private Look look(Lane lane, Reference reference) {
    Done done = Done.of(Outcome.UNKNOWN, "looking failed");
    try {
      Optional<Intent> intent = ledger.find(reference);
      done = intent.isEmpty() ? Done.of(Outcome.SKIPPED, "it is gone") : look(lane, intent.get());
    } finally {
      Runnable next = lane.end();
      done.end().run();
      ledger.history().deliver();
      next.run();
    }
    return done.look();
  }

  private Done look(Lane lane, Intent intent) {
    Observed<?> seen = host.observe(intent.id());
    if (seen instanceof Observed.Unknown<?> unknown) {
      leaveAlone(lane, intent.id(), unknown.why());
      return Done.of(Outcome.UNKNOWN, unknown.why());
    }
    if (lane.changeUnseen(false)) {
      ledger.history().append(at -> new Event.SeenAgain(at, intent.id()));
    }
    return switch (intent.phase()) {
      case READY -> Host.finished(seen) ? Done.of(Outcome.FINE, "") : drifted(lane, intent, seen);
      case APPLYING -> repair(lane, intent);
      case DELETING, ROLLING_BACK ->
        ledger.needers(intent.id().reference()).isEmpty()
            ? work(lane, intent, Engine.DELETE, Engine.DELETE, engine.convergence()::remove)
            : Done.of(Outcome.SKIPPED, "others depend on it");
      case FAILED -> Done.of(Outcome.FINE, intent.message());
    };
  }

  private void leaveAlone(Lane lane, ResourceId id, String why) {
    LOG.warn("{}: cannot be seen and is left alone: {}", id, why);
    instruments.count("n0core.unseen", id.kind());
    if (lane.changeUnseen(true)) {
      ledger.history().append(at -> new Event.Unseen(at, id, why));
    }
  }

  private Done drifted(Lane lane, Intent intent, Observed<?> seen) {
    instruments.count("n0core.drift", intent.id().kind());
    if (engine.convergence().lost(intent, seen)) {
      return reportLoss(lane, intent);
    }
    LOG.warn("{}: has drifted and is repaired, found {}", intent.id(), seen);
    Done done = repair(lane, intent);
    if (done.look().outcome() == Outcome.WORKED) {
      lane.repaired(scheduler.nanoTime());
    }
    return done;
  }

  private Done reportLoss(Lane lane, Intent intent) {
    synchronized (lane) {
      if (overtaken(lane, intent)) {
        return Done.of(Outcome.SKIPPED, "a request came first");
      }
      admission.record(intent.lost());
    }
    LOG.warn("{}: {}", intent.id(), Intent.LOST);
    return Done.of(Outcome.WORKED, Intent.LOST);
  }

  private Done repair(Lane lane, Intent intent) {
    Optional<String> blocked = blocked(intent);
    return blocked.isPresent()
        ? Done.of(Outcome.SKIPPED, blocked.get())
        : work(lane, intent, Engine.APPLY, intent.spec(), engine.convergence()::realise);
  }

  /** Says what a resource waits for before it can be applied. */
  Optional<String> blocked(Intent intent) {
    for (Reference dependency : intent.needs()) {
      Optional<Intent> other = ledger.find(dependency);
      if (other.isPresent() && other.get().phase() != Phase.READY) {
        return Optional.of("waits for " + dependency);
      }
    }
    return Optional.empty();
  }

  private Done work(
      Lane lane, Intent intent, String verb, Object request, Running.Work<ResourceId> work) {
    RunningOperation<ResourceId> operation = engine.own(intent.id(), verb, request);
    synchronized (lane) {
      if (overtaken(lane, intent)) {
        return Done.of(Outcome.SKIPPED, "a request came first");
      }
      lane.occupy(operation);
    }
    Runnable end = engine.run(lane, operation, work);
    return new Done(new Look(Outcome.WORKED, ""), end);
  }

  /** Tells whether a request was accepted while we looked; it knows better. */
  private boolean overtaken(Lane lane, Intent intent) {
    return engine.closing()
        || lane.retired()
        || lane.current().isPresent()
        || ledger.find(intent.id().reference()).filter(intent::equals).isEmpty();
  }
}
