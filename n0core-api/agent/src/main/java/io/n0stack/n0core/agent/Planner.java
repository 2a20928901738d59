package io.n0stack.n0core.agent;

import io.n0stack.n0core.api.N0Exception;
import io.n0stack.n0core.api.driver.Observed;
import io.n0stack.n0core.api.driver.Reference;
import io.n0stack.n0core.api.driver.ResourceId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Says what the agent would do, and why it does what it does. Changes nothing. */
final class Planner {
  private final Host host;
  private final Ledger ledger;
  private final Engine engine;
  private final Inspection inspection;
  private final SpecChanges changes;
  private final Scheduler scheduler;
  private final Duration tick;

  Planner(
      Host host,
      Ledger ledger,
      Engine engine,
      Inspection inspection,
      SpecChanges changes,
      Scheduler scheduler,
      Duration tick) {
    this.host = host;
    this.ledger = ledger;
    this.engine = engine;
    this.inspection = inspection;
    this.changes = changes;
    this.scheduler = scheduler;
    this.tick = tick;
  }

  Plan plan(Bundle bundle) {
    bundle.entries().forEach(entry -> host.requireType(entry.reference(), entry.spec()));
    List<Plan.Entry> entries = new ArrayList<>();
    Set<Reference> planned = new LinkedHashSet<>();
    for (Bundle.Entry entry : bundle.entries()) {
      entries.add(plan(entry, planned));
      planned.add(entry.reference());
    }
    return new Plan(entries);
  }

  private Plan.Entry plan(Bundle.Entry entry, Set<Reference> planned) {
    Reference reference = entry.reference();
    for (Reference dependency : entry.spec().dependencies()) {
      Optional<Intent> other = ledger.find(dependency);
      if (other.isEmpty() && !planned.contains(dependency)) {
        return refuse(reference, "it needs " + dependency + ", which is not on record");
      }
      if (other.filter(Intent::leaving).isPresent()) {
        return refuse(reference, "it needs " + dependency + ", which is being deleted");
      }
    }
    Optional<Intent> known = ledger.find(reference);
    return known.isEmpty() ? create(reference) : change(entry, known.get());
  }

  private Plan.Entry create(Reference reference) {
    try {
      Optional<ResourceId> orphan = host.driver(reference.kind()).list().stream()
          .filter(id -> id.reference().equals(reference))
          .findFirst();
      return orphan.isPresent()
          ? refuse(
              reference,
              "an orphan has its name, uid " + orphan.get().uid() + "; adopt it or reap it")
          : new Plan.Entry(reference, Plan.Action.CREATE, List.of(), "");
    } catch (N0Exception e) {
      return refuse(reference, "its driver cannot look: " + e.getMessage());
    }
  }

  private Plan.Entry change(Bundle.Entry entry, Intent known) {
    Reference reference = entry.reference();
    if (known.leaving()) {
      return refuse(reference, "it is being deleted");
    }
    List<Plan.Change> differences =
        changes.between(host.driver(reference.kind()), known.spec(), entry.spec());
    Observed<?> seen = host.observe(known.id());
    if (seen instanceof Observed.Unknown<?> unknown) {
      return new Plan.Entry(
          reference, Plan.Action.REFUSE, differences, "it cannot be seen: " + unknown.why());
    }
    if (engine.convergence().lost(known, seen)) {
      return new Plan.Entry(reference, Plan.Action.REFUSE, differences, Intent.LOST);
    }
    if (!known.onceReady()) {
      return new Plan.Entry(reference, Plan.Action.CREATE, differences, "it was never finished");
    }
    if (known.isLost() && seen instanceof Observed.Absent) {
      return new Plan.Entry(reference, Plan.Action.CREATE, differences, "it was lost");
    }
    if (!differences.isEmpty()) {
      return new Plan.Entry(reference, SpecChanges.action(differences), differences, "");
    }
    return known.phase() == Phase.READY && Host.finished(seen)
        ? new Plan.Entry(reference, Plan.Action.NONE, List.of(), "")
        : new Plan.Entry(reference, Plan.Action.REPAIR, List.of(), "it is " + seen);
  }

  private static Plan.Entry refuse(Reference reference, String why) {
    return new Plan.Entry(reference, Plan.Action.REFUSE, List.of(), why);
  }

  Explanation explain(Reference reference) {
    Intent intent =
        ledger.find(reference).orElseThrow(() -> Admission.notFound("explain", reference));
    Lane lane = engine.lane(reference);
    Observed<?> seen = host.observe(intent.id());
    Optional<Operation<?>> running;
    synchronized (lane) {
      running = lane.current().map(operation -> operation);
    }
    long now = scheduler.nanoTime();
    Optional<String> blocked = running.isPresent() ? Optional.empty() : blocked(intent, seen);
    String next = running
        .map(operation -> "\"" + operation.verb() + "\" goes on")
        .orElseGet(() -> next(intent, seen, blocked, lane.rest(now)));
    return new Explanation(intent.resource(), seen, running, lane.steps(now), blocked, next);
  }

  private Optional<String> blocked(Intent intent, Observed<?> seen) {
    if (seen instanceof Observed.Unknown<?> unknown) {
      return Optional.of("it cannot be seen: " + unknown.why());
    }
    if (intent.leaving()) {
      List<Reference> needers = ledger.needers(intent.id().reference());
      return needers.isEmpty() ? Optional.empty() : Optional.of("needed by " + needers);
    }
    boolean applies =
        intent.phase() == Phase.APPLYING || (intent.phase() == Phase.READY && !Host.finished(seen));
    return applies ? inspection.blocked(intent) : Optional.empty();
  }

  private String next(Intent intent, Observed<?> seen, Optional<String> blocked, Duration rest) {
    String when = rest.isZero() ? "within " + tick : "in " + rest.toSeconds() + " s";
    if (blocked.isPresent()) {
      return "nothing until that changes; looks again " + when;
    }
    return switch (intent.phase()) {
      case APPLYING -> "applies the spec " + when;
      case DELETING, ROLLING_BACK -> "deletes it " + when;
      case FAILED -> "nothing until somebody applies or deletes it";
      case READY -> {
        if (Host.finished(seen)) {
          yield "nothing; looks again " + when;
        }
        yield engine.convergence().lost(intent, seen)
            ? "reports the loss " + when + " and makes nothing in its place"
            : "repairs the drift " + when;
      }
    };
  }
}
